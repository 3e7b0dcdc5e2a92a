"""A tree for the products of an index: texts by its records, and judged queries where there are some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from multirecall.core.match_text import split_parts
from multirecall.engines.base import Engine, IndexInfo
from multirecall.recall.xmc.artefact import write_tree
from multirecall.recall.xmc.tree import XmcTree
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.tuning.sampling import SAMPLED_FIELDS, sample_catalogue
from multirecall.training.xmc.pairs import catalogue_pairs, judged_pairs
from multirecall.training.xmc.training import XmcTraining

__all__ = ["shop_pairs", "train_tree"]


def shop_pairs(engine: Engine, index: IndexInfo, *, pieces: int = 3, seed: int = 0) -> Iterator[tuple[str, str]]:
    """(text, product id) for all products of the index with a title. Reads it twice.

    Raises InvalidInput if there is no product with a title.
    """
    sample = sample_catalogue(engine.scan(SAMPLED_FIELDS, index=index.name), size=max(1, index.count), seed=seed)
    described = {
        str(record["id"]): split_parts(str(record.get("match_text") or ""))[4].split()
        for record in engine.scan(("match_text",), index=index.name)
    }
    return catalogue_pairs(sample.products, described=described, pieces=pieces, seed=seed)


def train_tree(
    engine: Engine,
    out: Path,
    *,
    training: XmcTraining,
    judged: Sequence[GradedGroup] = (),
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[XmcTree, dict[str, Any]]:
    """Trains a tree for the live index and writes it to the file `out`, in one step; gives it with its card.

    `judged`: queries whose products of level 2 and above are learned as well. Blocks for minutes. Raises InvalidInput
    for an index without titles, NotFound without an index, OSError from the disk.
    """
    index = engine.info()
    pairs = [*shop_pairs(engine, index, seed=training.seed), *judged_pairs(judged)]
    tree = training.fit(pairs, language=index.schema.language, advance=advance)
    card = {
        "products": len(tree.products),
        "texts": len(pairs),
        "judged_queries": len(judged),
        "nodes": [len(level.bias) for level in tree.levels],
        "weights": sum(len(level.weights) for level in tree.levels),
        "seed": training.seed,
    }
    return write_tree(out, tree, card), card
