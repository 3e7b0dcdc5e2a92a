"""Graded training of an encoder at work: data, splits, tower, recipe, teacher and figures, by what a command says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.indexer.applying import product_of_record
from multirecall.indexer.copying import COPIED_FIELDS, mapping_of
from multirecall.training.blender.from_clicks import clicked_queries
from multirecall.training.graded.augmenting import with_slips
from multirecall.training.graded.duplicates import Duplicates, catalogue_duplicates
from multirecall.training.graded.groups import GradedData, GradedGroup, graded_groups
from multirecall.training.graded.scales import FOUR_GRADES, SAME, Scale, three_levels
from multirecall.training.graded.splits import by_split_column, split_groups
from multirecall.wiring.annotators import Annotating, annotator_by, check_annotator
from multirecall.wiring.encoder_options import EncoderTraining
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.wiring.towers import tower_of

if TYPE_CHECKING:
    from multirecall.training.dense.course import Course
    from multirecall.training.graded.evidence import Evidence
    from multirecall.training.graded.recipe import Mine
    from multirecall.training.roar.recipe import Roar

__all__ = [
    "HELD_OUT",
    "Annotating",
    "TrainedEncoder",
    "catalogue_texts",
    "kept_annotations",
    "roar_of",
    "scale_of",
    "shop_to_learn",
    "train_encoder",
]

HELD_OUT = "held-out.tsv"
"""Of an encoder's folder: the queries of split test, which may judge it."""

_EPOCHS = {"static": (10.0, 5.0), "onnx": (2.0, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedEncoder:
    """`spec` opens it; `report` says, in lines, what the data holds and what was wrong with it."""

    spec: str
    card: Mapping[str, Any]
    report: Sequence[str]


OnTraining = Callable[[str, float | None, str], None]
"""(what is being done, the share that is done or None, what to show beside it); may raise to stop."""


def train_encoder(
    engine: Engine,
    training: EncoderTraining,
    *,
    annotator: Annotating | None = None,
    on_training: OnTraining = lambda what, share, shown: None,
) -> TrainedEncoder:
    """Trains by the recipe and writes the encoder to `out` in one step; blocks for seconds (static) to hours.

    Queries are split into train, dev and test by their column `split`, or else by text: dev gives live figures and
    thresholds, test the figures of the card. Work in progress lies in `.NAME.training` beside `out`: the same call goes
    on from there. `annotator` teaches what unjudged products are worth; without one nothing is mined. Raises
    MissingExtra without the extra `train`, InvalidInput or InvalidSource for data that cannot be trained on, with rows,
    and InvalidSettings if `out` is taken by something else.
    """
    from multirecall.training.dense.base import require_torch

    require_torch()
    from multirecall.training.dense.course import Course
    from multirecall.training.dense.figures import compared, held_out
    from multirecall.training.dense.scoring import held_out_ndcg
    from multirecall.training.dense.stages import Watch
    from multirecall.training.dense.training import check_encoder_target

    check_encoder_target(training.out)
    tower = tower_of(training.start, layers=training.layers, device=training.device, at_once=training.at_once)
    on_training("reading the catalogue", None, "")
    texts, duplicates = catalogue_texts(engine), catalogue_duplicates(engine)
    kinds = duplicates.kinds()
    data = _data(training, texts)
    parts = _split(data.groups)
    train, dev, test = parts["train"], parts["dev"], parts["test"]
    if training.recipe == "mine-and-refine":
        data.report.raise_if_unordered()
        _check_levels(dev, _top(data.groups))
    slips = with_slips(train, share=training.misspelt, seed=training.seed) if training.misspelt else list(train)
    tower.prepare([*(group.query for group in (*slips, *dev, *test)), *texts.values()])
    shown = {"figure": ""}

    def tell(stage: str, step: int, figure: float) -> None:
        shown["figure"] = f"  held-out nDCG@10 {figure:.3f}"

    course = Course(
        tower,
        texts,
        seed=training.seed,
        kinds=kinds,
        work=training.out.parent / f".{training.out.name}.training",
        watch=Watch(figure=lambda: held_out_ndcg(tower, dev, texts), tell=tell),
        on_step=lambda stage, done, steps: on_training(stage, done / steps, f"{done}/{steps}{shown['figure']}"),
    )
    on_training("measuring the base", None, "")
    before = held_out(tower, test, texts)
    mined: dict[str, Any] = {}
    mine = None
    if training.mine and annotator is not None:
        begin = partial(on_training, "mining", None, "")
        mine = _mine(course, training, train, engine, annotator, duplicates, mined, begin)
    extra, files = _taught(course, training, slips, dev, mine)
    on_training("measuring what was trained", None, "")
    card = {
        "kind": tower.encoder_kind,
        "recipe": training.recipe,
        "base": tower.fingerprint,
        "training": course.identity,
        "settings": {key: _shown(value) for key, value in asdict(training).items() if key not in ("out", "recipe")},
        "data": {**data.report.to_dict(), **{name: len(groups) for name, groups in parts.items()}},
        "stages": {result.name: result.card() for result in course.results},
        **extra,
        **({"mined": mined} if mined else {}),
        "held_out": compared(before, held_out(tower, test, texts)),
    }
    spec = course.write(card, training.out, files={**files, HELD_OUT: _as_table(test)})
    return TrainedEncoder(spec=spec, card=card, report=data.report.lines())


def _as_table(groups: Sequence[GradedGroup]) -> str:
    """Queries as the gate of a rebuild reads them, with their classes."""
    rows = [("qid", "query", "class"), *((g.qid, g.query, g.columns.get("class", "")) for g in groups)]
    return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows)


def _check_levels(dev: Sequence[GradedGroup], top: int) -> None:
    """Before the first stage: without a held-out product of each level there will be no thresholds after it."""
    lacking = sorted(set(range(top + 1)) - {level for group in dev for level in group.grades})
    if lacking:
        raise InvalidInput(
            f"The {len(dev)} queries of split dev have no product of level {', '.join(map(str, lacking))}: "
            "thresholds between the levels cannot be set.",
            hint="Judge more queries, or choose --recipe roar, which needs none.",
            field="judgments",
            rows=[f"qid {group.qid} {group.query!r}" for group in dev[:10]],
        )


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def catalogue_texts(engine: Engine) -> dict[str, str]:
    """What the index's encoder reads of every product, by id."""
    index = engine.info()
    template = mapping_of(index).template
    found = engine.scan(COPIED_FIELDS, index=index.name)
    return {str(record["id"]): template(product_of_record(record)) for record in found}


def roar_of(course: Course, groups: Sequence[GradedGroup], **settings: Any) -> Roar:
    """ROAR for the course's kind of tower and the grades of these groups; `epochs` multiplies its rounds."""
    from multirecall.training.roar.recipe import Roar

    top = _top(groups)
    epochs = _rounds(course, settings.pop("epochs"))
    return Roar(epochs=epochs, exact=top, substitutes=max(1, top - 1), **settings)


def _rounds(course: Course, epochs: float) -> tuple[float, float]:
    one, two = _EPOCHS[course.tower.encoder_kind]
    return one * epochs, two * epochs


def _taught(
    course: Course,
    training: EncoderTraining,
    slips: Sequence[GradedGroup],
    dev: Sequence[GradedGroup],
    mine: Mine | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Runs the recipe; gives what it adds to the card, and files to write beside the encoder."""
    from multirecall.training.graded.recipe import MineAndRefine, mine_and_refine
    from multirecall.training.roar.recipe import roar

    if training.recipe != "mine-and-refine":
        recipe = roar_of(course, slips, epochs=training.epochs, batch=training.batch, dims=training.dims)
        roar(course, slips, recipe)
        return {"recipe_settings": asdict(recipe)}, {}
    refine = MineAndRefine(
        epochs=_rounds(course, training.epochs),
        batch=training.batch,
        top=_top(slips),
        separate="circle" if training.separate == "circle" else "across-queries",
    )
    thresholds, centres = mine_and_refine(course, slips, dev, refine, mine=mine)
    said = {"medians": thresholds.medians, "above": thresholds.above}
    if refine.separate == "circle":
        said["centres"] = centres
    content = orjson.dumps(said, option=orjson.OPT_INDENT_2).decode() + "\n"
    return {"recipe_settings": asdict(refine), "thresholds": said}, {"thresholds.json": content}


def _top(groups: Sequence[GradedGroup]) -> int:
    return max(level for group in groups for level in group.grades)


def _mine(
    course: Course,
    training: EncoderTraining,
    train: Sequence[GradedGroup],
    engine: Engine,
    annotator: Annotating,
    duplicates: Duplicates,
    told: dict[str, Any],
    begin: Callable[[], None],
) -> Mine:
    """Mining with the encoder as it is then: its nearest products and those that words find, graded by the teacher."""
    from multirecall.training.dense.scoring import unit_vectors
    from multirecall.training.graded.mining import MiningRules, mine
    from multirecall.training.graded.recalling import ExactRecall, lexical_hits
    from multirecall.training.graded.thresholds import Thresholds

    rules = MiningRules()
    if training.annotated:  # shared out evenly: no query goes without
        if training.annotated < len(train):
            raise InvalidInput(
                f"{training.annotated} pairs to annotate are less than one for each of {len(train)} training queries.",
                hint="Raise MULTIRECALL_ANNOTATE_PAIRS.",
                field="annotate_pairs",
            )
        per_query = min(rules.max_annotated, training.annotated // len(train))
        rules = replace(rules, max_annotated=per_query)

    def mined(thresholds: Thresholds) -> Sequence[GradedGroup]:
        begin()
        ids = sorted(course.texts)
        vectors = unit_vectors(course.tower, [course.texts[one] for one in ids])
        recall = ExactRecall(ids, vectors, lambda queries: unit_vectors(course.tower, queries))
        found = mine(
            train,
            recall,
            thresholds=thresholds,
            annotator=annotator(train, _top(train) + 1),
            lexical=lexical_hits(engine, [group.query for group in train], 30),
            duplicates=duplicates,
            rules=rules,
            seed=training.seed,
        )
        told.update(found.report.to_dict())
        return found.groups

    return mined


def _data(training: EncoderTraining, texts: Mapping[str, str]) -> GradedData:
    queries: Sequence[JudgedQuery]
    weights: Mapping[str, Mapping[str, float]] = {}
    if training.queries is not None and training.judgments is not None:
        queries, judgments = read_queries(training.queries), read_judgments(training.judgments)
    else:
        found = clicked_queries(training.clicks, seed=training.seed)
        queries, judgments, weights = found.queries, found.judgments, found.weights
    scale = scale_of(judgments)
    if training.recipe == "mine-and-refine" and scale is FOUR_GRADES:
        scale = three_levels()
    return graded_groups(queries, judgments, catalogue=texts, scale=scale, weights=weights)


def scale_of(judgments: Judgments) -> Scale:
    """Grades as they are, of judgments with up to three or with four levels."""
    return SAME if judgments.top_grade <= 2 else FOUR_GRADES


def _split(groups: Sequence[GradedGroup]) -> dict[str, list[GradedGroup]]:
    """By the column `split` where the file has it, with names train, dev and test; else by text."""
    if not any(group.columns.get("split") for group in groups):
        return split_groups(groups, seed=0)
    parts = by_split_column(groups)
    missing = [name for name in ("train", "dev", "test") if not parts.get(name)]
    if missing:
        raise InvalidInput(
            f"The column split has no {' and no '.join(missing)}.",
            hint="Name all three, or leave the column out.",
            field="split",
        )
    return parts


def kept_annotations(out: Path) -> Path:
    """Where, beside the encoder's folder, what an annotator said is kept."""
    return out.parent / f".{out.name}.annotator"


@contextmanager
def shop_to_learn(
    settings: Settings,
    *,
    engine_url: str | None,
    catalogue: Path | None,
    kept: Path | None = None,
    on_graded: Callable[[int, int], None] = lambda done, pairs: None,
) -> Iterator[tuple[Engine, Annotating]]:
    """The engine of the settings, or an index of the catalogue that lives as long as the training; and who grades
    pairs, by the settings, which are checked at once. `kept` and `on_graded` as in `annotator_by`."""
    check_annotator(settings)
    with ExitStack() as stack:
        if catalogue is not None:
            from multirecall.indexer.build import build
            from multirecall.indexer.sources import Catalogue

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            engine_url = f"embedded:{folder}/index"
            with opened_engine(settings, engine_url, create=True) as made:
                build(made, Catalogue([catalogue]), encoders={})
        opened = stack.enter_context(
            opened_searcher(settings, engine_url=engine_url, fusion="weighted_sum", use_policy=False)
        )

        @cache
        def evidence() -> Evidence:
            from multirecall.training.graded.evidence import open_evidence

            return open_evidence(opened.searcher, opened.engine, opened.index)  # reads the whole index

        @cache
        def texts() -> dict[str, str]:
            return catalogue_texts(opened.engine)

        yield (
            opened.engine,
            annotator_by(settings, evidence=evidence, texts=texts, kept=kept, on_graded=on_graded),
        )
