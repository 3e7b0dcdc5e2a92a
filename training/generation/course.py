"""What every course of a model that writes for queries has: its tasks, its checkpoint's mark, its first weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.generation.backbones import Backbone, open_policy
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import step_seed
from multirecall.training.generation.sft import Task, Taught

__all__ = ["checkpoint_mark", "good_products", "mixed_tasks", "new_policy"]

_LEAST = 0.6
"""A judged product is a lesson of its query from this part of the highest grade on."""


def good_products(
    queries: Sequence[JudgedQuery], judgments: Judgments | None, known: Container[str]
) -> Iterator[tuple[str, str]]:
    """(Query, id) of the `known` products that were judged good for it, query by query; none without judgments."""
    if judgments is None:
        return
    least = _LEAST * judgments.top_grade
    for query in queries:
        for product, grade in judgments.of(query.qid).items():
            if grade >= least and product in known:
                yield query.text, product


def checkpoint_mark(recipe: Any, *lessons: Sequence[tuple[str, str]]) -> str:
    """What a checkpoint belongs to: 16 hex digits over the recipe (a dataclass) and the lessons."""
    body = json.dumps([asdict(recipe), *lessons], ensure_ascii=False, default=str)
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def new_policy(
    backbone: Backbone, texts: Sequence[str], *, max_tokens: int, tokens: Sequence[str], seed: int
) -> Policy:
    """The policy before any training, the same for the same seed; `texts` teach the tokenizer, in any order."""
    torch = required("torch")
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(seed, "weights", 0))
        return open_policy(backbone, sorted(texts), max_tokens=max_tokens, tokens=tokens)


def mixed_tasks(own: Sequence[Taught], judged: Sequence[Taught], *, judged_share: float) -> list[Task]:
    """Lessons of products, and beside them those of judged queries, if there are any."""
    tasks = [Task(lessons=own, share=1.0 - judged_share)]
    return [*tasks, Task(lessons=judged, share=judged_share)] if judged else tasks
