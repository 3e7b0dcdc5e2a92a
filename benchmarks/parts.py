"""Do sub-queries find all parts of a need? Queries made of two kinds of product, by the route `rewrite` with `parts`.

    multirecall sample --out bed --products 4000 --queries 400 --seed 11
    multirecall index bed/catalogue.jsonl --mapping bed/multirecall.toml --engine embedded:bed-index --encoder static
    python -m benchmarks.parts --engine embedded:bed-index --rewriter-dir bed-rewriters

Two lowest categories of different branches are drawn, and asked for in one sentence. An answer is whole if products of
both are among the first ten; the lesser part is the share of the kind found less (of 20 of its products at most) among
the first hundred. The catalogue must have categories. Made queries say what the rewriter can do where a need has parts,
not how many needs have.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.built import build_rewriters
from benchmarks.measure import write_result
from multirecall.fusion.opening import open_fusion
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.wiring.searchers import OpenSearcher, opened_searcher
from multirecall.wiring.settings import load_settings
from multirecall.wiring.tuning_settings import REWRITE_FUSION

TEMPLATES = ("{} and {}", "{} and {} for a new office", "a {} with a {}", "i need a {} plus a {}")
PLAIN, SETTINGS = "lexical, dense", "and the rewriters of the settings"
ARMS = (
    (PLAIN, "", ""),
    (SETTINGS, "{}", "noisy_or"),
    ("and parts", "{},parts", "noisy_or"),
    ("parts alone", "parts", "noisy_or"),
    ("parts alone, merged as parts", "parts", "parts"),
)
MEASURES = ("whole", "lesser part")
_NAME = re.compile(r"[A-Za-z]{4,}( [A-Za-z]{3,})?")


class Made(NamedTuple):
    """A query with the products of each of its two kinds."""

    text: str
    kinds: tuple[frozenset[str], frozenset[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--rewriter-dir", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--least", type=int, default=20, help="products that a category must have")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    build_rewriters(args.engine, args.rewriter_dir)
    settings = load_settings(engine=args.engine, rewriter_dir=args.rewriter_dir)
    with opened_searcher(settings, routes="lexical,dense,rewrite", fusion="weighted_sum") as opened:
        made = made_queries(opened, args.queries, least=args.least, seed=args.seed)
        found = {
            name: asked(opened, spec.format(settings.rewriters), merge, made, args.rewriter_dir)
            for name, spec, merge in ARMS
        }
    result = {}
    print("| routes | taken apart | whole @10 | change | lesser part @100 | change |\n|---|---|---|---|---|---|")
    for name, (apart, figures) in found.items():
        cells = [f"{apart}"]
        for at, measure in enumerate(MEASURES):
            moved = figures[:, at] - found[SETTINGS][1][:, at]
            low, high = _interval(moved, seed=args.seed)
            row = {"mean": float(figures[:, at].mean()), "change": float(moved.mean()), "low": low, "high": high}
            result[f"{name}: {measure}"] = row
            cells += [f"{row['mean']:.3f}", f"{row['change']:+.3f} ({low:+.3f} to {high:+.3f})"]
        print(f"| {name} | {' | '.join(cells)} |")
    write_result("parts", {"queries": len(made), "arms": result}, args.out)


def made_queries(opened: OpenSearcher, n: int, *, least: int, seed: int) -> list[Made]:
    """Sentences about two kinds of different branches, drawn evenly; the templates take turns."""
    of_kind: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for record in opened.engine.scan(("id", "category_path"), index=opened.index.name):
        of_kind[tuple(record.get("category_path") or ())].add(str(record["id"]))
    kinds = sorted(path for path, ids in of_kind.items() if path and len(ids) >= least and _NAME.fullmatch(path[-1]))
    if len({path[0] for path in kinds}) < 2:
        raise SystemExit("The catalogue has no categories of two branches with enough products.")
    random = np.random.default_rng(seed)
    made: list[Made] = []
    while len(made) < n:
        left, right = (kinds[at] for at in random.integers(0, len(kinds), 2))
        if left[0] != right[0]:
            text = TEMPLATES[len(made) % len(TEMPLATES)].format(_one(left[-1]), _one(right[-1]))
            made.append(Made(text, (frozenset(of_kind[left]), frozenset(of_kind[right]))))
    return made


def asked(
    opened: OpenSearcher, spec: str, merge: str, made: Sequence[Made], folder: Path
) -> tuple[int, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """How many queries were taken apart, and the measures of each (queries, MEASURES)."""
    route = next(one for one in opened.searcher.routes if isinstance(one, RewriteRoute))
    routes = [one for one in opened.searcher.routes if one is not route]
    if spec:
        routes.append(replace(route, rewriters=open_rewriters(spec, folder=folder), merge=merge))
    apart, figures = 0, []
    with Searcher(
        opened.engine,
        routes=routes,
        fusion=open_fusion(REWRITE_FUSION),
        encoders=opened.searcher.encoders,
        index=opened.index.name,
    ) as searcher:
        for text, kinds in made:
            answer = searcher.rank(understand(text), 100, timeout_s=60)
            ids = [hit.id for hit in answer.hits]
            whole = all(not kind.isdisjoint(ids[:10]) for kind in kinds)
            figures.append([float(whole), min(min(20, len(kind & set(ids))) / 20 for kind in kinds)])
            apart += any("parts" in one.by for ranking in answer.rankings for one in ranking.rewritings)
    print(f"# {spec or PLAIN}", file=sys.stderr, flush=True)
    return apart, np.array(figures)


def _one(name: str) -> str:
    """`Office Chairs` is `office chair`: as it would be asked for."""
    lower = name.lower()
    return lower[:-1] if lower.endswith("s") and not lower.endswith("ss") else lower


def _interval(moved: np.ndarray[tuple[int], np.dtype[np.float64]], *, seed: int) -> tuple[float, float]:
    drawn = np.random.default_rng(seed).integers(0, len(moved), (10_000, len(moved)))
    low, high = np.quantile(moved[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
