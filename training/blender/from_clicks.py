"""Queries and judgments for a blender from a click log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.clicks import judgments_from_clicks, read_click_log

__all__ = ["ClickedQueries", "clicked_queries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickedQueries:
    """What a log teaches. `weights[qid][product_id]`, between 0 and 1: how far the grade is the product's own and not
    the prior of all products; `described` goes into the model card."""

    queries: Sequence[JudgedQuery]
    judgments: Judgments
    weights: Mapping[str, Mapping[str, float]]
    described: Mapping[str, Any]


def clicked_queries(logs: Sequence[Path], *, rejects: Path | None = None, seed: int = 7) -> ClickedQueries:
    """The queries of UBI files or tables of clicks, with judgments from which position bias is taken out.

    A product that was looked at `n` times weighs `n / (n + s)`, where `s` is the strength of the prior to which its
    rate is shrunk: as much as its own clicks count in its grade. Raises what `read_click_log` and
    `judgments_from_clicks` raise.
    """
    found = judgments_from_clicks(read_click_log(logs, rejects=rejects), seed=seed)
    strength = found.report.prior_strength
    return ClickedQueries(
        queries=[JudgedQuery(qid=qid, text=text) for qid, text in found.texts.items()],
        judgments=found.judgments,
        weights={
            qid: {name: exposure / (exposure + strength) for name, exposure in of_query.items()}
            for qid, of_query in found.weights.items()
        },
        described={"click_logs": [log.name for log in logs], **found.report.to_dict()},
    )
