"""What a policy is worth on queries that nothing was learned from: the rewards, and a judge beside the reward model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import step_seed
from multirecall.training.rewriter.data import Need, read_list
from multirecall.training.rewriter.grpo import ScoreLists
from multirecall.training.rewriter.rewards.combining import Reward

__all__ = ["Listed", "Measured", "averaged", "generate_lists", "measure"]

IsRight = Callable[[Need, str], bool]
_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A need and one generated list for it."""

    need: Need
    rewrites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Means over lists; `similarity` over those that have a pair. `accuracy` (share of rewrites that a judge of its own
    calls right, by kind and over `all`) is empty without such a judge; `rewrites` is how many a list has on average.
    """

    lists: int
    total: float
    relevance: float
    alignment: float
    diversity: float
    similarity: float
    rewrites: float
    accuracy: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON values, rounded to four places."""
        values = {name: getattr(self, name) for name in self.__slots__ if name not in ("lists", "accuracy")}
        accuracy = {kind: round(value, 4) for kind, value in self.accuracy.items()}
        return {"lists": self.lists, **{k: round(v, 4) for k, v in values.items()}, "accuracy": accuracy}


def generate_lists(
    policy: Policy,
    needs: Sequence[Need],
    *,
    n: int,
    seed: int,
    each: int = 2,
    temperature: float = 0.8,
    top_p: float = 0.95,
) -> list[Listed]:
    """`each` lists per need, sampled as the offline pipeline samples."""
    torch = required("torch")
    out: list[Listed] = []
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(seed, "lists", 0))
        for at in range(0, len(needs), _BATCH):
            part = needs[at : at + _BATCH]
            drawn = policy.sample([n_.text for n_ in part], each=each, temperature=temperature, top_p=top_p)
            for one, group in zip(part, drawn, strict=True):
                out += [Listed(need=one, rewrites=read_list(policy.text(ids), n=n)) for ids in group]
    return out


def measure(
    policy: Policy, needs: Sequence[Need], score: ScoreLists, *, n: int, seed: int, is_right: IsRight | None = None
) -> Measured:
    """Generates lists for the needs and averages what the rewards and the other judge say about them."""
    listed = generate_lists(policy, needs, n=n, seed=seed)
    return averaged(listed, score([(one.need.text, one.rewrites) for one in listed]), is_right=is_right)


def averaged(listed: Sequence[Listed], rewards: Sequence[Reward], *, is_right: IsRight | None = None) -> Measured:
    """The means over lists and their rewards, of which there is one each."""

    def mean(name: str) -> float:
        return math.fsum(getattr(reward, name) for reward in rewards) / len(rewards)

    paired = [reward.similarity for one, reward in zip(listed, rewards, strict=True) if len(one.rewrites) > 1]
    right: dict[str, list[bool]] = defaultdict(list)
    for one in listed if is_right is not None else ():
        for text in one.rewrites:
            verdict = is_right(one.need, text)  # type: ignore[misc]
            right[one.need.kind].append(verdict)
            right["all"].append(verdict)
    return Measured(
        lists=len(listed),
        total=mean("total"),
        relevance=mean("relevance"),
        alignment=mean("alignment"),
        diversity=mean("diversity"),
        similarity=math.fsum(paired) / len(paired) if paired else 0.0,
        rewrites=sum(len(one.rewrites) for one in listed) / len(listed),
        accuracy={kind: sum(verdicts) / len(verdicts) for kind, verdicts in sorted(right.items())},
    )
