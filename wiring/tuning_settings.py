"""What `multirecall tune` may be told, and the settings of the arms that it compares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.wiring.settings import Settings
from multirecall.wiring.towers import base_kind

__all__ = ["REWRITE_FUSION", "TuneOptions", "with_rewrite"]

REWRITE_FUSION = "weighted_sum?rewrite=2"
"""The weight that docs/results/rewrite-route.md would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """`queries` made for each half; `sample` products at most that queries are made of, and that another encoder is
    tried on; `pair_queries` that synthetic pairs are sought for; `base` is the encoder to train and `epochs` a multiple
    of its rounds, both as in `multirecall train encoder`; `rounds` are the blender's trees.
    Judged queries and judgments come together or not at all."""

    judged_queries: Path | None = None
    judgments: Path | None = None
    queries: int = 300
    sample: int = 20_000
    pair_queries: int = 1_000
    base: str = "static"
    epochs: float = 1.0
    rounds: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        base_kind(self.base)
        if (self.judged_queries is None) != (self.judgments is None):
            raise InvalidSettings(
                "Judgments and their queries come together.",
                hint="Give both --queries and --judgments, or neither.",
                field="judgments",
            )

    @property
    def evidence(self) -> str:
        """What decides, in words."""
        return "generated queries" if self.judgments is None else f"the judgments of {self.judgments.name}"


def with_rewrite(settings: Settings, folder: Path) -> Settings:
    """The settings with the route `rewrite` beside today's routes, by the rewriters of the folder.

    Its weight goes into a weighted sum; any other fixed fusion stays. A blender of today does not know the route, so it
    gives way to the weighted sum.
    """
    fusion = settings.fusion.strip()
    if fusion.startswith("blender:") or fusion == "weighted_sum":
        fusion = REWRITE_FUSION
    elif fusion.startswith("weighted_sum?") and "rewrite=" not in fusion:
        fusion += "&rewrite=2"
    routes = [name.strip() for name in settings.routes.split(",") if name.strip()]
    return settings.model_copy(
        update={
            "routes": ",".join(dict.fromkeys([*routes, "rewrite"])),
            "fusion": fusion,
            "rewriter_dir": folder.absolute(),
        }
    )
