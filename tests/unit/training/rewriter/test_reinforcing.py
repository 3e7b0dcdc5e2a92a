"""Reinforcement of a policy: its parts, and its rate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import Progress
from multirecall.training.rewriter import grpo
from multirecall.training.rewriter.backbones import open_policy
from multirecall.training.rewriter.grpo import reinforce
from multirecall.training.rewriter.recipes import Backbone, Recipe, Reinforced
from multirecall.training.rewriter.rewards.combining import Reward

QUERIES = ["cold feet", "a stiff spine in the morning", "dark"]


pytestmark = pytest.mark.usefixtures("learning")


RECIPE = Recipe(
    name="test",
    backbone=Backbone(vocab=300, d_model=16, d_ff=16, heads=2, layers=1, dropout=0.0),
    reinforced=Reinforced(updates=2, prompts=2, group=3, rate=1e-2, warmup=1, inner=2),
    max_tokens=9,
)


def seq2seq(torch: Any) -> Policy:
    torch.manual_seed(4)
    return open_policy(RECIPE, QUERIES)


@pytest.mark.parametrize("discount", [None, 0.3])
def test_an_update_in_parts_is_the_update_in_one(
    torch: Any, monkeypatch: pytest.MonkeyPatch, discount: float | None
) -> None:
    def by_length(lists: Any) -> list[Reward]:
        parts = [tuple(float(len(query) + len(text)) for text in made) for query, made in lists]
        return [Reward(relevance=0, alignment=0, diversity=0, similarity=0, total=sum(p), parts=p) for p in parts]

    settings = replace(RECIPE.reinforced, discount=discount)

    weights = []
    for part in (64, 2):
        monkeypatch.setattr(grpo, "_PART", part)
        policy = seq2seq(torch)
        before = [p.detach().clone() for p in policy.trained()]
        progress = Progress(None, mark="")
        reinforce(policy, QUERIES, by_length, settings, n=5, seed=1, progress=progress)
        assert any(not torch.equal(a, b) for a, b in zip(before, policy.trained(), strict=True))
        weights.append(policy.trained())
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_the_rate_of_reinforcement_rises_to_its_full_height(torch: Any) -> None:
    moved = []
    for warmup in (0, 4):
        policy = seq2seq(torch)
        before = [p.detach().clone() for p in policy.trained()]
        settings = replace(RECIPE.reinforced, updates=1, warmup=warmup, inner=1)
        reinforce(
            policy,
            QUERIES,
            lambda lists: [
                Reward(relevance=0, alignment=0, diversity=0, similarity=0, total=float(i), parts=())
                for i in range(len(lists))
            ],
            settings,
            n=5,
            seed=1,
            progress=Progress(None, mark=""),
        )
        moved.append(max(float((a - b).detach().abs().max()) for a, b in zip(before, policy.trained(), strict=True)))
    assert moved[1] == pytest.approx(moved[0] / 4, rel=1e-3)
