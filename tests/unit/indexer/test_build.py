"""A build ends with a whole new index live, or with the old one untouched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineError, EngineUnavailable, InvalidMapping, InvalidSource, StorageFull
from multirecall.core.filters import Range, Term
from multirecall.encoders.base import Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import EngineRequest, Vector, Write, WriteResult, WriteStatus
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.indexer.build import BuildOptions, build
from multirecall.indexer.generations import build_mark
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.progress import BuildProgress
from multirecall.indexer.report import BuildReport
from multirecall.indexer.sources import Catalogue, Records, Row

MAPPING = FieldMapping.from_dict(
    {
        "id": "id", "title": "title", "description": "text", "brand": "brand", "price": {"field": "price"},
        "attributes": {"fields": ["width"]}, "numeric_attributes": ["width"], "allow_missing_fields": True,
    }
)  # fmt: skip
ENCODER = HashingEncoder(dim=32)


def _records(n: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"id": f"p{i}", "title": f"Lamp number {i}", "text": f"Bright {i}", "price": i, "width": i % 7}
        for i in range(start, start + n)
    ]


def _build(engine: ExactEngine, records: Sequence[Mapping[str, Any]], **options: Any) -> BuildReport:
    return build(
        engine,
        Records(records),
        encoders={"dense": ENCODER},
        mapping=MAPPING,
        options=BuildOptions(batch_size=8, **options),
    )


def _state(engine: ExactEngine) -> list[tuple[str, int, bool]]:
    return [(info.name, info.count, info.live) for info in engine.indexes()]


class _CountingEncoder(HashingEncoder):
    def __init__(self, dim: int = 32) -> None:
        super().__init__(dim=dim)
        self.texts: list[str] = []

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        self.texts.extend(texts)
        return super().encode_products(texts)


def test_every_row_is_written_and_found(tmp_path: Path) -> None:
    with ExactEngine("shop") as engine:
        report = _build(engine, _records(50), rejects_path=tmp_path / "rejects.jsonl")
        assert (report.read, report.written, report.rejected, report.encoded) == (50, 50, 0, 50)
        assert (report.index, report.previous) == ("shop-000001", None)
        assert _state(engine) == [("shop-000001", 50, True)]
        assert engine.count(Term(field="attributes.width", value=3)) == 7
        assert engine.count(Range(field="attributes.width", gte=6)) == 7
        assert engine.count(Range(field="price_minor", lt=500)) == 5
        query = ENCODER.encode_queries(["Lamp number 17. Bright 17"])[0]
        request = EngineRequest(clause=Vector(field="dense", vector=query), k=1)
        assert [h.id for h in engine.search_many([request], Deadline.never())[0].hits] == ["p17"]
        metadata = engine.info().schema.metadata
        assert metadata["text_template"] == str(MAPPING.template)
        assert FieldMapping.from_dict(metadata["mapping"]) == MAPPING
        assert json.dumps(report.to_dict())
    assert not (tmp_path / "rejects.jsonl").exists()


def test_rejects_name_row_field_and_reason_and_the_rest_goes_in(tmp_path: Path) -> None:
    rejects = tmp_path / "new" / "rejects.jsonl"
    records: list[dict[str, Any]] = [
        *_records(20), {"title": "no id"}, {"id": "p3", "title": "again"}, {"id": "x"}, {"id": "y", "title": "\ud800"},
        {"id": "z", "title": "Desk", "price": "ask"},
    ]  # fmt: skip
    with ExactEngine() as engine:
        report = _build(engine, records, rejects_path=rejects)
        assert (report.read, report.written, report.rejected, report.duplicates) == (25, 22, 3, 1)
        assert engine.count() == 22
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(r["row"], r["field"], r["reason"]) for r in lines] == [
        (21, "id", "missing"),
        (22, "id", "read before: records, row 4"),
        (23, "title", "neither title nor description"),
    ]
    assert report.rejects_by_reason == {
        "id: missing": 1, "id: read before": 1, "title: neither title nor description": 1,
    }  # fmt: skip
    assert report.rejects_path == str(rejects)
    assert [(w.what, w.count) for w in report.warnings] == [("price: holds no amount", 1)]


def test_vectors_are_reused_where_the_text_is_the_same() -> None:
    encoder = _CountingEncoder()
    with ExactEngine() as engine:
        for records, encoded in (
            (_records(30), 30),
            ([*_records(30), {"id": "new", "title": "Desk"}], 1),
            ([{**r, "price": 9, "brand": "Acme"} for r in _records(30)], 0),
            ([{**r, "text": "Dim"} for r in _records(30)], 30),
        ):
            encoder.texts.clear()
            report = build(engine, Records(records), encoders={"dense": encoder}, mapping=MAPPING)
            assert (report.encoded, report.reused) == (encoded, len(records) - encoded)
            assert len(encoder.texts) == encoded
            stored = engine.fetch(["p5"], ["vectors.dense"])[0]
            assert stored is not None
            text = f"Lamp number 5. {records[5]['text']}"
            np.testing.assert_allclose(stored["vectors.dense"], encoder.encode_queries([text])[0], atol=1e-6)


@pytest.mark.parametrize("change", ["encoder", "template", "option"])
def test_vectors_of_another_encoder_or_template_are_not_reused(change: str) -> None:
    encoder = _CountingEncoder(dim=64 if change == "encoder" else 32)
    template = {"text": "{title}"} if change == "template" else {}
    with ExactEngine() as engine:
        _build(engine, _records(10))
        report = build(
            engine,
            Records(_records(10)),
            encoders={"dense": encoder},
            mapping=FieldMapping.from_dict({**MAPPING.to_dict(), **template}),
            options=BuildOptions(reuse_vectors=change != "option"),
        )
        assert (report.encoded, report.reused, len(encoder.texts)) == (10, 0, 10)


def test_a_product_without_a_token_has_no_vector_but_is_found_otherwise() -> None:
    with ExactEngine() as engine:
        report = _build(engine, [*_records(3), {"id": "odd", "title": "!!!"}])
        assert (report.written, report.without_vector) == (4, 1)
        assert engine.count(Term(field="id", value="odd")) == 1


def test_without_encoders_there_are_no_vectors() -> None:
    with ExactEngine() as engine:
        report = build(engine, Records(_records(5)), encoders={}, mapping=MAPPING)
        assert (report.written, report.encoded, report.vector_index) == (5, 0, None)
        assert engine.info().schema.vectors == ()


def test_the_live_index_and_the_one_before_are_kept() -> None:
    with ExactEngine() as engine:
        reports = [_build(engine, _records(5)) for _ in range(4)]
        assert [r.previous for r in reports] == [None, *(r.index for r in reports[:-1])]
        assert [r.dropped for r in reports[2:]] == [(reports[0].index,), (reports[1].index,)]
        assert [name for name, _, _ in _state(engine)] == [reports[2].index, reports[3].index]
        assert _build(engine, _records(5), keep=1).dropped == (reports[3].index, reports[2].index)


class _Failing(Records):
    """Records of which the reading ends with an error, as a truncated file or Ctrl-C would."""

    def __init__(self, records: Iterable[Mapping[str, Any]], error: BaseException) -> None:
        super().__init__(records)
        self._raise = error

    def rows(self) -> Iterator[Row]:
        yield from super().rows()
        raise self._raise


@pytest.mark.parametrize("error", [InvalidSource("truncated"), KeyboardInterrupt(), MemoryError()])
def test_an_error_while_reading_leaves_the_old_index_and_nothing_else(error: BaseException) -> None:
    with ExactEngine() as engine:
        _build(engine, _records(10))
        before = _state(engine)
        with pytest.raises(type(error)):
            build(engine, _Failing(_records(40), error), encoders={"dense": ENCODER}, mapping=MAPPING)
        assert _state(engine) == before
        assert _build(engine, _records(40)).written == 40


def test_ctrl_c_in_the_middle_of_writing_leaves_the_old_index_and_running_again_finishes() -> None:
    def interrupt(progress: BuildProgress) -> None:
        if progress.written >= 20:
            raise KeyboardInterrupt

    with ExactEngine() as engine:
        _build(engine, _records(10))
        before = _state(engine)
        with pytest.raises(KeyboardInterrupt):
            build(
                engine,
                Records(_records(5_000)),
                encoders={"dense": ENCODER},
                mapping=MAPPING,
                options=BuildOptions(batch_size=8),
                on_progress=interrupt,
            )
        assert _state(engine) == before
        assert _build(engine, _records(50)).written == 50


class _Broken(ExactEngine):
    """The real engine, but some writes go wrong."""

    def __init__(self, failures: Mapping[str, tuple[str, int]], raises: Exception | None = None, lose: int = 0) -> None:
        super().__init__("shop")
        self._failures = {key: list(value) for key, value in failures.items()}
        self._raises = raises
        self._lose = lose

    def write(self, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
        for write in writes:
            status, times = self._failures.get(write.id, ("", 0))
            if self._raises is not None:
                raise self._raises
            if times:
                self._failures[write.id] = [status, int(times) - 1]
                yield WriteResult(id=write.id, ok=False, status=str(status), error="no", retryable=True, tries=5)
            elif self._lose:
                self._lose -= 1
                yield WriteResult(id=write.id, ok=True, status=WriteStatus.CREATED)
            else:
                yield from super().write([write], index=index)


def test_what_the_engine_refuses_is_a_reject() -> None:
    with _Broken({"p3": (WriteStatus.REJECTED, 1)}) as engine:
        report = _build(engine, _records(10))
        assert (report.written, report.rejected) == (9, 1)
        assert report.first_rejects[0].reason == "refused by the engine: no"
        assert report.first_rejects[0].row == 4


def test_what_the_engine_gave_up_is_written_again_at_the_end() -> None:
    with _Broken({"p3": (WriteStatus.FAILED, 1)}) as engine:
        assert _build(engine, _records(10)).written == 10
        assert engine.count() == 10


def test_what_the_engine_gives_up_twice_ends_the_build() -> None:
    with _Broken({"p3": (WriteStatus.FAILED, 2)}) as engine:
        with pytest.raises(EngineUnavailable, match="'p3' after 5 tries"):
            _build(engine, _records(10))
        assert _state(engine) == []


def test_a_full_disk_ends_the_build_with_its_own_error() -> None:
    with _Broken({}, raises=StorageFull("no space left", hint="Free some space.")) as engine:
        with pytest.raises(StorageFull):
            _build(engine, _records(10))
        assert _state(engine) == []


def test_an_index_that_lost_products_is_not_made_live() -> None:
    with _Broken({}, lose=2) as engine:
        with pytest.raises(EngineError, match="holds 8 products where 10 were written"):
            _build(engine, _records(10))
        assert _state(engine) == []


def test_a_shrunk_catalogue_is_refused_unless_allowed() -> None:
    with ExactEngine() as engine:
        _build(engine, _records(20))
        before = _state(engine)
        with pytest.raises(InvalidSource, match=r"9 products where the live index has 20.*--allow-shrink"):
            _build(engine, _records(9))
        assert _state(engine) == before
        assert _build(engine, _records(10)).written == 10
        assert _build(engine, _records(1), allow_shrink=True).written == 1


def test_a_source_without_a_good_row_changes_nothing() -> None:
    with ExactEngine() as engine:
        _build(engine, _records(5))
        before = _state(engine)
        with pytest.raises(InvalidSource, match=r"None of the 2 rows became a product\. The first: id missing"):
            _build(engine, [{"title": "a"}, {"title": "b", "id": ""}])
        with pytest.raises(InvalidSource, match="No product could be read"):
            _build(engine, [])
        assert _state(engine) == before


def test_a_mapping_that_does_not_fit_stops_before_anything_is_made() -> None:
    mapping = FieldMapping.from_dict({"id": "id", "title": "titel"})
    with ExactEngine() as engine:
        with pytest.raises(InvalidMapping, match="'titel'"):
            build(engine, Records(_records(5)), encoders={}, mapping=mapping)
        assert _state(engine) == []


def test_without_a_mapping_the_suggestion_is_used_and_told() -> None:
    with ExactEngine() as engine:
        report = build(engine, Records(_records(50)), encoders={"dense": ENCODER})
        assert report.mapping_suggested
        assert report.mapping["title"] == ["title"]
        assert report.mapping_reasons["id"]
        assert engine.info().schema.metadata["mapping_suggested"] is True


def test_a_build_of_a_process_that_is_gone_is_cleared_away_and_a_running_one_is_not() -> None:
    def unfinished(engine: ExactEngine, **mark: object) -> str:
        return engine.create(Schema(metadata={"build": {**build_mark("shop-000001"), **mark}}))

    with ExactEngine("shop") as engine:
        first = _build(engine, _records(5)).index
        dead = unfinished(engine, pid=2**22 + 1)  # above the highest process number of Linux
        forgotten = unfinished(engine, host="other", started_at=0.0)
        others = [unfinished(engine, pid=os.getppid()), unfinished(engine, host="other"), engine.create(Schema())]
        reports = [_build(engine, _records(5)) for _ in range(3)]
        assert [w.what for w in reports[0].warnings] == [
            f"an unfinished build was dropped: {name}" for name in (dead, forgotten)
        ]
        assert [name for name, _, _ in _state(engine)] == [*others, reports[1].index, reports[2].index]
        assert reports[1].dropped == (first,)


def test_progress_tells_stage_share_and_time_left(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in _records(2_000)))
    told: list[BuildProgress] = []
    with ExactEngine() as engine:
        build(engine, Catalogue([path]), encoders={"dense": ENCODER}, mapping=MAPPING, on_progress=told.append)
    assert [told[0].stage, told[-2].stage, told[-1].stage] == ["preparing", "verifying", "done"]
    assert told[-1].written == told[-1].read == 2_000
    assert told[-1].bytes_read == told[-1].bytes_total == path.stat().st_size
    assert (told[0].share, told[-1].share, told[-1].left_s) == (None, 1.0, 0.0)
    shares = [p.share for p in told if p.share is not None]
    assert all(0 <= s <= 1 for s in shares)
    assert told[-1].rate_per_s == pytest.approx(2_000 / told[-1].elapsed_s)
