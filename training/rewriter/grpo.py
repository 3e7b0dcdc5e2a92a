"""Group relative policy optimisation: lists of one query compete with each other; no value network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.training.rewriter.data import read_list
from multirecall.training.rewriter.extras import required
from multirecall.training.rewriter.policy import Policy, token_log_probs
from multirecall.training.rewriter.progress import Progress, step_seed
from multirecall.training.rewriter.recipes import Reinforced
from multirecall.training.rewriter.rewards.combining import Reward

__all__ = ["ScoreLists", "advantages", "grpo_loss", "reinforce"]

ScoreLists = Callable[[Sequence[tuple[str, tuple[str, ...]]]], list[Reward]]
"""Rewards of (query, rewrites), in order."""


def advantages(rewards: Any) -> Any:
    """(R - mean) / (population std + 1e-6) within each row: shape (queries, group) in and out.

    A group of equal rewards teaches nothing: all its advantages are 0.
    """
    spread = rewards.std(dim=-1, correction=0, keepdim=True)
    return (rewards - rewards.mean(dim=-1, keepdim=True)) / (spread + 1e-6)


def grpo_loss(new: Any, old: Any, reference: Any, mask: Any, gains: Any, *, clip: float, beta: float) -> Any:
    """The clipped surrogate and the distance from the reference, a mean over the tokens of a list, then over lists.

    `new`, `old`, `reference`: log probabilities of the sampled tokens, (lists, t); `gains`: (lists,). The distance is
    the unbiased estimate exp(r) - r - 1 with r = reference - new, never negative.
    """
    ratio = (new - old).exp()
    gain = gains.unsqueeze(1)
    surrogate = (ratio * gain).minimum(ratio.clamp(1 - clip, 1 + clip) * gain)
    apart = reference - new
    distance = apart.exp() - apart - 1
    lengths = mask.sum(1).clamp(min=1)
    return (((beta * distance - surrogate) * mask).sum(1) / lengths).mean()


def reinforce(
    policy: Policy,
    queries: Sequence[str],
    score: ScoreLists,
    settings: Reinforced,
    *,
    n: int,
    seed: int,
    progress: Progress,
) -> None:
    """Trains the policy in place, from where `progress` stands; the policy as it comes in is the reference.

    The policy must therefore hold the fine-tuned weights, also when a run is resumed. Dropout is off throughout, so
    that with one inner epoch the ratio is 1 and only the advantage speaks.
    """
    torch = required("torch")
    if not queries:
        raise InvalidInput("There are no queries to learn from.", field="queries")
    reference = policy.copied_model()
    optimiser = torch.optim.AdamW(policy.trained(), lr=settings.rate, weight_decay=0.0)
    start = progress.restore("rl", policy.model, optimiser)
    policy.model.eval()
    with torch.random.fork_rng():
        for step in range(start + 1, settings.updates + 1):
            torch.manual_seed(step_seed(seed, "rl", step))
            asked = [queries[i] for i in torch.randint(len(queries), (settings.prompts,)).tolist()]
            groups = policy.sample(asked, each=settings.group, temperature=settings.temperature)
            prompts = [query for query in asked for _ in range(settings.group)]
            outputs = [ids for group in groups for ids in group]
            rewards = score([(q, read_list(policy.text(ids), n=n)) for q, ids in zip(prompts, outputs, strict=True)])
            totals = torch.tensor([r.total for r in rewards], dtype=torch.float32).view(-1, settings.group)
            gains = advantages(totals).flatten()
            with torch.no_grad():
                wanted, mask = token_log_probs(*policy.logits(reference, prompts, outputs))
            old = None
            for _ in range(settings.inner):
                new, mask = token_log_probs(*policy.logits(policy.model, prompts, outputs))
                old = new.detach() if old is None else old
                loss = grpo_loss(new, old, wanted, mask, gains, clip=settings.clip, beta=settings.beta)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(policy.trained(), 1.0)
                optimiser.step()
            progress.step("rl", step, settings.updates, policy.model, optimiser, _row(rewards, new, wanted, mask))


def _row(rewards: Sequence[Reward], new: Any, wanted: Any, mask: Any) -> dict[str, float]:
    """What the curves show of one update."""
    apart = (wanted - new.detach()) * mask
    row = {"kl": float(((apart.exp() - apart - 1) * mask).sum() / mask.sum())}
    for name in ("total", "relevance", "alignment", "diversity", "similarity"):
        row[name] = sum(getattr(r, name) for r in rewards) / len(rewards)
    return row
