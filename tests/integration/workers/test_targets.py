"""Every change reaches all indexes that must stay current."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from multirecall.engines.base import Write, WriteResult
from multirecall.workers.deployment import Deployment
from tests.integration.workers.changing import counts, delete, send, upsert
from tests.integration.workers.shop import MAPPING, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def new_target(deployment: Deployment, why: str = "job") -> str:
    """An empty index that changes must reach too."""
    with deployment.engine() as engine:
        index = engine.create(engine.info().schema)
    deployment.targets.add(index, why)
    return index


def test_changes_reach_all_targets(bench: Bench) -> None:
    live = index_shop(bench.deployment, rows(3))
    target = new_target(bench.deployment)
    job = send(bench, upsert("p100", "New"), delete("p001"))
    bench.work()
    assert products(bench.deployment, live).keys() == {"p000", "p002", "p100"}
    assert products(bench.deployment, target).keys() == {"p100"}
    with bench.deployment.engine() as engine:
        for index in (live, target):
            assert [one.id for one in engine.deleted(index=index)] == ["p001"]
    assert counts(bench, job)["done"] == 2


def test_a_target_declared_while_a_batch_runs_is_reached_by_it(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    made: list[str] = []
    with exact.deployment.engine() as engine:
        write = engine.write

        def declaring(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            yield from write(writes, index=index)
            if not made:
                made.append(new_target(exact.deployment))

        monkeypatch.setattr(engine, "write", declaring)
        send(exact, upsert("p100", "New"))
        exact.work()
    assert products(exact.deployment, made[0]).keys() == {"p100"}


def test_a_target_that_was_dropped_is_forgotten(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    exact.deployment.targets.add("shop-000009", "standby")
    send(exact, delete("p001"))
    exact.work()
    assert exact.deployment.targets.all() == {}
    assert products(exact.deployment).keys() == {"p000"}


def test_each_target_reads_a_row_by_its_own_mapping(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    other = MAPPING.model_copy(update={"title": ("name",)})
    with exact.deployment.engine() as engine:
        schema = engine.info().schema
        metadata = {**schema.metadata, "mapping": other.to_dict()}
        target = engine.create(type(schema)(**{**_fields(schema), "metadata": metadata}))
    exact.deployment.targets.add(target, "job")
    send(exact, upsert("p100", "Lamp", name="LAMP-100"))
    exact.work()
    assert products(exact.deployment)["p100"]["title"] == "Lamp"
    assert products(exact.deployment, target)["p100"]["title"] == "LAMP-100"


def _fields(schema: Any) -> dict[str, Any]:
    return {name: getattr(schema, name) for name in type(schema).__dataclass_fields__}


def test_vectors_of_one_batch_are_made_once_for_all_targets(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    new_target(exact.deployment)
    exact.deployment.vector_ttl_s = 60
    job = send(exact, upsert("p100", "New"), upsert("p101", "Newer"))
    exact.work()
    assert counts(exact, job, "encoded", "reused") == {"encoded": 2, "reused": 2}


def test_written_indexes_are_marked_for_a_refresh(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(1))
    send(exact, delete("p000"))
    exact.work()
    assert set(exact.deployment.unrefreshed.marks()) == {live}
