"""Group relative policy optimisation: lists of one query compete with each other; no value network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Ids, Policy, token_log_probs
from multirecall.training.generation.progress import Progress, step_seed
from multirecall.training.rewriter.data import SEPARATOR, read_list
from multirecall.training.rewriter.recipes import Reinforced
from multirecall.training.rewriter.rewards.combining import Reward

__all__ = ["ScoreLists", "advantages", "grpo_loss", "reinforce", "spans_of", "text_advantages"]

ScoreLists = Callable[[Sequence[tuple[str, tuple[str, ...]]]], list[Reward]]
"""Rewards of (query, rewrites), in order."""
_PART = 64  # lists


def advantages(rewards: Any) -> Any:
    """(R - mean) / (population std + 1e-6) within each row: shape (queries, group) in and out.

    A group of equal rewards teaches nothing: all its advantages are 0.
    """
    spread = rewards.std(dim=-1, correction=0, keepdim=True)
    return (rewards - rewards.mean(dim=-1, keepdim=True)) / (spread + 1e-6)


def text_advantages(parts: Any, *, discount: float) -> Any:
    """The advantages of single texts: shape (queries, group, texts) in and out.

    A text stands for what it adds and, discounted, for what those behind it add. Texts of one place in their lists
    compete; the deviation is one for a query, so that a place where all lists do alike stays quiet.
    """
    earned = parts.clone()
    for at in range(parts.shape[2] - 2, -1, -1):
        earned[:, :, at] += discount * earned[:, :, at + 1]
    apart = earned - earned.mean(dim=1, keepdim=True)
    return apart / (apart.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-6)


def grpo_loss(new: Any, old: Any, reference: Any, mask: Any, gains: Any, *, clip: float, beta: float) -> Any:
    """The clipped surrogate and the distance from the reference, a mean over the tokens of a list, then over lists.

    `new`, `old`, `reference`: log probabilities of the sampled tokens, (lists, t); `gains`: (lists,), or (lists, t)
    where tokens have advantages of their own. The distance is the unbiased estimate exp(r) - r - 1 with
    r = reference - new, never negative.
    """
    ratio = (new - old).exp()
    gain = gains.unsqueeze(1) if gains.dim() == 1 else gains
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
    spans = spans_of(policy)
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
            gains = _gains(torch, rewards, [spans(ids) for ids in outputs], n=n, settings=settings)
            parts = _by_length(outputs)
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * min(1.0, step / max(1, settings.warmup))
            olds: dict[int, Any] = {}
            kl = tokens = 0.0
            for _ in range(settings.inner):
                optimiser.zero_grad()
                kl = tokens = 0.0
                for i, rows in enumerate(parts):
                    asked_of, said = [prompts[row] for row in rows], [outputs[row] for row in rows]
                    with torch.no_grad():
                        wanted, mask = _log_probs(policy, reference, asked_of, said, settings.temperature)
                    new, _ = _log_probs(policy, policy.model, asked_of, said, settings.temperature)
                    old = olds.setdefault(i, new.detach())
                    gain = gains[rows] if gains.dim() == 1 else gains[rows, : new.shape[1]]
                    loss = grpo_loss(new, old, wanted, mask, gain, clip=settings.clip, beta=settings.beta)
                    (loss * len(rows) / len(outputs)).backward()
                    apart = (wanted - new.detach()) * mask
                    kl += float(((apart.exp() - apart - 1) * mask).sum())
                    tokens += float(mask.sum())
                torch.nn.utils.clip_grad_norm_(policy.trained(), 1.0)
                optimiser.step()
            row = {"kl": kl / tokens, **_means(rewards)}
            progress.step("rl", step, settings.updates, policy.model, optimiser, row)


def _log_probs(
    policy: Policy, model: Any, queries: Sequence[str], outputs: Sequence[Ids], temperature: float
) -> tuple[Any, Any]:
    """Of the distribution that was drawn from: the logits divided by the temperature."""
    logits, labels = policy.logits(model, queries, outputs)
    return token_log_probs(logits / temperature, labels)


def _gains(torch: Any, rewards: Sequence[Reward], places: Sequence[list[int]], *, n: int, settings: Reinforced) -> Any:
    """(lists,), or (lists, t) with a discount: every token has the advantage of the text that it belongs to."""
    if settings.discount is None:
        totals = torch.tensor([r.total for r in rewards], dtype=torch.float32)
        return advantages(totals.view(-1, settings.group)).flatten()
    parts = torch.tensor([[*r.parts, *[0.0] * (n + 1 - len(r.parts))] for r in rewards], dtype=torch.float32)
    gains = text_advantages(parts.view(-1, settings.group, n + 1), discount=settings.discount).view(-1, n + 1)
    longest = max(map(len, places))
    at = torch.tensor([[*(min(place, n) for place in one), *[n] * (longest - len(one))] for one in places])
    return gains.gather(1, at)


def spans_of(policy: Policy) -> Callable[[Ids], list[int]]:
    """For each token of an output, which text of the list it belongs to, from 0.

    The separator belongs to the text that it opens, and the end to the one that it withholds.
    """
    mark = SEPARATOR.strip()
    opening = {i for token, i in policy.tokenizer.get_vocab().items() if mark in token} | {policy.end}

    def spans(ids: Ids) -> list[int]:
        return list(accumulate(int(token in opening) for token in ids))

    return spans


def _by_length(outputs: Sequence[Ids]) -> list[list[int]]:
    """The places of all outputs, in parts of neighbours in length: in one batch half the work would be padding."""
    places = sorted(range(len(outputs)), key=lambda i: len(outputs[i]))
    return [places[at : at + _PART] for at in range(0, len(places), _PART)]


def _means(rewards: Sequence[Reward]) -> dict[str, float]:
    """What the curves show of one update."""
    names = ("total", "relevance", "alignment", "diversity", "similarity")
    return {name: sum(getattr(r, name) for r in rewards) / len(rewards) for name in names}
