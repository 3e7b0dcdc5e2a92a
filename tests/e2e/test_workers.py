"""The commands with a real worker, and what they say when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from multirecall.engine.commands import free_ports
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings
from tests.e2e.command import Outcome, multirecall
from tests.support.deployments import eventually
from tests.support.engines import RUN, delete_indices
from tests.support.worker_process import forget_namespace, running_beat, running_worker, worker_environment

ROWS: list[dict[str, Any]] = [
    {"id": f"p{n:03d}", "title": f"Lamp number {n}", "brand": "Lux", "price": 10 + n} for n in range(60)
]


def lines(path: Path, *values: object) -> str:
    path.write_text("".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values))
    return str(path)


def done(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.out + outcome.err
    return outcome


def refused(outcome: Outcome, code: int, *words: str) -> None:
    """The command failed with a message that holds all words, and without a traceback."""
    text = " ".join((outcome.err + outcome.out).split())
    assert outcome.code == code, text
    assert "Traceback" not in text
    for word in words:
        assert word in text, text


def found(id: str) -> dict[str, Any] | None:
    """The product as a search for its title shows it."""
    hits = done(multirecall("search", f"lamp number {int(id[1:])}", "--size", "100", "--timeout", "30", "--json")).json
    return next((hit["product"] for hit in hits["hits"]["hits"] if hit["id"] == id), None)


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module", params=["elasticsearch", "embedded"])
def shop(
    request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch,
) -> Iterator[Path]:  # fmt: skip
    """A folder with a worker for an engine of its own, and `catalogue.jsonl` indexed through it."""
    folder = tmp_path_factory.mktemp("workers")
    name = f"t_{RUN}_e2e"
    engine = f"embedded:{folder / 'shop'}"
    if request.param != "embedded":
        base = request.getfixturevalue(f"{request.param}_url")
        engine = f"{base}/{name}"
    variables = worker_environment(redis_url, engine, folder / "cache") | {"MULTIRECALL_KEEP_TOMBSTONES_DAYS": "1e-7"}
    for variable, value in variables.items():
        environment.setenv(variable, value)
    environment.chdir(folder)
    with running_worker(variables, folder):
        source = lines(folder / "catalogue.jsonl", *ROWS, {"title": "no id"})
        outcome = multirecall("index", source, "--workers")
        assert outcome.code == 0, outcome.out + outcome.err
        assert "60 written" in outcome.out
        assert "1 x id: missing" in outcome.out
        yield folder
    forget_namespace(redis_url, variables["MULTIRECALL_NAMESPACE"])
    if request.param != "embedded":
        delete_indices(engine, name)


def test_what_workers_indexed_is_found(shop: Path) -> None:
    product = found("p007")
    assert product is not None
    assert (product["title"], product["price_minor"]) == ("Lamp number 7", 1700)


def test_changes_from_a_file_are_applied_and_wrong_lines_named(shop: Path) -> None:
    changes = lines(
        shop / "changes.jsonl",
        {"op": "update", "id": "p001", "fields": {"price": "99.00"}},
        "",
        "not json",
        {"op": "upsert", "product": {"id": "p100", "title": "Lamp number 100"}},
        {"op": "delete", "id": "p002"},
        {"op": "update", "id": "p003", "fields": {"title": "New"}},
    )
    outcome = multirecall("changes", "apply", changes)
    assert outcome.code == 1
    assert "left out: line 3: A change is a JSON object" in outcome.err
    assert "left out: line 6: Field 'title' cannot change in an update" in outcome.err
    assert "3 written" in outcome.out
    product = found("p001")
    assert product is not None
    assert product["price_minor"] == 9900
    assert found("p100") is not None
    assert found("p002") is None


def test_changes_from_standard_input(shop: Path) -> None:
    body = json.dumps({"op": "update", "id": "p004", "fields": {"in_stock": False}})
    outcome = done(multirecall("changes", "apply", "-", "--json", stdin=body))
    assert (outcome.json["state"], outcome.json["counts"]["done"], outcome.json["refused"]) == ("done", 1, [])


def test_changes_can_be_sent_without_waiting(shop: Path) -> None:
    changes = lines(shop / "one.jsonl", {"op": "update", "id": "p005", "fields": {"price": 7}})
    sent = done(multirecall("changes", "apply", changes, "--detach"))
    assert "1 change sent as job changes-" in sent.out
    job = done(multirecall("changes", "apply", changes, "--detach", "--json")).json["id"]
    assert done(multirecall("jobs", "watch", job, "--json")).json["counts"]["done"] == 1


@pytest.mark.parametrize("shop", ["embedded"], indirect=True)
def test_a_worker_trains_a_blender_that_searches_use(shop: Path) -> None:
    numbers = range(20, 44)
    (shop / "queries.tsv").write_text("qid\tquery\n" + "".join(f"q{n}\tlamp number {n}\n" for n in numbers))
    (shop / "judgments.tsv").write_text("".join(f"q{n} 0 p{n:03d} 3\nq{n} 0 p{n + 1:03d} 1\n" for n in numbers))
    arguments = ("--queries", "queries.tsv", "--judgments", "judgments.tsv", "--rounds", "6", "--folds", "2")
    job = done(multirecall("train", "blender", *arguments, "--out", "model", "--workers", "--json")).json
    assert (job["kind"], job["state"], job["report"]["model"]) == ("train-blender", "done", str(shop / "model"))
    shown = done(multirecall("jobs", "show", job["id"])).out
    assert "The blender against" in shown
    assert "--fusion blender:" in shown
    answer = done(multirecall("search", "lamp number 7", "--fusion", "blender:model", "--timeout", "30", "--json")).json
    assert answer["fusion"] == "Blender(model)"
    refused(multirecall("train", "blender", *arguments, "--workers", "--html", "x.html"), 2, "--html", "--workers")


def test_jobs_are_listed_and_shown(shop: Path) -> None:
    listed = done(multirecall("jobs", "list", "--json")).json
    index = listed["jobs"][-1]
    assert (index["kind"], index["state"], index["counts"]["rejected"]) == ("index", "done", 1)
    assert listed["trouble"] is None
    assert index["id"] in done(multirecall("jobs", "list")).out
    shown = done(multirecall("jobs", "show", index["id"]))
    assert "60 of 60 settled" in shown.out
    assert done(multirecall("jobs", "show", index["id"], "--json")).json["report"]["products"] == 60
    assert done(multirecall("jobs", "watch", index["id"])).out == shown.out
    refused(multirecall("jobs", "cancel", index["id"]), 2, "is done already")
    refused(multirecall("jobs", "resume", index["id"]), 2, "only a failed or cancelled one")


@pytest.mark.parametrize("act", ["show", "watch", "cancel", "resume"])
def test_a_job_that_is_not_there(shop: Path, act: str) -> None:
    refused(multirecall("jobs", act, "nothing"), 3, "no job 'nothing'", "multirecall jobs list")
    assert multirecall("jobs", act, "nothing", "--json").json["error"]["code"] == "not_found"


def test_dead_letters_are_listed_shown_replayed_and_dropped(shop: Path) -> None:
    update = {"op": "update", "id": "p900", "fields": {"in_stock": True}}
    outcome = multirecall("changes", "apply", lines(shop / "late.jsonl", update))
    assert outcome.code == 1
    assert "1 dead letter" in outcome.out
    assert "multirecall deadletters list" in outcome.out
    [letter] = done(multirecall("deadletters", "list", "--json")).json["dead_letters"]
    assert (letter["product"], letter["error"]) == ("p900", "There is no product of this id.")
    listed = done(multirecall("deadletters", "list")).out
    assert letter["id"] in listed
    assert done(multirecall("deadletters", "show", letter["id"])).json == letter
    assert "1 dead letter" in multirecall("deadletters", "replay", letter["id"]).out
    [again] = done(multirecall("deadletters", "list", "--json")).json["dead_letters"]
    assert again["item"] == letter["item"]  # at its old version
    assert "1 dead letter dropped" in done(multirecall("deadletters", "drop", "--all")).out
    assert "There is no dead letter." in done(multirecall("deadletters", "list")).out
    refused(multirecall("deadletters", "replay", "--all"), 3, "no dead letter to replay")
    refused(multirecall("deadletters", "drop"), 2, "Name the dead letters")
    refused(multirecall("deadletters", "show", letter["id"]), 3, "multirecall deadletters list")


def test_a_rebuild_by_workers_and_the_way_back(shop: Path) -> None:
    before = done(multirecall("generations", "--json")).json["generations"]
    live = next(one["index"] for one in before if one["live"])
    outcome = done(multirecall("rebuild", "--workers"))
    assert f"in the place of {live}" in outcome.out
    assert "went live unjudged" in outcome.out
    after = {one["index"]: one for one in done(multirecall("generations", "--json")).json["generations"]}
    assert after[live]["rollback"] == 1
    assert "rollback leads here" in done(multirecall("generations")).out
    changes = lines(shop / "more.jsonl", {"op": "update", "id": "p010", "fields": {"price": "77.00"}})
    done(multirecall("changes", "apply", changes))
    back = done(multirecall("rollback", "--json")).json
    assert (back["live"], back["workers"]) == (live, True)
    product = found("p010")
    assert product is not None
    assert product["price_minor"] == 7700  # the index that was left had been kept current
    refused(multirecall("rollback", "--to", live), 2, "live already")
    refused(multirecall("rollback", "--to", "nothing"), 3, "There are:", live)


def test_a_rebuild_from_the_catalogue_by_workers_detached(shop: Path) -> None:
    outcome = done(multirecall("rebuild", str(shop / "catalogue.jsonl"), "--workers", "--detach", "--json"))
    watched = done(multirecall("jobs", "watch", outcome.json["id"], "--json")).json
    assert (watched["kind"], watched["report"]["products"]) == ("rebuild", 60)


def test_a_job_that_fails_says_why_and_is_cancelled_and_resumed(shop: Path) -> None:
    few = lines(shop / "few.jsonl", *ROWS[:3])
    failed = multirecall("index", few, "--workers")
    assert failed.code == 1
    assert "--allow-shrink" in failed.out
    job = done(multirecall("jobs", "list", "--size", "1", "--json")).json["jobs"][0]
    assert f"multirecall jobs resume {job['id']}" in failed.out
    assert "goes on" in done(multirecall("jobs", "resume", job["id"])).out
    assert multirecall("jobs", "watch", job["id"], "--json").code == 1


def test_options_that_workers_would_ignore_are_refused(shop: Path) -> None:
    source = str(shop / "catalogue.jsonl")
    for option in (["--keep", "3"], ["--vector-index", "flat"], ["--no-reuse"]):
        refused(multirecall("index", source, "--workers", *option), 2, option[0], "keep_generations")
    refused(multirecall("index", str(shop / "nothing.jsonl"), "--workers"), 3, "no file")


def test_the_status_names_workers_and_queues(shop: Path) -> None:
    status = done(multirecall("worker", "status", "--json")).json
    [[name, queues]] = status["workers"].items()
    assert name.endswith("@test")
    assert queues == ["changes", "index", "jobs"]
    assert status["queues"]["changes"] == {"waiting": 0, "leased": 0, "delayed": 0}
    assert "queue changes: 0 batches waiting" in done(multirecall("worker", "status", "--queue", "changes")).out
    refused(multirecall("worker", "status", "--queue", "nothing"), 2, "Queues: index, changes, jobs")


def tombstones() -> set[str]:
    settings = load_settings()
    with opened_engine(settings, settings.engine) as engine:
        return {gone.id for info in engine.indexes() for gone in engine.deleted(index=info.name)}


@pytest.mark.parametrize("shop", ["embedded"], indirect=True)
def test_beat_has_old_tombstones_forgotten(shop: Path) -> None:
    done(multirecall("changes", "apply", lines(shop / "gone.jsonl", {"op": "delete", "id": "p059"})))
    assert "p059" in tombstones()
    with running_beat({"MULTIRECALL_PRUNE_EVERY_H": "0.0002"}, shop):
        eventually(lambda: not tombstones())


@pytest.mark.parametrize("shop", ["opensearch"], indirect=True)
def test_the_whole_way_on_opensearch(shop: Path) -> None:
    changes = lines(
        shop / "changes.jsonl",
        {"op": "update", "id": "p001", "fields": {"price": "99.00"}},
        {"op": "upsert", "product": {"id": "p100", "title": "Lamp number 100"}},
        {"op": "delete", "id": "p002"},
    )
    assert "3 written" in done(multirecall("changes", "apply", changes)).out
    rebuilt = done(multirecall("rebuild", "--workers", "--json")).json
    assert (rebuilt["state"], rebuilt["report"]["products"], rebuilt["counts"]["reused"]) == ("done", 60, 60)
    changed, added = found("p001"), found("p100")
    assert changed is not None
    assert changed["price_minor"] == 9900
    assert added is not None
    assert found("p002") is None


def test_figures_for_prometheus(shop: Path) -> None:
    from multirecall.workers.app import opened_deployment
    from multirecall.workers.metrics import serve_metrics

    with opened_deployment(load_settings()) as deployment, serve_metrics(deployment, "127.0.0.1", 0) as (_, url):
        text = httpx.get(url, trust_env=False).text
    assert "multirecall_up 1.0" in text
    assert 'multirecall_products_total{result="done"}' in text


# ---------------------------------------------------------------- without workers


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder where nobody runs: no Redis, no worker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIRECALL_ENGINE", "embedded:shop")
    monkeypatch.setenv("MULTIRECALL_ENCODER", "hashing")
    monkeypatch.setenv("MULTIRECALL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MULTIRECALL_REDIS", f"redis://:geheim@127.0.0.1:{free_ports(1)[0]}/0")
    return tmp_path


COMMANDS = [
    ("jobs", "list"), ("jobs", "show", "x"), ("deadletters", "list"), ("worker", "status"),
    ("worker", "metrics", "--port", "0"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_redis_each_command_says_what_to_start(alone: Path, arguments: tuple[str, ...]) -> None:
    outcome = multirecall(*arguments)
    refused(outcome, 9, "does not answer", "make up ENGINE=redis", "MULTIRECALL_REDIS")
    assert "geheim" not in outcome.err + outcome.out


def test_without_redis_nothing_is_sent_and_nothing_indexed(alone: Path) -> None:
    source = lines(alone / "c.jsonl", *ROWS)
    refused(multirecall("index", source, "--workers"), 9, "MULTIRECALL_REDIS")
    refused(multirecall("changes", "apply", source), 9, "MULTIRECALL_REDIS")
    refused(multirecall("changes", "apply", "nothing.jsonl"), 3, "no file nothing.jsonl")


@pytest.mark.parametrize("arguments", [*COMMANDS, ("worker", "run")], ids=" ".join)
def test_a_redis_url_that_is_none_names_the_form(
    alone: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MULTIRECALL_REDIS", "localhost:6379")
    refused(multirecall(*arguments), 2, "redis://HOST:PORT/DB")


def test_without_a_worker_the_status_says_how_to_start_one(
    alone: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTIRECALL_REDIS", redis_url)
    monkeypatch.setenv("MULTIRECALL_NAMESPACE", f"t_{RUN}_nobody")
    refused(multirecall("worker", "status", "--timeout-s", "0.2"), 3, "No worker answers", "multirecall worker run")
    monkeypatch.setenv("MULTIRECALL_BROKER", f"redis://:geheim@127.0.0.1:{free_ports(1)[0]}/0")
    outcome = multirecall("worker", "status", "--timeout-s", "0.2")
    refused(outcome, 9, "The broker at", "MULTIRECALL_BROKER")
    assert "geheim" not in outcome.err
    forget_namespace(redis_url, f"t_{RUN}_nobody")


def test_rebuild_rollback_and_generations_need_neither_redis_nor_workers(alone: Path) -> None:
    refused(multirecall("rebuild"), 3, "multirecall index")
    refused(multirecall("rollback"), 3, "multirecall index")
    done(multirecall("index", lines(alone / "c.jsonl", *ROWS)))
    refused(multirecall("rollback"), 3, "no index before products-000001")
    outcome = done(multirecall("rebuild"))
    assert "not judged" in outcome.out
    assert "60 products in index products-000002" in outcome.out
    assert "0 encoded, 60 reused" in outcome.out
    other = done(multirecall("rebuild", "--encoder", "hashing?dim=64", "--json")).json
    assert (other["encoded"], other["previous"], other["dropped"]) == (60, "products-000002", ["products-000001"])
    back = done(multirecall("rollback"))
    assert "products-000002 is live again" in back.out
    assert "workers were not told" in back.out
    assert [one["live"] for one in done(multirecall("generations", "--json")).json["generations"]] == [True, False]
    assert found("p003") is not None
    again = done(multirecall("rebuild", str(alone / "c.jsonl")))
    assert "60 products" in again.out


def test_a_gate_stops_a_rebuild_unless_forced(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(multirecall("sample", "--out", "bed", "--products", "400", "--queries", "120"))
    done(multirecall("index", "bed/catalogue.jsonl", "--mapping", "bed/multirecall.toml"))
    monkeypatch.setenv("MULTIRECALL_JUDGMENTS", "bed/judgments.tsv")
    monkeypatch.setenv("MULTIRECALL_JUDGED_QUERIES", "bed/queries.tsv")
    done(multirecall("rebuild"))
    (alone / "poor.toml").write_text('[mapping]\nid = "id"\ntitle = "sku"\n')
    stopped = multirecall("rebuild", "bed/catalogue.jsonl", "--mapping", "poor.toml", "--encoder", "none")
    refused(stopped, 2, "Gate stopped", "not made live", "--force")
    assert "products-000002" in done(multirecall("generations")).out
    forced = done(
        multirecall(
            "rebuild", "bed/catalogue.jsonl", "--mapping", "poor.toml", "--encoder", "none", "--force", "--json"
        )
    ).json
    assert forced["verdict"]["forced"] is True


def test_a_rollback_to_an_index_that_is_being_built_is_refused(
    alone: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multirecall.workers.app import opened_deployment

    namespace = f"t_{RUN}_building"
    monkeypatch.setenv("MULTIRECALL_REDIS", redis_url)
    monkeypatch.setenv("MULTIRECALL_NAMESPACE", namespace)
    done(multirecall("index", lines(alone / "c.jsonl", *ROWS)))
    done(multirecall("rebuild"))
    try:
        with opened_deployment(load_settings()) as deployment:
            deployment.targets.add("products-000001", "rebuild-1-abc")
        refused(multirecall("rollback"), 2, "being built by job rebuild-1-abc", "jobs resume rebuild-1-abc --force")
        assert [one["live"] for one in done(multirecall("generations", "--json")).json["generations"]] == [False, True]
    finally:
        forget_namespace(redis_url, namespace)
