"""How a rewriter is trained: sizes, steps and rates, as values with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from multirecall.core.errors import InvalidInput
from multirecall.training.generation.backbones import Backbone
from multirecall.training.generation.sft import FineTuning
from multirecall.training.rewriter.rewards.combining import RewardWeights

__all__ = ["RECIPES", "Backbone", "Recipe", "Reinforced", "Supervised", "open_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised(FineTuning):
    """`copies`: lists drawn per query.

    The second half of the steps goes without smoothing: a tenth of the probability spread over all tokens is harmless
    to a greedy decoder, but nearly every sampled list would hold a random token, and rewards could teach nothing.
    """

    copies: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinforced:
    """GRPO: `updates` of `prompts` queries with `group` sampled lists each; the learning rate is a tenth of SFT's.

    `discount` None: all tokens of a list share its one advantage, as the method has it. Otherwise a text's tokens are
    moved by what it adds to the reward and, times `discount` for each text in between, by what the texts behind it add:
    with 0.3 a good text is no longer held liable for the four others.
    """

    updates: int = 300
    prompts: int = 8
    group: int = 8
    rate: float = 5e-5
    warmup: int = 10
    clip: float = 0.2
    beta: float = 0.04
    temperature: float = 1.0
    inner: int = 1
    discount: float | None = None
    cycle: float = 0.0
    weights: RewardWeights = field(default_factory=RewardWeights)

    def __post_init__(self) -> None:
        if self.group < 2:
            raise InvalidInput("A group needs 2 lists or more to have an advantage.", field="group")
        if self.discount is not None and not 0 <= self.discount <= 1:
            raise InvalidInput(f"A discount lies in 0..1, got {self.discount}.", field="discount")
        if not 0 <= self.cycle < 1:
            raise InvalidInput(f"The share of cycle consistency lies in 0..1, got {self.cycle}.", field="cycle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`n` rewrites per generation of at most `max_tokens`. `plain`: share of queries that need no knowledge.

    `pseudo_titles` teaches titles of products instead of shop queries (OPQE). The same seed gives the same weights on
    the same machine. A checkpoint is written every `save_every` steps.
    """

    name: str
    backbone: Backbone = field(default_factory=Backbone)
    supervised: Supervised = field(default_factory=Supervised)
    reinforced: Reinforced = field(default_factory=Reinforced)
    n: int = 5
    max_tokens: int = 64
    plain: float = 0.3
    pseudo_titles: bool = False
    save_every: int = 100
    seed: int = 7


_PRETRAINED = Recipe(
    name="pretrained",
    backbone=Backbone(lora_rank=16),
    supervised=Supervised(steps=600, batch=8, rate=2e-4, warmup=30),
    reinforced=Reinforced(updates=100, prompts=2, rate=2e-5),
    max_tokens=80,
    save_every=25,
)
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "small": Recipe(name="small"),
        "tiny": Recipe(
            name="tiny",
            backbone=Backbone(vocab=1_500, d_model=96, d_ff=192, heads=4, layers=2, dropout=0.0),
            supervised=Supervised(steps=1_000, batch=32, rate=2e-3, warmup=40, embeddings=30.0, smoothing=0.0),
            reinforced=Reinforced(
                updates=100, prompts=16, rate=4e-4, temperature=0.8, discount=0.3, weights=RewardWeights(diversity=2.0)
            ),
            max_tokens=56,
            plain=0.15,
        ),
        "smollm2": replace(_PRETRAINED, name="smollm2", backbone=Backbone(pretrained="smollm2", lora_rank=16)),
    }
)


def open_recipe(name: str, *, lora_rank: int | None = None) -> Recipe:
    """The recipe of that name; any other name is a pretrained model on the hub or in a folder.

    `lora_rank` replaces the recipe's own (0: all weights); it has no meaning for a model from scratch.
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        if not name.strip():
            raise InvalidInput("The recipe has no name.", hint=f"Use one of {', '.join(RECIPES)}.", field="recipe")
        recipe = replace(_PRETRAINED, name=name, backbone=Backbone(pretrained=name, lora_rank=16))
    if lora_rank is None:
        return recipe
    if lora_rank < 0 or not recipe.backbone.pretrained:
        raise InvalidInput(
            "A LoRA rank is 0 or more, and for a pretrained model.", hint="Leave --lora-rank out.", field="lora_rank"
        )
    return replace(recipe, backbone=replace(recipe.backbone, lora_rank=lora_rank))
