"""The whole chain on a generated shop: idempotent, resumable, and its judges do what they are for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EncoderError, InvalidInput, MissingExtra
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.recall.rewriting import Rewritten
from multirecall.training.synthesis.labelling import Judges, labelled_by_catalogue, labelled_by_grades, learned_judges
from multirecall.training.synthesis.mine import MinedQuery
from multirecall.training.synthesis.records import read_pairs
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import kept_rewritings
from multirecall.training.synthesis.scorers import CrossEncoderScore, MeaningScore, learn_score
from multirecall.training.synthesis.synthesizing import Synthesis, synthesize
from tests.support.judged_shop import judged_shop

QUERIES = [MinedQuery(text=f"need {name}", type="scene", why="0 clicks") for name in ("a", "b", "c", "d", "e")]
FINDS = {"need a": "laptop", "need b": "office chair", "need c": "laptop charger", "need d": "printer", "need e": "qqq"}


class Look:
    """A rewriter by a table, which counts its work."""

    name, fingerprint, is_model = "look", "0123456789abcdef", False

    def __init__(self) -> None:
        self.done: list[str] = []

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        self.done.append(query.text)
        sure = Rewriting(text=FINDS[query.text], by="look", confidence=0.9)
        return (sure, Rewriting(text="sofa", by="look", confidence=0.5))  # the second is below the least intent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, StrongPipeline, Encoder]]:
    settings = judged_shop(tmp_path_factory.mktemp("shop"), queries=30)
    encoder = open_encoder("hashing?dim=32")
    with open_engine(settings.engine) as engine:
        yield engine, StrongPipeline(engine, encoder=encoder, k=30), encoder


@pytest.fixture(scope="module")
def judges(shop: tuple[Engine, StrongPipeline, Encoder]) -> Judges:
    engine, pipeline, encoder = shop
    return learned_judges(labelled_by_catalogue(engine, pipeline, queries=60), MeaningScore(encoder), precision=0.8)


class Killed(Exception):
    pass


def test_a_second_run_does_nothing_and_an_interrupted_one_goes_on(
    shop: tuple[Engine, StrongPipeline, Encoder], judges: Judges, tmp_path: Path
) -> None:
    look = Look()
    how = Synthesis(rewriter=look, pipeline=shop[1], judges=judges)
    straight = synthesize(QUERIES, how, tmp_path / "straight")
    assert look.done == [query.text for query in QUERIES]
    assert (straight.queries, straight.known) == (5, 0)
    assert 0 < straight.pairs == len(list(read_pairs(tmp_path / "straight" / "pairs.jsonl")))

    again = synthesize([*QUERIES, QUERIES[0]], how, tmp_path / "straight")
    assert (again.known, again.pairs, len(look.done)) == (5, straight.pairs, 5)

    left = [3]

    def stop() -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    with pytest.raises(Killed):
        synthesize(QUERIES, how, tmp_path / "broken", on_query=stop)
    assert not (tmp_path / "broken" / "pairs.jsonl").exists()
    del look.done[:]
    resumed = synthesize(QUERIES, how, tmp_path / "broken")
    assert (resumed.known, look.done) == (3, ["need d", "need e"])
    for name in ("pairs.jsonl", "journal.jsonl"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_pairs_are_of_the_query_and_what_was_found_is_of_the_kind_sought(
    shop: tuple[Engine, StrongPipeline, Encoder], judges: Judges, tmp_path: Path
) -> None:
    engine = shop[0]
    synthesize(QUERIES, Synthesis(rewriter=Look(), pipeline=shop[1], judges=judges), tmp_path)
    pairs = list(read_pairs(tmp_path / "pairs.jsonl"))
    assert {pair.x for pair in pairs} <= set(FINDS)
    assert not {pair.x for pair in pairs} & {pair.y_used for pair in pairs}
    assert all(pair.y_used == FINDS[pair.x] for pair in pairs)
    kept = [(pair.x, pair.p) for pair in pairs]
    found = [
        (query, one.id)
        for query, text in FINDS.items()
        for one in shop[1].candidates((Rewriting(text=text, by="look", confidence=0.9),))
    ]
    assert _of_the_kind(engine, kept) > 2 * _of_the_kind(engine, found)


def _of_the_kind(engine: Engine, pairs: list[tuple[str, str]]) -> float:
    """The share of pairs whose product stands in the category that the query's rewriting names."""
    leaves = {"need a": "Laptops", "need b": "Office Chairs", "need c": "Laptop Chargers", "need d": "Printers"}
    rows = engine.fetch([product for _, product in pairs], ("category_path",))
    hits = [
        row is not None and row["category_path"][-1] == leaves.get(x) for (x, _), row in zip(pairs, rows, strict=True)
    ]
    return sum(hits) / len(hits)


def test_other_settings_are_other_work(
    shop: tuple[Engine, StrongPipeline, Encoder], judges: Judges, tmp_path: Path
) -> None:
    both = Synthesis(rewriter=Look(), pipeline=shop[1], judges=judges)
    one = Synthesis(rewriter=Look(), pipeline=shop[1], judges=judges, use_s=False)
    assert both.identity != one.identity
    first = synthesize(QUERIES, both, tmp_path)
    second = synthesize(QUERIES, one, tmp_path)
    assert second.known == 0
    assert second.pairs == len(list(read_pairs(tmp_path / "pairs.jsonl"))) >= first.pairs


def test_a_chain_whose_model_failed_settles_nothing() -> None:
    class Broken(Look):
        def rewrite_all(self, query: Query, deadline: Deadline) -> Rewritten:
            return Rewritten(failed={"model": "it hangs"})

    with pytest.raises(EncoderError, match="model: it hangs"):
        kept_rewritings("need a", Broken())


def test_a_judge_of_intent_takes_the_place_of_the_rewriters_own_confidence() -> None:
    kept = kept_rewritings(
        "need a", Look(), judge=lambda query, texts: [0.2 if text == "laptop" else 0.8 for text in texts]
    )
    assert [(one.text, one.confidence) for one in kept] == [("sofa", 0.8)]


def test_candidates_tell_how_they_were_found(shop: tuple[Engine, StrongPipeline, Encoder]) -> None:
    rewritings = (
        Rewriting(text="laptop charger", by="look", confidence=0.9),
        Rewriting(text="office chair", by="look", confidence=0.8),
    )
    found = shop[1].candidates(rewritings)
    assert [one.id for one in found] == sorted({one.id for one in found})
    ranks = {
        text: sorted(
            find.bm25_rank for one in found for find in one.finds if find.rewriting.text == text and find.bm25_rank
        )
        for text in ("laptop charger", "office chair")
    }
    assert all(some == list(range(1, len(some) + 1)) for some in ranks.values())
    assert all(0.0 <= find.bm25 <= 1.0 for one in found for find in one.finds)
    assert shop[1].candidates(()) == []


def test_labels_come_from_grades(shop: tuple[Engine, StrongPipeline, Encoder]) -> None:
    some = shop[1].candidates((Rewriting(text="laptop", by="look", confidence=1.0),))
    grades = {"need a": {some[0].id: 3.0, some[1].id: 1.0}}
    judged = labelled_by_grades(grades, Look(), shop[1])
    assert {(one.candidate.id, one.good) for one in judged} == {(some[0].id, True), (some[1].id, False)}
    complete = labelled_by_grades(grades, Look(), shop[1], complete=True)
    assert [one.candidate.id for one in complete if one.good] == [some[0].id]
    assert len(complete) > len(judged)
    with pytest.raises(InvalidInput, match="20 good and 20 bad"):
        learn_score(judged)


def test_judges_are_the_same_again_and_never_learn_from_what_sets_their_thresholds(
    shop: tuple[Engine, StrongPipeline, Encoder], judges: Judges
) -> None:
    engine, pipeline, encoder = shop
    examples = labelled_by_catalogue(engine, pipeline, queries=60)
    again = learned_judges(examples, MeaningScore(encoder), precision=0.8)
    assert again.fingerprint == judges.fingerprint
    assert judges.tau_b.met
    assert judges.tau_b.value >= 0.5  # even odds, however the few labels fell
    assert judges.tau_b.precision >= 0.8
    # what the thresholds are found on is another half: without it the judge B stays as it is
    assert learned_judges(examples, MeaningScore(encoder), calibration_pairs=100).b.fingerprint == judges.b.fingerprint
    scores = judges.b.score("office chair", pipeline.candidates((Rewriting(text="laptop", by="x", confidence=1.0),)))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.ptp(scores) > 0.1


def test_a_cross_encoder_without_its_packages_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"multirecall\[train\]"):
        CrossEncoderScore("some/model")
