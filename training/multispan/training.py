"""The whole course: titles as an FM-index, spans as lessons, a model that writes them, and the folder of all."""

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
from multirecall.recall.fm_index.folder import MANIFEST, save_fm_index
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.generation.onnx_steps import open_onnx_steps
from multirecall.recall.multispan.folder import MODEL_FOLDER, SEPARATOR, TITLES_FOLDER
from multirecall.training.blender.placing import may_replace, written_whole
from multirecall.training.generation.backbones import Backbone
from multirecall.training.generation.course import checkpoint_mark, good_products, mixed_tasks, new_policy
from multirecall.training.generation.export import export_steps
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.progress import OnRow, Progress
from multirecall.training.generation.sft import FineTuning, Taught, fine_tune
from multirecall.training.multispan.spans import Phrases, learn_phrases
from multirecall.training.semantic_id.lessons import made_up_queries

__all__ = ["SpanRecipe", "Titled", "TrainedSpans", "lessons_of", "read_titles", "train_multispan"]

_FIELDS = ("id", "title", "brand", "category_path")
_MAX_SOURCE_TOKENS = 32
_MAX_TITLE_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecipe:
    """How lessons are made and learned; the same recipe, data and seed give the same folder on one machine.

    `spans` of a target; `made_up` queries per product; `judged_share`: part of the lessons that are judged queries, if
    there are any. Every pair of query and product gives a target in order of importance and one in an order drawn.
    """

    spans: int = 4
    made_up: int = 3
    judged_share: float = 0.3
    max_tokens: int = 28
    backbone: Backbone = field(default_factory=lambda: Backbone(vocab=6_000, d_model=128, d_ff=256, heads=4, layers=2))
    tuning: FineTuning = field(
        default_factory=lambda: FineTuning(steps=3_000, batch=32, rate=1e-3, warmup=200, embeddings=30.0)
    )
    precision: str = "fp32"
    save_every: int = 500
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Titled:
    """Products of an index with a title, by id; brand and deepest category are empty where there are none."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    brands: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedSpans:
    """Where the folder lies, and what its card says."""

    out: Path
    card: Mapping[str, Any]


def read_titles(engine: Engine) -> Titled:
    """All products of the live index that have a title. Raises what the engine raises."""
    records = sorted(
        (record for record in engine.scan([*_FIELDS]) if record.get("title")), key=lambda record: str(record["id"])
    )
    return Titled(
        ids=tuple(str(record["id"]) for record in records),
        titles=tuple(str(record["title"])[:_MAX_TITLE_CHARS] for record in records),
        brands=tuple(str(record.get("brand") or "") for record in records),
        categories=tuple(str((record.get("category_path") or ("",))[-1]) for record in records),
    )


def lessons_of(
    products: Titled,
    phrases: Phrases,
    recipe: SpanRecipe,
    *,
    queries: Sequence[JudgedQuery] = (),
    judgments: Judgments | None = None,
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(Lessons of products, lessons of judged queries), each (text, spans with separators between them)."""
    dice = np.random.default_rng(recipe.seed)
    own: list[tuple[str, str]] = []
    for title, brand, category in zip(products.titles, products.brands, products.categories, strict=True):
        for text in made_up_queries(title, brand, category, each=recipe.made_up, dice=dice):
            own += _targets(text, title, phrases, recipe, dice)
    titles = dict(zip(products.ids, products.titles, strict=True))
    judged: list[tuple[str, str]] = []
    for text, product in good_products(queries, judgments, titles):
        judged += _targets(text, titles[product], phrases, recipe, dice)
    return own, judged


def _targets(
    text: str, title: str, phrases: Phrases, recipe: SpanRecipe, dice: np.random.Generator
) -> list[tuple[str, str]]:
    """The spans by importance, and once in an order drawn; nothing for a title without a phrase."""
    spans = phrases.spans(title, text, m=recipe.spans)
    if not spans or not text.strip():
        return []
    shuffled = [spans[at] for at in dice.permutation(len(spans))]
    return [(text, f" {SEPARATOR} ".join(order)) for order in (spans, shuffled)]


def train_multispan(
    engine: Engine,
    recipe: SpanRecipe,
    *,
    out: Path,
    queries: Sequence[JudgedQuery] = (),
    judgments: Judgments | None = None,
    resume: bool = False,
    on_row: OnRow | None = None,
) -> TrainedSpans:
    """Teaches a model to write spans of the live index's titles, and writes the folder `out`.

    Blocks for minutes. Work in progress lies in the hidden folder `.NAME.training` beside `out`, and goes when the
    folder is complete, which comes in one step. `resume` goes on where an interrupted run of the same recipe and data
    stood. Raises MissingExtra without the extra `train`, InvalidInput for an index without titles or a checkpoint of
    other data, InvalidSettings if something else lies at `out`.
    """
    _check_target(out)
    products = read_titles(engine)
    if not products.ids:
        raise InvalidInput("No product of the index has a title.", hint="Index a catalogue first.", field="engine")
    phrases = learn_phrases(products.titles, {*products.brands, *products.categories} - {""})
    own, judged = lessons_of(products, phrases, recipe, queries=queries, judgments=judgments)
    work = out.parent / f".{out.name}.training"
    progress = Progress(
        work, mark=checkpoint_mark(recipe, own, judged), save_every=recipe.save_every, resume=resume, on_row=on_row
    )
    policy = new_policy(
        recipe.backbone,
        [*products.titles, *(text for text, _ in judged)],
        max_tokens=recipe.max_tokens,
        tokens=[SEPARATOR],
        seed=recipe.seed,
    )
    tasks = mixed_tasks(_taught(policy, own), _taught(policy, judged), judged_share=recipe.judged_share)
    fine_tune(policy, tasks, recipe.tuning, seed=recipe.seed, progress=progress)
    card = {
        "recipe": asdict(recipe),
        "products": len(products.ids),
        "lessons": {"products": len(own), "judged": len(judged)},
    }
    _write(products, policy, recipe, card, out)
    shutil.rmtree(work)
    return TrainedSpans(out=out, card=card)


def _taught(policy: Policy, lessons: Sequence[tuple[str, str]]) -> list[Taught]:
    return [(text, policy.output_ids(spans)) for text, spans in lessons]


def _check_target(out: Path) -> None:
    if not may_replace(out, f"{TITLES_FOLDER}/{MANIFEST}"):
        raise InvalidSettings(f"{out} exists and holds no spans.", hint="Choose another folder.", field="out")


def _write(products: Titled, policy: Policy, recipe: SpanRecipe, card: Mapping[str, Any], out: Path) -> None:
    with written_whole(out) as made:
        export_steps(
            policy,
            made / MODEL_FOLDER,
            precision=recipe.precision,
            max_source_tokens=_MAX_SOURCE_TOKENS,
            card=card,
        )
        model = open_onnx_steps(made / MODEL_FOLDER)  # titles as serving reads them
        tokens = (model.ids(title) for title in products.titles)
        save_fm_index(FMIndex.build(products.ids, tokens, vocab=model.vocab), made / TITLES_FOLDER)
