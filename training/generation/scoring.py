"""How likely given outputs are: the log probability of every token, without gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multirecall.recall.generation.base import Float32Array
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Ids, Policy, token_log_probs

__all__ = ["score_tokens"]

_BATCH = 64


def score_tokens(policy: Policy, texts: Sequence[str], outputs: Sequence[Ids]) -> list[Float32Array]:
    """Of each output, the log probabilities of its tokens given its text and the tokens before: shape (tokens,) each.

    Their sum is log pi(output | text). Dropout is off. Works in parts of neighbours in length.
    """
    torch = required("torch")
    order = sorted(range(len(outputs)), key=lambda at: len(outputs[at]))
    scores: list[Float32Array] = [np.empty(0, dtype=np.float32)] * len(outputs)
    training = policy.model.training
    policy.model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            logits, labels = policy.logits(policy.model, [texts[at] for at in part], [outputs[at] for at in part])
            told, _ = token_log_probs(logits.float(), labels)
            for at, row in zip(part, told.cpu().numpy(), strict=True):
                scores[at] = row[: len(outputs[at])]
    policy.model.train(training)
    return scores
