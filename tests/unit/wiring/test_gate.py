"""The gate over real indexes: the same index passes, a better one passes, one by a broken encoder is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EncoderError, EngineUnavailable
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.evaluation.gate import Gate
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.verdict import Outcome
from multirecall.fusion import WeightedSum
from multirecall.indexer.build import build
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.sources import Catalogue, Records, RowSource
from multirecall.recall import DenseRoute, LexicalRoute
from multirecall.search import Searcher
from multirecall.wiring.gate import ATTEMPTS, judge
from tests.support.random_encoder import RandomEncoder

N_QUERIES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A catalogue with queries and judgments; `engine` holds it with vectors of a working encoder."""

    folder: Path
    source: RowSource
    mapping: FieldMapping | None
    queries: Sequence[JudgedQuery]
    judgments: Judgments

    @contextmanager
    def searcher(
        self, encoder: Encoder, *, name: str | None = None, routes: str = "lexical dense"
    ) -> Iterator[Searcher]:
        """A searcher on an embedded index by this encoder; it is built when first asked for."""
        folder = self.folder / (name or encoder.name)
        fresh = not folder.exists()
        made = {"lexical": LexicalRoute(), "dense": DenseRoute()}
        with ExitStack() as stack:
            engine: Engine = stack.enter_context(open_engine(f"embedded:{folder}", create=fresh))
            if fresh:
                build(engine, self.source, encoders={"dense": encoder}, mapping=self.mapping)
            yield stack.enter_context(
                Searcher(
                    engine,
                    routes=[made[route] for route in routes.split()],
                    fusion=WeightedSum(),
                    encoders={"dense": encoder},
                    timeout_s=30.0,
                )
            )


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The generated test bed: 1,000 products."""
    folder = tmp_path_factory.mktemp("gate")
    write_sample(folder / "bed", products=1000, queries=600)
    return Shop(
        folder=folder,
        source=Catalogue([str(folder / "bed" / "catalogue.jsonl")]),
        mapping=read_mapping(folder / "bed" / "multirecall.toml"),
        queries=read_queries(folder / "bed" / "queries.tsv")[:N_QUERIES],
        judgments=read_judgments(folder / "bed" / "judgments.tsv"),
    )


ENCODER = HashingEncoder()


class _Breaking(HashingEncoder):
    """Fails on the queries that `texts` counts down."""

    def __init__(self, texts: Mapping[str, int]) -> None:
        super().__init__()
        self.left = dict(texts)

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        for text in texts:
            if self.left.get(text, 0) > 0:
                self.left[text] -= 1
                raise EncoderError("out of memory")
        return super().encode_queries(texts)


def test_the_same_index_against_itself_passes(bed: Shop) -> None:
    told: list[tuple[int, int]] = []
    with bed.searcher(ENCODER) as old, bed.searcher(ENCODER) as new:
        verdict = judge(old, new, bed.queries, bed.judgments, Gate(), on_asked=lambda done, n: told.append((done, n)))
    assert verdict.passed
    assert (verdict.difference, verdict.p_value, verdict.p_two_sided) == (0.0, 1.0, 1.0)
    assert (verdict.wins, verdict.losses, verdict.incomplete) == (0, 0, {})
    assert verdict.n_queries + verdict.n_without_relevant == N_QUERIES
    assert verdict.n_queries > N_QUERIES // 2
    assert told == [(n, verdict.n_queries) for n in range(1, verdict.n_queries + 1)]


@pytest.mark.parametrize("routes", ["lexical dense", "dense"])
def test_a_broken_encoder_is_stopped(bed: Shop, routes: str) -> None:
    with bed.searcher(ENCODER, routes=routes) as old, bed.searcher(RandomEncoder(), routes=routes) as new:
        verdict = judge(old, new, bed.queries, bed.judgments, Gate())
    assert verdict.outcome is Outcome.STOPPED
    assert verdict.p_value is not None
    assert verdict.p_value < 0.001
    assert verdict.difference is not None
    assert verdict.difference < -0.1
    assert verdict.losses > verdict.wins
    assert verdict.worst[0].text
    assert "significant fall" in verdict.reason


def test_the_way_back_from_a_broken_encoder_passes(bed: Shop) -> None:
    with bed.searcher(RandomEncoder()) as old, bed.searcher(ENCODER) as new:
        verdict = judge(old, new, bed.queries, bed.judgments, Gate())
    assert verdict.passed
    assert verdict.difference is not None
    assert verdict.difference > 0.1


def test_an_answer_that_is_incomplete_once_is_asked_again(bed: Shop) -> None:
    breaking = _Breaking({query.text: ATTEMPTS - 1 for query in bed.queries})
    with bed.searcher(ENCODER) as old, bed.searcher(breaking, name=ENCODER.name) as new:
        verdict = judge(old, new, bed.queries, bed.judgments, Gate())
    assert (verdict.outcome, verdict.difference, verdict.incomplete) == (Outcome.PASSED, 0.0, {})
    assert not any(breaking.left[query.text] for query in bed.queries if bed.judgments.has_relevant(query.qid))


def test_answers_that_stay_incomplete_leave_the_gate_undecided(bed: Shop) -> None:
    judged = [query for query in bed.queries if bed.judgments.has_relevant(query.qid)]
    one = _Breaking({judged[0].text: 1000})
    with bed.searcher(ENCODER) as old, bed.searcher(one, name=ENCODER.name) as new:
        verdict = judge(old, new, bed.queries, bed.judgments, Gate())
        assert (verdict.outcome, verdict.incomplete) == (Outcome.PASSED, {judged[0].qid: "new: dense failed"})
        assert verdict.n_queries == len(judged) - 1
        many = _Breaking({query.text: 1000 for query in judged[:10]})
        with bed.searcher(many, name=ENCODER.name) as other:
            verdict = judge(other, new, bed.queries, bed.judgments, Gate())
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.incomplete[judged[0].qid] == "old: dense failed; new: dense failed"
    assert f"10 of {len(judged)} queries were not answered in full" in verdict.reason


def test_judgments_of_other_queries_leave_nothing_to_judge_by(bed: Shop) -> None:
    with bed.searcher(ENCODER) as old:
        verdict = judge(old, old, bed.queries, Judgments(grades={"other": {"p": 1.0}}), Gate())
    assert (verdict.outcome, verdict.n_queries, verdict.n_without_relevant) == (Outcome.UNDECIDED, 0, N_QUERIES)


def test_an_engine_that_does_not_answer_is_an_error_and_no_verdict(bed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any, **__: Any) -> None:
        raise EngineUnavailable("gone")

    with bed.searcher(ENCODER) as old, bed.searcher(ENCODER) as new:
        monkeypatch.setattr(new, "rank", unavailable)
        with pytest.raises(EngineUnavailable):
            judge(old, new, bed.queries, bed.judgments, Gate())


@pytest.mark.data
@pytest.mark.slow
def test_icecat_by_its_own_judgments(icecat_dir: Path, tmp_path: Path) -> None:
    """About 3,000 real products: those judged for 70 queries of all classes."""
    all_judgments = read_judgments(icecat_dir / "judgments.tsv")
    queries = read_queries(icecat_dir / "queries.tsv")[::5]
    wanted = {product_id for query in queries for product_id in all_judgments.of(query.qid)}
    rows = Catalogue([str(icecat_dir / "*.json.zip")]).rows()
    records = [row.record for row in rows if str(row.record["id"]) in wanted]
    assert len(records) == len(wanted)
    shop = Shop(folder=tmp_path, source=Records(records), mapping=None, queries=queries, judgments=all_judgments)
    static = open_encoder("static")
    with (
        shop.searcher(static) as old,
        shop.searcher(static, name="again") as again,
        shop.searcher(RandomEncoder()) as broken,
    ):
        same = judge(old, again, queries, all_judgments, Gate())
        stopped = judge(old, broken, queries, all_judgments, Gate())
    assert same.outcome is Outcome.PASSED
    assert same.difference == pytest.approx(0.0, abs=0.005)  # `again` is built anew, and its vector graph may differ
    assert stopped.outcome is Outcome.STOPPED
    assert stopped.difference is not None
    assert stopped.difference < -0.1
    assert stopped.judged_new is not None
    assert "may be a lack of judgments" in stopped.reason
