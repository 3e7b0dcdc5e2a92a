"""`multirecall tune` on a small generated shop: the whole chain, interrupted and resumed, and bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multirecall.cli.main import app
from multirecall.encoders.opening import open_encoder
from multirecall.wiring import tuning
from multirecall.wiring.tuning import STEPS
from tests.support.judged_shop import judged_shop
from tests.support.torch_extra import require_torch

QUICK = ("--made", "30", "--pair-queries", "10", "--epochs", "0.1", "--rounds", "5", "--yes")
CONCEPTS = """
[scene]
study_start = { say = ["first term", "moving into a dorm"], find = ["laptop", "desk lamp", "backpack"] }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    judged_shop(folder, products=300, queries=40)
    (folder / "mine.toml").write_text(CONCEPTS)
    return folder


@pytest.fixture(autouse=True)
def settings(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRECALL_ENGINE", f"embedded:{shop / 'index'}")
    monkeypatch.setenv("MULTIRECALL_KNOWLEDGE", str(shop / "mine.toml"))
    monkeypatch.setenv("MULTIRECALL_REWRITERS", "units,spelling,compounds")


def tune(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["tune", *options], env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.exit_code, done.output


def actions(output: str) -> dict[str, str]:
    return {row["step"]: row["action"] for row in json.loads(output)["steps"]}


@pytest.fixture(scope="module")
def tuned(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tuning that was interrupted before the blender, and gone on with."""
    require_torch()
    out = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIRECALL_ENGINE", f"embedded:{shop / 'index'}")
        patch.setenv("MULTIRECALL_KNOWLEDGE", str(shop / "mine.toml"))
        patch.setenv("MULTIRECALL_REWRITERS", "units,spelling,compounds")
        with pytest.MonkeyPatch.context() as broken:

            def interrupt(*args: object) -> None:
                raise KeyboardInterrupt

            broken.setattr(tuning, "blended", interrupt)
            code, output = tune("--out", str(out), *QUICK)
        assert (code, output.strip().splitlines()[-1]) == (130, "Interrupted."), output
        code, output = tune("--out", str(out), *QUICK, "--json")
        assert code == 0, output
    (out / "resumed.json").write_text(output)
    return out


def test_the_chain_goes_on_where_it_was_interrupted_and_ends_with_a_proposal(tuned: Path) -> None:
    report = json.loads((tuned / "resumed.json").read_text())
    done = {row["step"]: row["action"] for row in report["steps"]}
    assert done == {name: "keep" if STEPS.index(name) < STEPS.index("blender") else "run" for name in STEPS}
    compared = report["results"]["compare"]
    assert {(row["arm"], row["against"]) for row in compared["rows"]} == {
        ("rewrite", "today"),
        ("encoder", "sample"),
        ("blender", "today"),
        ("blender", "rewrite"),
    }
    verdicts = {row["arm"]: row for row in compared["verdicts"]}
    assert compared["generated"]
    assert not verdicts["blender"]["proposed"]
    assert not verdicts["encoder"]["proposed"]
    proposed = (tuned / "multirecall.env").read_text()
    assert "blender is not proposed" in proposed
    assert "MULTIRECALL_FUSION=blender" not in proposed
    took = {row["step"]: row["took_s"] for row in report["steps"]}
    assert took["encoder"] > 0  # of the run that was interrupted
    assert took["blender"] > 0


def test_what_was_learned_can_be_used(tuned: Path, shop: Path) -> None:
    asked = CliRunner().invoke(app, ["search", "lamp", "--fusion", f"blender:{tuned / 'blender'}", "--json"])
    assert asked.exit_code == 0, asked.output
    assert json.loads((tuned / "blender" / "card.json").read_text())["rewritings"]  # as `train blender` does
    assert open_encoder(f"static:{tuned / 'encoder'}").encode_queries(["desk lamp"]).any()


def test_a_third_run_does_nothing_and_a_step_can_be_run_alone_or_left_out(tuned: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    shutil.copytree(tuned, out)
    assert set(actions(tune("--out", str(out), *QUICK, "--json")[1]).values()) == {"keep"}
    only = actions(tune("--out", str(out), *QUICK, "--only", "proposal", "--json")[1])
    assert [name for name, action in only.items() if action == "run"] == ["proposal"]
    code, output = tune("--out", str(out), *QUICK, "--skip", "encoder", "--skip", "blender")
    assert code == 0, output
    assert "left out: needs encoder" in output
    assert "blender" not in (out / "multirecall.env").read_text()
    proposed = json.loads((out / "state.json").read_text())["steps"]["proposal"]["result"]
    assert proposed["file"] == str(out / "multirecall.env")
    assert proposed["text"] == (out / "multirecall.env").read_text()


def test_judgments_decide_once_they_are_given(tuned: Path, shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged"
    shutil.copytree(tuned, out)
    few = (shop / "queries.tsv").read_text().splitlines()[:27]
    (tmp_path / "few.tsv").write_text("\n".join(few) + "\n")
    files = ("--queries", str(tmp_path / "few.tsv"), "--judgments", str(shop / "judgments.tsv"))
    code, output = tune("--out", str(out), *QUICK, *files, "--json")
    assert code == 0, output
    report = json.loads(output)
    kept = {row["step"] for row in report["steps"] if row["action"] == "keep"}
    assert kept == {"read", "queries", "rewriters", "pairs"}
    compared = report["results"]["compare"]
    assert not compared["generated"]
    assert 20 <= compared["queries"] <= 26
    whys = {row["arm"]: row["why"] for row in compared["verdicts"]}
    assert not any("generated queries" in why for why in whys.values())
    assert whys.keys() == {"rewrite", "encoder", "blender"}
    of_encoder = {row["measure"]: row["n"] for row in compared["rows"] if row["arm"] == "encoder" and not row["kind"]}
    assert of_encoder == dict.fromkeys(("condensed nDCG@10", "R@100"), compared["queries"])
    folds = report["results"]["encoder"]["folds"]
    assert (
        sum(len(fold["asked"]) for fold in folds) == compared["queries"]
    )  # each is asked of one that did not learn it
    assert len({fold["training"] for fold in folds}) == 3


def test_an_index_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, output = tune("--engine", f"embedded:{tmp_path / 'none'}", "--out", str(tmp_path / "out"))
    assert code != 0
    assert "multirecall index" in output
    assert not (tmp_path / "out").exists()


def test_judgments_of_another_shop_are_told_before_anything_is_done(shop: Path, tmp_path: Path) -> None:
    queries, judgments = tmp_path / "q.tsv", tmp_path / "j.tsv"
    queries.write_text("qid\tquery\n1\tlamp\n")
    judgments.write_text("qid\tproduct_id\tgrade\n1\tno-such-product\t3\n")
    code, output = tune("--queries", str(queries), "--judgments", str(judgments), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "None of the 1 products that the judgments call relevant is in index" in " ".join(output.split())
    assert not (tmp_path / "out").exists()
    code, output = tune("--judgments", str(judgments), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "--queries" in output


def test_a_base_that_cannot_be_trained_is_told_before_anything_is_done(tmp_path: Path) -> None:
    code, output = tune("--base", "bm25", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "'bm25' cannot be trained" in output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, output = tune("--out", str(tmp_path / "file"), "--yes")
    assert code == 2
    assert "Cannot write" in output
