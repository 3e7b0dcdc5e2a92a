"""The commands and programs in the documentation run, and its links and paths lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from multirecall.engines.exact import ExactEngine
from multirecall.wiring.settings import Settings
from multirecall.workers.metrics import WorkerMetrics
from tests.e2e.command import multirecall
from tests.support.deployments import opened_bench
from tests.support.torch_extra import require_torch
from tests.support.worker_process import forget_namespace, running_worker, worker_environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = re.compile(r"<!-- run( with the extra train)? -->\n```(sh|python)\n(.*?)```", re.DOTALL)
RUN_WITH_A_WORKER = re.compile(r"<!-- run with a worker -->\n```sh\n(.*?)```", re.DOTALL)
FILE = re.compile(r"<!-- file (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `catalogue.jsonl` and `queries.tsv`, small enough that every page indexes it in seconds."""
    folder = tmp_path_factory.mktemp("docs")
    assert multirecall("sample", "--out", str(folder / "sample"), "--products", "300", "--queries", "40").code == 0
    (folder / "sample" / "catalogue.jsonl").rename(folder / "catalogue.jsonl")
    (folder / "sample" / "queries.tsv").rename(folder / "queries.tsv")
    return folder


def test_pages_have_blocks_that_run() -> None:
    assert sum(len(RUN.findall(page.read_text())) for page in PAGES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_of_the_page_run(page: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    (shop / "multirecall.toml").unlink(missing_ok=True)
    blocks = RUN.findall(page.read_text())
    if blocks and not (shop / "shop").exists():
        assert multirecall("index", "catalogue.jsonl", "--engine", "embedded:shop").code == 0
    for extra, language, block in blocks:
        if extra:
            require_torch()  # skips what is left of the page, or fails in CI
        if language == "python":
            done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            continue
        for line in block.strip().splitlines():
            words, _, target = line.partition(" > ") if line.startswith("multirecall mapping") else (line, "", "")
            arguments = shlex.split(words)
            if arguments[0] == "export":
                for name, _, value in (word.partition("=") for word in arguments[1:]):
                    monkeypatch.setenv(name, value)
                continue
            assert arguments[0] == "multirecall", line
            outcome = multirecall(*arguments[1:])
            assert outcome.code == 0, f"{line}\n{outcome.out}\n{outcome.err}"
            if target:
                Path(target.strip()).write_text(outcome.out)


@pytest.mark.integration
@pytest.mark.parametrize(
    "page", [page for page in PAGES if RUN_WITH_A_WORKER.search(page.read_text())], ids=lambda p: p.name
)
def test_commands_of_the_page_run_with_a_worker(
    page: Path, shop: Path, tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with the catalogue and the files that the page shows, a worker runs for an embedded engine there."""
    variables = worker_environment(redis_url, f"embedded:{tmp_path / 'shop'}", tmp_path / "cache")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    shutil.copy(shop / "catalogue.jsonl", tmp_path)
    for name, body in FILE.findall(page.read_text()):
        Path(name).write_text(body)
    try:
        with running_worker(variables, tmp_path) as log:
            for block in RUN_WITH_A_WORKER.findall(page.read_text()):
                for line in block.strip().splitlines():
                    outcome = multirecall(*shlex.split(line)[1:])
                    assert outcome.code == 0, f"{line}\n{outcome.out}\n{outcome.err}\n{log.read_text()}"
    finally:
        forget_namespace(redis_url, variables["MULTIRECALL_NAMESPACE"])


def test_the_metrics_on_the_workers_page_are_those_that_are_served(redis_url: str) -> None:
    with opened_bench(redis_url, lambda: ExactEngine("shop")) as bench:
        families = {family.name: family.type for family in WorkerMetrics(bench.deployment).collect()}
    served = {f"{name}_total" if kind == "counter" else name for name, kind in families.items()}
    page = (ROOT / "docs" / "workers.md").read_text()
    table = page[page.index("| metric |") : page.index("Alert on")]
    assert set(re.findall(r"`(multirecall_\w+)", table)) == served


def test_the_settings_on_the_workers_page_have_the_defaults_it_says() -> None:
    page = (ROOT / "docs" / "workers.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| ([\d,. ]+) \|", page[page.index("| setting |") :], re.MULTILINE)
    told = {
        name: float(value.replace(",", ""))
        for names, values in rows
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
    }
    assert len(told) >= 7
    assert told == {name: float(Settings.model_fields[name].get_default()) for name in told}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_folders_named_on_the_architecture_page_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for folder in re.findall(r"^\| `(\w+)/`", text, re.MULTILINE):
        assert (ROOT / folder / "__init__.py").exists(), folder
    for path in re.findall(r"`(\w+/[\w/]+\.py)`", text):
        assert (ROOT / path).exists(), path


def test_the_table_of_gaps_on_the_engines_page_is_the_one_of_the_contract_suite() -> None:
    table = subprocess.run(
        [sys.executable, "-m", "tests.contract.gaps"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert table.returncode == 0, table.stderr
    assert table.stdout.strip() in (ROOT / "docs" / "engines.md").read_text()
