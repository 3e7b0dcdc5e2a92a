"""Is there a sand-glass in our own vectors, and what do the remedies cost? Semantic ids of whole catalogues.

    multirecall sample --out bed --products 8000 --queries 800 --seed 11
    multirecall index bed/catalogue.jsonl --mapping bed/multirecall.toml --engine embedded:bed-index --encoder onnx
    python -m benchmarks.semantic_ids --engines icecat=embedded:ICECAT bed=embedded:bed-index --out benchmarks/results

Each catalogue's vectors are quantised by residual k-means with several seeds and codebook sizes; figures are means over
seeds. For the middle size all remedies and controls are compared: K tokens left out, K drawn at random, those that lose
nothing, a balanced second layer, two layers only, RQ-VAE, and categories in the first layer. `--synthetic` quantises
vectors made to have a sand-glass, and vectors made to have none. This is about ids alone, not about what a generator
makes of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import write_result
from benchmarks.vector_clouds import KINDS
from multirecall.encoders.base import Float32Array
from multirecall.engines.opening import open_engine
from multirecall.recall.semantic_ids.labeller import category_of
from multirecall.recall.semantic_ids.quantiser import Codes, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening
from multirecall.training.semantic_id.choosing import (
    drop_layer,
    frequent_tokens,
    heads_to_drop,
    random_tokens,
    settled,
    top_remaining,
)
from multirecall.training.semantic_id.diagnosing import has_sand_glass, id_figures, layer_counts, layer_figures
from multirecall.training.semantic_id.drawing import layer_plot
from multirecall.training.semantic_id.residual import ResidualKMeans

SWEEP = (0, 1, 2, 4, 8, 16, 32)
QUICK: Mapping[str, Any] = {"inits": 1, "iterations": 25}
"""One start each: seeds are what the figures are averaged over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shop:
    """Vectors of shape (n, dim), and the category of each product."""

    vectors: Float32Array
    categories: Sequence[str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="*", default=[], help="NAME=URL of indexes with vectors")
    parser.add_argument("--field", default="dense")
    parser.add_argument("--sizes", nargs="+", type=int, default=[32, 64, 128])
    parser.add_argument("--compared", type=int, default=64, help="codes per layer where the remedies are compared")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--synthetic", type=int, default=20_000, help="synthetic vectors; 0: none")
    parser.add_argument("--rq-vae", action="store_true")
    parser.add_argument("--plots", type=Path, default=None, help="folder for a plot per catalogue")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    result: dict[str, Any] = {}
    if args.synthetic:
        result["synthetic"] = synthetic(args.synthetic, seeds=2 * args.seeds)
    for name, _, url in (one.partition("=") for one in args.engines):
        shop = shop_of(url, args.field)
        say(f"{name}: {len(shop.vectors)} products")
        result[name] = {"products": len(shop.vectors)}
        for size in args.sizes:
            runs = [
                quantised(shop, ResidualKMeans(sizes=(size,) * 3, seed=100 * seed, **QUICK))
                for seed in range(args.seeds)
            ]
            result[name][str(size)] = over_layers(runs)
            show_layers(name, size, result[name][str(size)])
            if size == args.compared:
                result[name]["remedies"] = remedies(shop, runs, size, rq_vae=args.rq_vae)
                show_remedies(result[name]["remedies"])
            if size == args.compared and args.plots:
                args.plots.mkdir(parents=True, exist_ok=True)
                plot = layer_plot(layer_counts(runs[0][1], runs[0][0].sizes))
                (args.plots / f"sand-glass-{name}.svg").write_text(plot, encoding="utf-8")
    write_result("semantic_ids", {"seeds": args.seeds, **result}, args.out)


Run = tuple[ResidualQuantiser, Codes]


def shop_of(url: str, field: str) -> Shop:
    """All products of the live index that have a vector."""
    vectors: list[Float32Array] = []
    categories: list[str | None] = []
    with open_engine(url) as engine:
        for record in engine.scan((f"vectors.{field}", "category_path")):
            held = record.get(f"vectors.{field}")
            if held is not None:
                vectors.append(np.asarray(held, dtype=np.float32))
                categories.append(category_of(record))
    return Shop(vectors=np.array(vectors), categories=categories)


def quantised(shop: Shop, recipe: ResidualKMeans) -> Run:
    quantiser = recipe.fit(shop.vectors)
    return quantiser, quantiser.codes(shop.vectors)


def over_layers(runs: Sequence[Run]) -> dict[str, Any]:
    """Means over runs of each layer's figures and of the ids', and in how many runs there is a sand-glass."""
    layers = [[layer_figures(counts) for counts in layer_counts(codes, one.sizes)] for one, codes in runs]
    rows = [[layer.to_dict() for layer in each] for each in layers]
    ids = [id_figures(codes, one.sizes).to_dict() for one, codes in runs]
    return {
        "layers": [means([row[at] for row in rows]) for at in range(3)],
        "ids": means(ids),
        "sand_glass": [has_sand_glass(each) for each in layers],
        "less_even": [each[1].evenness < min(each[0].evenness, each[2].evenness) for each in layers],
    }


def remedies(shop: Shop, runs: Sequence[Run], size: int, *, rq_vae: bool) -> list[dict[str, Any]]:
    """One row per remedy: means over the runs."""
    rows: list[dict[str, Any]] = []

    def add(name: str, found: Sequence[tuple[ResidualQuantiser, Codes, Shortening]]) -> None:
        figures = []
        for quantiser, codes, rule in found:
            short = rule.shorten(codes, quantiser.sizes)
            second = layer_counts(codes, quantiser.sizes)[1]
            figures.append(
                {
                    **id_figures(short, quantiser.sizes).to_dict(),
                    "top_1_left": top_remaining(second, rule, 1),
                    "top_5_left": top_remaining(second, rule, 5),
                    "error": quantiser.error(shop.vectors, codes),
                    "evenness": [layer_figures(counts).evenness for counts in layer_counts(codes, quantiser.sizes)],
                }
            )
        evenness = np.mean([one.pop("evenness") for one in figures], axis=0).tolist()
        rows.append({"remedy": name, "runs": len(figures), **means(figures), "evenness": evenness})

    seconds = [layer_counts(codes, one.sizes)[1] for one, codes in runs]
    for k in (k for k in SWEEP if k < size):
        add(f"{k} most frequent", [(*run, frequent_tokens(n, k)) for run, n in zip(runs, seconds, strict=True)])
        if k:
            drawn = [random_tokens(n, k, seed=seed) for seed, n in enumerate(seconds)]
            add(f"{k} at random", [(*run, rule) for run, rule in zip(runs, drawn, strict=True)])
    chosen = [heads_to_drop(n) for n in seconds]
    add(
        f"by the rule (K = {', '.join(map(str, chosen))})",
        [(*run, frequent_tokens(n, k)) for run, n, k in zip(runs, seconds, chosen, strict=True)],
    )
    add("whole layer", [(*run, drop_layer(size)) for run in runs])
    add("those that lose nothing", [(*run, settled(run[1], run[0].sizes)) for run in runs])
    balanced = ResidualKMeans(sizes=(size,) * 3, balanced=frozenset({1}), **QUICK)
    add("balanced second layer", [(*quantised(shop, balanced), Shortening())])
    add("two layers only", [(*quantised(shop, ResidualKMeans(sizes=(size,) * 2, **QUICK)), Shortening())])
    if any(shop.categories):
        guided = ResidualKMeans(sizes=(size,) * 3, **QUICK).fit(shop.vectors, shop.categories)
        add("categories first", [(guided, guided.codes(shop.vectors, shop.categories), Shortening())])
    if rq_vae:
        from multirecall.training.semantic_id.rq_vae import RqVae

        learned = RqVae(sizes=(size,) * 3).fit(shop.vectors)
        add("RQ-VAE", [(learned, learned.codes(shop.vectors), Shortening())])
    return rows


def synthetic(n: int, *, seeds: int, dim: int = 64, size: int = 32) -> dict[str, Any]:
    found = {}
    for name, make in KINDS.items():
        runs = []
        for seed in range(seeds):
            vectors = make(n, dim, size=size, seed=seed)
            runs.append(
                quantised(Shop(vectors=vectors, categories=()), ResidualKMeans(sizes=(size,) * 3, seed=seed, **QUICK))
            )
        found[name] = over_layers(runs)
        show_layers(name, size, found[name])
    return found


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def show_layers(name: str, size: int, found: Mapping[str, Any]) -> None:
    cells = [
        "/".join(f"{layer[figure]:.2f}" for layer in found["layers"])
        for figure in ("evenness", "gini", "std", "top_1", "top_5")
    ]
    ids = found["ids"]
    glass = f"{sum(found['sand_glass'])} of {len(found['sand_glass'])}"
    cells += [glass, f"{ids['distinct']:.0f}", f"{ids['sparsity']:.4f}", f"{ids['bucket']:.1f}"]
    print(f"| {name} | {size} | {' | '.join(cells)} |", flush=True)


def show_remedies(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        evenness = "/".join(f"{one:.2f}" for one in row["evenness"])
        print(
            f"| {row['remedy']} | {row['distinct']:.0f} | {row['length']:.2f} | {row['collisions']:.0f} "
            f"| {row['bucket']:.2f} | {row['top_5_left']:.2f} | {row['error']:.4f} | {evenness} |",
            flush=True,
        )


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
