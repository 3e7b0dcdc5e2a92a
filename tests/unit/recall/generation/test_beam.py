from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidSettings
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.generation.anything import Anything
from multirecall.recall.generation.base import Constraint, Decoding, StepModel
from multirecall.recall.generation.beam import BeamSearch, Generated
from multirecall.recall.generation.spans import Spans
from multirecall.recall.generation.trie import Trie
from tests.support.drawn_model import DrawnDecoding, DrawnModel

WIDE = 10_000
NEVER = Deadline.never()


def log_sum(values: list[float]) -> float:
    return math.log(math.fsum(map(math.exp, values)))


def tried_out(model: DrawnModel, text: str, constraint: Constraint[Any], search: BeamSearch) -> list[Generated]:
    """All sequences that the constraint allows, by trying every one; sums as the definitions have them."""
    found = []

    def go(state: Any, tokens: tuple[int, ...], own: tuple[float, ...], constrained: tuple[float, ...]) -> None:
        allowed = constraint.allowed(state).tolist()
        log_probs = [float(value) for value in model.log_probs(text, tokens)]
        total = log_sum([log_probs[token] for token in allowed]) if allowed else 0.0
        for token in allowed:
            raw, kept = (*own, log_probs[token]), (*constrained, log_probs[token] - total)
            if token == model.end:
                score = math.fsum(kept if search.renormalise else raw)
                if search.length_power:
                    score /= len(raw) ** search.length_power
                found.append(Generated(tokens, raw, kept, score))
            elif len(tokens) < search.max_length:
                go(constraint.advance(state, token), (*tokens, token), raw, kept)

    go(constraint.start(), (), (), ())
    return sorted(found, key=lambda one: (-round(one.score, 9), one.tokens))


def assert_same(found: tuple[Generated, ...], expected: list[Generated]) -> None:
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-9)
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-9)
        assert one.constrained == pytest.approx(other.constrained, abs=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sequences=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=12),
    seed=st.integers(0, 2**16),
    renormalise=st.booleans(),
    length_power=st.sampled_from([0.0, 0.5, 1.0]),
    max_length=st.integers(1, 4),
)
def test_a_wide_beam_is_as_good_as_trying_all_sequences_of_a_trie(
    sequences: list[list[int]], seed: int, renormalise: bool, length_power: float, max_length: int
) -> None:
    model = DrawnModel(vocab=6, end=5, seed=seed)
    trie = Trie.build(sequences, end=5)
    search = BeamSearch(beam=WIDE, max_length=max_length, renormalise=renormalise, length_power=length_power)
    found = search(model, ["red shoe", "blue"], trie, NEVER)
    assert not found.cut
    for text, own in zip(["red shoe", "blue"], found.sequences, strict=True):
        assert_same(own, tried_out(model, text, trie, search))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    titles=st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=4),
    seed=st.integers(0, 2**16),
    max_tokens=st.integers(1, 3),
    max_spans=st.integers(1, 2),
)
def test_a_wide_beam_is_as_good_as_trying_all_spans(
    titles: list[list[int]], seed: int, max_tokens: int, max_spans: int
) -> None:
    model = DrawnModel(vocab=6, end=5, seed=seed)
    index = FMIndex.build([f"p{at}" for at in range(len(titles))], titles, vocab=6)
    spans = Spans(index, separator=4, end=5, max_tokens=max_tokens, max_spans=max_spans)
    search = BeamSearch(beam=WIDE, max_length=spans.max_length)
    assert_same(search(model, ["x"], spans, NEVER).sequences[0], tried_out(model, "x", spans, search))


def test_the_kept_are_the_best_of_all_when_the_beam_is_wide() -> None:
    """Stopping early changes nothing: nothing that is unfinished could come among the kept."""
    model = DrawnModel(vocab=5, end=4, spread=3.0)
    for keep, power in itertools.product((1, 2, 7), (0.0, 1.0)):
        search = BeamSearch(beam=WIDE, keep=keep, max_length=3, length_power=power)
        expected = tried_out(model, "x", Anything(5, 4), search)[:keep]
        assert_same(search(model, ["x"], Anything(5, 4), NEVER).sequences[0], expected)


def test_it_stops_when_nothing_unfinished_can_come_among_the_kept() -> None:
    model = DrawnModel(vocab=5, end=4, spread=3.0)
    found = BeamSearch(beam=4, keep=1, max_length=400)(model, ["x"], Anything(5, 4), NEVER)
    assert found.n_steps < 400


def test_equals_come_in_order_of_their_tokens() -> None:
    model = DrawnModel(vocab=4, end=3, grid=10.0)  # all log probabilities are 0
    every = sorted(itertools.product(range(3), repeat=2))
    trie = Trie.build(every, end=3)
    search = BeamSearch(beam=4, max_length=2)
    assert [one.tokens for one in search(model, ["x"], trie, NEVER).sequences[0]] == every[:4]


def test_texts_in_a_batch_do_not_touch_each_other() -> None:
    model = DrawnModel(vocab=8, end=7, seed=3)
    texts = ["one", "two", "three", "one"]
    search = BeamSearch(beam=3, max_length=4)
    together = search(model, texts, Anything(8, 7), NEVER).sequences
    alone = [search(model, [text], Anything(8, 7), NEVER).sequences[0] for text in texts]
    assert list(together) == alone
    assert together[0] == together[3] != together[1]


def test_a_narrow_beam_keeps_the_best_rows_of_each_step() -> None:
    """Beam 1 is the greedy walk: the end counts as one of the choices, and is kept beside the row that goes on."""
    model = DrawnModel(vocab=6, end=5, seed=9)
    search = BeamSearch(beam=1, max_length=3, keep=4)
    found = search(model, ["x"], Anything(6, 5), NEVER).sequences[0]
    greedy: tuple[int, ...] = ()
    walked = []
    for _ in range(3):
        greedy = (*greedy, int(np.argmax(model.log_probs("x", greedy)[:5])))
        walked.append(greedy)
    assert sorted(one.tokens for one in found) == sorted(walked)


def test_what_the_model_holds_for_impossible_is_not_written() -> None:
    class Sure(DrawnModel):
        def log_probs(self, text: str, tokens: tuple[int, ...]) -> Any:
            found = np.full(self.vocab, -np.inf, np.float32)
            found[[1, self.end]] = math.log(0.5)
            return found

    found = BeamSearch(beam=9, max_length=2)(Sure(vocab=4, end=3), ["x"], Anything(4, 3), NEVER).sequences[0]
    assert [one.tokens for one in found] == [(1,), (1, 1)]
    assert found[0].constrained == pytest.approx([0.0, math.log(0.5)])
    nothing = BeamSearch()(Sure(vocab=4, end=3), ["x"], Trie.build([[0], [2, 1]], end=3), NEVER)
    assert nothing.sequences == ((),)
    assert not nothing.cut


def test_a_deadline_cuts_the_search_and_keeps_what_is_finished() -> None:
    now = [0.0]

    class Slow(DrawnModel):
        def begin(self, texts: Any) -> DrawnDecoding:
            model = self

            class Decoding(DrawnDecoding):
                def step(self, parents: Any, tokens: Any) -> Any:
                    now[0] += 1.0
                    return super().step(parents, tokens)

            return Decoding(model, [(text, ()) for text in texts])

    slow, search = Slow(vocab=6, end=5), BeamSearch(beam=5, max_length=8, keep=100)
    whole = search(slow, ["x"], Anything(6, 5), NEVER)
    assert not whole.cut
    now[0] = 0.0
    cut = search(slow, ["x"], Anything(6, 5), Deadline(at_s=3.0, clock=lambda: now[0]))
    assert cut.cut
    assert cut.n_steps == 4
    assert cut.sequences[0]
    assert {one.tokens for one in cut.sequences[0]} == {
        one.tokens for one in whole.sequences[0] if len(one.tokens) <= 3
    }
    late = search(slow, ["x", "y"], Anything(6, 5), Deadline(at_s=0.0, clock=lambda: now[0]))
    assert late == (((), ()), True, 0)


def test_no_text_no_sequence_and_an_empty_trie_none() -> None:
    model = DrawnModel(vocab=4, end=3)
    assert BeamSearch()(model, [], Anything(4, 3), NEVER) == ((), False, 0)
    assert BeamSearch()(model, ["x"], Trie.build([], end=3), NEVER).sequences == ((),)


@pytest.mark.parametrize("bad", [{"beam": 0}, {"max_length": 0}, {"keep": -1}, {"length_power": -0.5}])
def test_numbers_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings, match=next(iter(bad))):
        BeamSearch(**bad)


def test_the_drawn_model_is_what_the_protocols_describe() -> None:
    model = DrawnModel(vocab=4, end=3)
    assert isinstance(model, StepModel)
    assert isinstance(model.begin(["x"]), Decoding)
