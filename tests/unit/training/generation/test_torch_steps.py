"""A policy as the beam search asks it, and the scores of given outputs: one model, asked in two ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from multirecall.recall.generation.base import StepModel
from tests.unit.training.generation.conftest import TEXTS

pytestmark = pytest.mark.usefixtures("learning")


@pytest.fixture(params=["seq2seq", "causal"])
def policy(request: pytest.FixtureRequest) -> Any:
    made: Callable[..., Any] = request.getfixturevalue(request.param)
    return made()


def test_rows_that_are_put_in_another_order_say_what_the_whole_output_says_at_once(policy: Any) -> None:
    from multirecall.training.generation.scoring import score_tokens
    from multirecall.training.generation.torch_steps import TorchSteps

    steps = TorchSteps(policy)
    assert isinstance(steps, StepModel)
    random = np.random.default_rng(1)
    texts = TEXTS[:3]
    decoding = steps.begin(texts)
    told = decoding.first()
    assert told.shape == (3, steps.vocab)
    assert told.dtype == np.float32
    rows: list[tuple[int, list[int], list[float]]] = [(at, [], []) for at in range(3)]
    for n in (5, 2, 7, 4):
        parents = random.integers(len(rows), size=n)
        tokens = random.integers(2, steps.vocab, size=n)
        rows = [
            (rows[parent][0], [*rows[parent][1], int(token)], [*rows[parent][2], float(told[parent, token])])
            for parent, token in zip(parents, tokens, strict=True)
        ]
        told = decoding.step(parents, tokens)
        np.testing.assert_allclose(np.exp(told).sum(axis=1), 1.0, rtol=1e-5)
    scores = score_tokens(policy, [texts[of] for of, _, _ in rows], [ids for _, ids, _ in rows])
    for (_, _, found), expected in zip(rows, scores, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_scores_are_in_the_order_asked_whatever_the_lengths(policy: Any) -> None:
    from multirecall.training.generation.scoring import score_tokens

    outputs = [policy.output_ids(text)[:n] for text, n in zip(TEXTS[:4], (3, 6, 1, 4), strict=True)]
    together = score_tokens(policy, TEXTS[:4], outputs)
    assert [len(row) for row in together] == [3, 6, 1, 4]
    for at in range(4):
        (alone,) = score_tokens(policy, TEXTS[at : at + 1], outputs[at : at + 1])
        np.testing.assert_allclose(together[at], alone, atol=1e-5)


def test_a_token_of_its_own_is_one_token_wherever_it_stands(seq2seq: Callable[..., Any]) -> None:
    policy = seq2seq()
    sep, first, second = (policy.tokenizer.convert_tokens_to_ids(t) for t in ("<sep>", "<a_1>", "<a_2>"))
    assert [sep, first, second] == list(range(len(policy.tokenizer) - 3, len(policy.tokenizer)))
    spaced, joined = policy.output_ids("red <sep> tent <a_1>"), policy.output_ids("red<sep>tent<a_1>")
    assert spaced == joined
    assert spaced[-2:] == [first, policy.end]
    assert policy.output_ids("<a_1> <a_2>") == [first, second, policy.end]
    assert policy.text(policy.output_ids("red<sep>tent")).split("<sep>") == ["red", " tent"]
