from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.fm_index.seal import cover, generated_spans, product_scores, span_weight
from multirecall.recall.generation.anything import Anything
from multirecall.recall.generation.beam import BeamSearch, Generated
from multirecall.recall.generation.spans import Span, Spans
from tests.support.drawn_model import DrawnModel

Title = list[int]


def test_weights_are_the_golden_values_of_the_sheet() -> None:
    assert span_weight(0.2, 0.01) == pytest.approx(3.208825, abs=5e-7)
    assert span_weight(0.2, 0.01) == pytest.approx(math.log(0.2 * 0.99 / (0.01 * 0.8)))
    assert span_weight(0.005, 0.01) == 0


def test_probabilities_are_cut_before_the_logarithm() -> None:
    assert span_weight(1.0, 0.5) == pytest.approx(math.log((1 - 1e-6) / 1e-6))
    assert span_weight(0.0, 1e-9) == pytest.approx(math.log(1e-8 / 1e-9), abs=1e-6)
    assert span_weight(0.5, 1.0) == 0  # a catalogue of one word


def test_cover_falls_with_what_is_covered() -> None:
    assert cover((1, 2), ()) == 1
    assert cover((1, 2, 2), (2,)) == pytest.approx(1 - 0.8 + 0.8 / 2)
    assert cover((1, 2), (1, 2, 3)) == pytest.approx(0.2)


def test_a_span_is_as_likely_as_its_tokens_were_together() -> None:
    def written(tokens: Span, *constrained: float) -> Generated:
        return Generated(tokens, constrained, constrained, sum(constrained))

    half, tenth = math.log(0.5), math.log(0.1)
    found = generated_spans(
        [written((1, 2, 9, 3), half, half, tenth, half, tenth), written((3,), tenth, half)], separator=9
    )
    assert found == {(1, 2): pytest.approx(0.25), (3,): pytest.approx(0.5)}


def by_the_sheet(titles: Mapping[str, Title], spans: Mapping[Span, float], *, a: float, c: float) -> dict[str, float]:
    """W of every product, one title and one span after the other."""
    n_tokens = sum(map(len, titles.values()))

    def places(span: Span, title: Title) -> list[int]:
        return [at for at in range(len(title)) if tuple(title[at : at + len(span)]) == span]

    weights = {}
    for span, p in spans.items():
        count = sum(len(places(span, title)) for title in titles.values())
        if count:
            weights[span] = span_weight(p, count / n_tokens)
    scores = {}
    for name, title in titles.items():
        taken: set[int] = set()
        covered: set[int] = set()
        score = 0.0
        for span in sorted(weights, key=lambda one: (-weights[one], one)):
            own = [at for at in places(span, title) if not taken & set(range(at, at + len(span)))]
            if weights[span] > 0 and own:
                score += weights[span] ** a * cover(span, covered, c=c)
                taken |= set(range(own[0], own[0] + len(span)))
                covered |= set(span)
        if score > 0:
            scores[name] = score
    return scores


@pytest.mark.parametrize("seed", range(60))
def test_scores_are_those_of_the_sheet(seed: int) -> None:
    dice = np.random.default_rng(seed)
    vocab, n = int(dice.integers(3, 9)), int(dice.integers(1, 60))
    titles = {f"p{at:02d}": dice.integers(0, vocab, dice.integers(0, 9)).tolist() for at in range(n)}
    spans = {tuple(dice.integers(0, vocab, dice.integers(1, 4)).tolist()): float(dice.uniform(0, 1)) for _ in range(12)}
    a, c = float(dice.choice([1.0, 2.0])), float(dice.choice([0.0, 0.8, 1.0]))
    names = [*titles]
    index = FMIndex.build(names[: n // 2], [titles[one] for one in names[: n // 2]], vocab=vocab)
    index = index.added(names[n // 2 :], [titles[one] for one in names[n // 2 :]])
    expected = by_the_sheet(titles, spans, a=a, c=c)
    every = product_scores(index, spans, k=n, a=a, c=c)
    assert {hit.product_id: hit.score for hit in every} == pytest.approx(expected)
    for hit in every:
        assert hit.score == pytest.approx(sum(share for _, share in hit.spans))
    assert [(-hit.score, hit.product_id) for hit in every] == sorted((-hit.score, hit.product_id) for hit in every)
    # fewer are the first of all: what was left out on the way could not come among them
    for k in (1, 3, 10):
        few = product_scores(index, spans, k=k, a=a, c=c)
        assert [hit.score for hit in few] == pytest.approx([hit.score for hit in every[:k]])
        assert {hit.product_id: hit.score for hit in few}.items() <= {h.product_id: h.score for h in every}.items()


def test_of_equals_at_the_last_place_the_first_indexed_are_taken() -> None:
    index = FMIndex.build(["c", "b", "a"], [[1, 2], [1, 3], [1, 4]], vocab=5)
    assert [hit.product_id for hit in product_scores(index, {(1,): 0.9}, k=2)] == ["b", "c"]


def test_spans_that_nothing_holds_and_deleted_products_bring_nothing() -> None:
    index = FMIndex.build(["a", "b"], [[1, 2, 0, 0, 0], [1, 3, 0, 0, 0]], vocab=6)
    assert product_scores(index, {(5,): 0.9, (2, 3): 0.9}) == []
    assert product_scores(index, {}) == []
    assert [hit.product_id for hit in product_scores(index.without(["a"]), {(1,): 0.9, (2,): 0.9})] == ["b"]
    assert product_scores(index.without(["a", "b"]), {(1,): 0.9}) == []


def test_every_generated_span_stands_in_some_title_and_left_alone_the_model_writes_others() -> None:
    dice = np.random.default_rng(4)
    titles = [dice.integers(0, 30, 8).tolist() for _ in range(40)]
    index = FMIndex.build([f"p{at}" for at in range(40)], titles, vocab=32)
    model, spans = DrawnModel(vocab=32, end=31, spread=2.0), Spans(index, separator=30, end=31, max_tokens=3)
    texts = ["red", "blue", "green"]
    search = BeamSearch(beam=5, max_length=spans.max_length)
    found = search(model, texts, spans, Deadline.never())

    def exists(span: Span) -> bool:
        return any(tuple(title[at : at + len(span)]) == span for title in titles for at in range(8))

    free = search(model, texts, Anything(32, 31), Deadline.never())
    assert not all(exists(span) for own in free.sequences for span in generated_spans(own, separator=30))
    for sequences in found.sequences:
        assert sequences
        assert all(map(exists, generated_spans(sequences, separator=30)))
        hits = product_scores(index, generated_spans(sequences, separator=30), k=5)
        assert hits
        for hit in hits:
            title = titles[int(hit.product_id[1:])]
            for span, _ in hit.spans:
                assert any(tuple(title[at : at + len(span)]) == span for at in range(8))
