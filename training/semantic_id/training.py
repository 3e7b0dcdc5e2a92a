"""The whole course: ids of the products of an index, a model that writes them for queries, and the folder of both."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.engines.base import Engine
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.recall.semantic_ids.folder import IDS_FILE, MODEL_FOLDER
from multirecall.recall.semantic_ids.identifiers import identifier, tokens_of
from multirecall.training.blender.placing import may_replace, written_whole
from multirecall.training.generation.backbones import Backbone
from multirecall.training.generation.course import checkpoint_mark, good_products, mixed_tasks, new_policy
from multirecall.training.generation.export import export_steps
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import OnRow, Progress
from multirecall.training.generation.sft import FineTuning, Taught, fine_tune
from multirecall.training.semantic_id.building import BuiltIds, built_ids
from multirecall.training.semantic_id.choosing import frequent_tokens, heads_to_drop
from multirecall.training.semantic_id.diagnosing import layer_counts
from multirecall.training.semantic_id.lessons import Described, made_up_queries, read_products
from multirecall.training.semantic_id.residual import ResidualKMeans

__all__ = ["IdRecipe", "TrainedIds", "ids_of", "lessons_of", "train_semantic_ids"]

_MAX_SOURCE_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRecipe:
    """How ids are made and how their writer learns; the same recipe, data and seed give the same folder on one machine.

    `heads`: tokens of the second layer that are left out; -1: as many as `heads_to_drop` says, 0: none (TIGER).
    `made_up`: made-up queries per product. `judged_share`: part of the lessons that are judged queries, if there are
    any.
    """

    sizes: tuple[int, ...] = (64, 64, 64)
    heads: int = -1
    made_up: int = 3
    judged_share: float = 0.3
    backbone: Backbone = field(default_factory=lambda: Backbone(vocab=4_000, d_model=128, d_ff=256, heads=4, layers=2))
    tuning: FineTuning = field(
        default_factory=lambda: FineTuning(steps=3_000, batch=32, rate=1e-3, warmup=200, embeddings=30.0)
    )
    precision: str = "fp32"
    save_every: int = 500
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedIds:
    """Where the folder lies, and what its card says."""

    out: Path
    card: Mapping[str, Any]


def ids_of(products: Described, recipe: IdRecipe, *, encoder: str) -> BuiltIds:
    """Ids of the products that have a vector. `encoder`: the fingerprint of the index's vector field."""
    if not products.having:
        raise InvalidInput(
            "No product of the index has a vector.", hint="Index the catalogue with an encoder.", field="encoder"
        )
    sizes = tuple(min(size, len(products.having)) for size in recipe.sizes)
    quantiser = ResidualKMeans(sizes=sizes, seed=recipe.seed).fit(products.vectors)
    codes = quantiser.codes(products.vectors)
    shortening = None
    if recipe.heads and len(sizes) > 2:
        counts = layer_counts(codes, sizes)[1]
        shortening = frequent_tokens(counts, heads_to_drop(counts) if recipe.heads < 0 else recipe.heads)
    names = [products.ids[at] for at in products.having]
    return built_ids(quantiser, names, codes, encoder=encoder, shortening=shortening)


def lessons_of(
    products: Described,
    ids: Mapping[str, str],
    recipe: IdRecipe,
    *,
    queries: Sequence[JudgedQuery] = (),
    judgments: Judgments | None = None,
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(Lessons of products, lessons of judged queries), each (text, id). `ids`: by product."""
    dice = np.random.default_rng(recipe.seed)
    own: list[tuple[str, str]] = []
    for name, title, brand, category in zip(
        products.ids, products.titles, products.brands, products.categories, strict=True
    ):
        if name in ids:
            texts = [title, *made_up_queries(title, brand, category, each=recipe.made_up, dice=dice)]
            own += [(text, ids[name]) for text in texts if text.strip()]
    judged = [(text, ids[product]) for text, product in good_products(queries, judgments, ids)]
    return own, judged


def train_semantic_ids(
    engine: Engine,
    recipe: IdRecipe,
    *,
    out: Path,
    vector_field: str = "dense",
    queries: Sequence[JudgedQuery] = (),
    judgments: Judgments | None = None,
    resume: bool = False,
    on_row: OnRow | None = None,
) -> TrainedIds:
    """Makes ids for the live index's products, teaches a model to write them, and writes the folder `out`.

    Blocks for minutes. Work in progress lies in the hidden folder `.NAME.training` beside `out`, and goes when the
    folder is complete, which comes in one step. `resume` goes on where an interrupted run of the same recipe and data
    stood. Raises MissingExtra without the extra `train`, InvalidInput for an index without vectors or a checkpoint of
    other data, InvalidSettings if something else lies at `out`.
    """
    _check_target(out)
    vectors = engine.info().schema.vector(vector_field)
    if vectors is None:
        raise InvalidInput(
            f"The index has no vectors {vector_field!r}.", hint="Index the catalogue with an encoder.", field="encoder"
        )
    products = read_products(engine, vector_field)
    built = ids_of(products, recipe, encoder=vectors.fingerprint)
    ids = dict(zip(built.products, identifiers_of(built), strict=True))
    own, judged = lessons_of(products, ids, recipe, queries=queries, judgments=judgments)
    work = out.parent / f".{out.name}.training"
    progress = Progress(
        work, mark=checkpoint_mark(recipe, own, judged), save_every=recipe.save_every, resume=resume, on_row=on_row
    )
    policy = new_policy(
        recipe.backbone,
        [*products.titles, *(text for text, _ in judged)],
        max_tokens=len(built.assigning.quantiser.sizes) + 1,
        tokens=built.assigning.vocabulary,
        seed=recipe.seed,
    )
    tasks = mixed_tasks(_taught(policy, own), _taught(policy, judged), judged_share=recipe.judged_share)
    fine_tune(policy, tasks, recipe.tuning, seed=recipe.seed, progress=progress)
    card = {
        "recipe": asdict(recipe),
        "products": len(ids),
        "lessons": {"products": len(own), "judged": len(judged)},
        "ids": built.to_dict(),
    }
    _write(built, policy, recipe, card, out)
    shutil.rmtree(work)
    return TrainedIds(out=out, card=card)


def identifiers_of(built: BuiltIds) -> list[str]:
    """The id of each product, as the index will hold it."""
    sizes = built.assigning.quantiser.sizes
    return [identifier(row) for row in built.assigning.shortening.shorten(built.codes, sizes).tolist()]


def _taught(policy: Policy, lessons: Sequence[tuple[str, str]]) -> list[Taught]:
    """Outputs as ids of tokens; each id of a product is read once."""
    outputs: dict[str, list[int]] = {}
    taught = []
    for text, one in lessons:
        if one not in outputs:
            names = [str(token) for token in tokens_of(one)]
            outputs[one] = [*policy.tokenizer.convert_tokens_to_ids(names), policy.end]
        taught.append((text, outputs[one]))
    return taught


def _check_target(out: Path) -> None:
    if not may_replace(out, IDS_FILE):
        raise InvalidSettings(f"{out} exists and holds no semantic ids.", hint="Choose another folder.", field="out")


def _write(built: BuiltIds, policy: Policy, recipe: IdRecipe, card: Mapping[str, Any], out: Path) -> None:
    with written_whole(out) as made:
        built.write(made / IDS_FILE, {"recipe": card["recipe"]})
        export_steps(
            policy,
            made / MODEL_FOLDER,
            precision=recipe.precision,
            max_source_tokens=_MAX_SOURCE_TOKENS,
            card=card,
        )
