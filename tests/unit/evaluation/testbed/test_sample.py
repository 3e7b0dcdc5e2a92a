from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed import default_queries, write_sample
from multirecall.evaluation.testbed.judgments import BOUNDS
from tests.unit.evaluation.testbed.bed import Bed, read_bed

_CHILD = """
import sys
from pathlib import Path
from multirecall.evaluation.testbed import write_sample
write_sample(Path(sys.argv[1]), products=int(sys.argv[2]), queries=int(sys.argv[3]), seed=5)
"""
_CHILD_RSS = _CHILD + "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def bytes_of(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def child(code: str, *args: str, hash_seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_same_arguments_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    write_sample(tmp_path / "here", products=700, queries=100, seed=5)
    child(_CHILD, str(tmp_path / "there"), "700", "100", hash_seed="4711")
    assert bytes_of(tmp_path / "here") == bytes_of(tmp_path / "there")


def test_another_seed_gives_another_catalogue(tmp_path: Path) -> None:
    one = write_sample(tmp_path / "one", products=200, queries=5, seed=1)
    two = write_sample(tmp_path / "two", products=200, queries=5, seed=2)
    assert one.digests["catalogue.jsonl"] != two.digests["catalogue.jsonl"]


def test_folder_holds_the_files_and_no_leftovers(bed: Bed) -> None:
    names = {p.name for p in bed.report.out.iterdir()}
    assert names == {
        "README.md", "catalogue.jsonl", "clicks.tsv.gz", "concepts.json", "constraints.jsonl", "judgments.tsv",
        "multirecall.toml", "queries.tsv", "sample.json", "synonyms.txt",
    }  # fmt: skip


def test_report_counts_what_the_files_hold(bed: Bed) -> None:
    report = bed.report
    assert report.products == len(bed.catalogue) == 2000
    assert report.queries == len(bed.queries) == len(bed.constraints) == len(bed.grades)
    assert report.judgments == sum(len(g) for g in bed.grades.values())
    assert report.impressions == len(bed.clicks)
    assert report.clicks == sum(int(row["click"]) for row in bed.clicks)
    assert report.concepts == len(bed.concepts) >= 200
    stored = json.loads((report.out / "sample.json").read_text(encoding="utf-8"))
    assert stored == report.to_dict()
    assert stored["generated"] is True
    for name, digest in report.digests.items():
        if not name.endswith(".gz"):
            assert hashlib.sha256((report.out / name).read_bytes()).hexdigest() == digest


def test_readme_says_that_it_is_generated_with_seed_and_bounds(bed: Bed) -> None:
    text = (bed.report.out / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Generated test bed")
    assert "seed 11" in text
    assert f"{BOUNDS[3]:,} exact" in text


def test_default_queries_grow_with_the_catalogue_between_bounds() -> None:
    assert default_queries(100) == 600
    assert default_queries(5000) == 5000 // 4
    assert 5000 <= default_queries(30_000) <= 10_000
    assert default_queries(1_000_000) == 10_000


@pytest.mark.parametrize("products", [1, 2, 37, 160])
def test_tiny_catalogues_are_complete_and_consistent(tmp_path: Path, products: int) -> None:
    small = read_bed(write_sample(tmp_path, products=products, queries=40))
    assert len(small.catalogue) == products
    assert small.report.queries <= 40
    ids = {row["id"] for row in small.catalogue}
    assert all(set(grades) <= ids for grades in small.grades.values())


def test_bounded_grades_are_sampled_and_counted(tmp_path: Path) -> None:
    large = read_bed(write_sample(tmp_path, products=12_000, queries=150))
    assert large.report.bounded_queries > 0
    for row in large.constraints:
        judged = list(large.grades[row["qid"]].values())
        for grade, name in ((3, "exact"), (2, "substitute"), (1, "complement")):
            assert judged.count(grade) == min(row["counts"][name], BOUNDS[grade])


@pytest.mark.slow
def test_memory_grows_by_less_than_a_kilobyte_per_product(tmp_path: Path) -> None:
    small = int(child(_CHILD_RSS, str(tmp_path / "small"), "5000", "300"))
    large = int(child(_CHILD_RSS, str(tmp_path / "large"), "50000", "300"))
    assert (large - small) * 1024 < 45_000 * 1024
    assert large < 3 * small


def test_write_sample_tells_its_progress(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_sample(tmp_path, products=6000, queries=20, progress=lambda *what: told.append(what))
    assert ("catalogue", 5000, 6000) in told
    assert ("catalogue", 6000, 6000) in told
    assert told[-1][0] == "judgments"
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize(("products", "queries"), [(0, None), (-5, None), (1_000_001, None), (10, 0), (10, 100_001)])
def test_sizes_out_of_range_are_refused(tmp_path: Path, products: int, queries: int | None) -> None:
    with pytest.raises(InvalidInput, match="Ask for 1 to"):
        write_sample(tmp_path / "out", products=products, queries=queries)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not lose")
    with pytest.raises(InvalidInput, match="no generated sample"):
        write_sample(tmp_path, products=10)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_or_interrupted_sample_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "catalogue.jsonl.partial").write_text("half a li")
    write_sample(tmp_path, products=50, queries=10, seed=1)
    second = write_sample(tmp_path, products=60, queries=10, seed=2)
    assert second.products == 60
    assert not list(tmp_path.glob("*.partial"))


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="is a file"):
        write_sample(tmp_path / "file", products=10)
