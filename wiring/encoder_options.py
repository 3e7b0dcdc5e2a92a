"""What `multirecall train encoder` may be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import InvalidInput
from multirecall.wiring.towers import DEFAULT_LAYERS, base_kind

__all__ = ["RECIPES", "SEPARATE", "EncoderTraining"]

RECIPES = ("mine-and-refine", "roar", "static")
SEPARATE = ("circle", "across-queries")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTraining:
    """What to train and from what: queries and their judgments, or click logs alone.

    `base` "" is all-MiniLM-L6-v2, or wordllama's vectors for the recipe `static`, which is ROAR on them. `epochs`
    multiplies the rounds of both stages; `layers` 0 learns all layers of a transformer. `misspelt` is the share of
    training queries that get a copy with a slip. `at_once` above 0 encodes so many texts at a time (see
    `TransformerTower`). Of mine-and-refine alone are `mine`, which looks for hard products and lets an annotator grade
    `annotated` of them at most (0: any number), and `separate`, what its second stage minimises."""

    recipe: str
    out: Path
    queries: Path | None = None
    judgments: Path | None = None
    clicks: tuple[Path, ...] = ()
    base: str = ""
    seed: int = 0
    epochs: float = 1.0
    batch: int = 32
    layers: int = DEFAULT_LAYERS
    device: str = "cpu"
    at_once: int = 0
    dims: tuple[int, ...] = ()
    misspelt: float = 0.3
    mine: bool = True
    annotated: int = 0
    separate: str = SEPARATE[0]

    def __post_init__(self) -> None:
        judged = self.queries is not None and self.judgments is not None
        if judged == bool(self.clicks) or (self.clicks and (self.queries or self.judgments)):
            raise InvalidInput(
                "An encoder learns from --queries and --judgments, or from --clicks alone.",
                hint="Give both files, or click logs.",
                field="judgments",
            )
        if self.recipe not in RECIPES:
            raise InvalidInput(
                f"There is no recipe {self.recipe!r}.", hint=f"Recipes: {', '.join(RECIPES)}.", field="recipe"
            )
        if self.separate not in SEPARATE:
            raise InvalidInput(
                f"Levels cannot be separated by {self.separate!r}.",
                hint=f"Use {' or '.join(SEPARATE)}.",
                field="separate",
            )
        if self.base and base_kind(self.base) != "static" and self.recipe == "static":
            raise InvalidInput(
                f"The recipe static trains static vectors, not {self.base!r}.",
                hint="Leave --base out, or choose --recipe mine-and-refine or roar.",
                field="base",
            )

    @property
    def start(self) -> str:
        """The base, where none was named that of the recipe."""
        return self.base or ("static" if self.recipe == "static" else "onnx")
