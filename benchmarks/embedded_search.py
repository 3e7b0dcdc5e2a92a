"""Hybrid search in this process on the embedded engine: p50 and p95 of the whole path, per stage and per query class.

    python -m benchmarks.embedded_search --index embedded:.multirecall/quality/icecat-onnx

The index is built first if it is not there, by `multirecall index …/icecat/*.json.zip --engine …`. Every judged query
is searched once per round as a shopper would: understanding, encoding, both routes, the second look for typos, fusion,
and the page of ten products. Nothing is cached between rounds. The stages overlap: the lexical route is answered while
the query is encoded, so `prepare` is what is left of the encoding after that.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.measure import quantiles_ms, write_result
from multirecall.cli.index import index_catalogue
from multirecall.indexer.build import BuildOptions
from multirecall.search.understand import understand
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import load_settings


def make_index(url: str, data: Path) -> None:
    """Builds the index with the default encoder unless it is there."""
    settings = load_settings()
    with opened_engine(settings, url, create=True) as engine:
        if any(info.live for info in engine.indexes()):
            return
    index_catalogue(
        settings,
        sorted(str(path) for path in data.glob("*.json.zip")),
        engine_url=url,
        encoder=settings.encoder,
        mapping=None,
        options=BuildOptions(),
        show_progress=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    with (options.data / "queries.tsv").open(encoding="utf-8") as lines:
        queries = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    make_index(options.index, options.data)
    seconds: dict[str, list[float]] = defaultdict(list)
    stages: dict[str, list[float]] = defaultdict(list)
    with opened_searcher(load_settings(), engine_url=options.index, timeout_s=30.0) as opened:
        for query in queries[:100]:
            opened.searcher.search(understand(query["query"]))
        for round_number in range(options.rounds):
            for query in random.Random(round_number).sample(queries, len(queries)):
                started = time.perf_counter()
                page = opened.searcher.search(understand(query["query"]))
                seconds[query["class"]].append(time.perf_counter() - started)
                if page.degraded:
                    raise SystemExit(f"{query['query']!r}: {page.degraded}")
                for stage, took_ms in page.timings_ms.items():
                    stages[stage].append(took_ms / 1000.0)
        index = opened.index
    write_result(
        "embedded_search",
        {
            "index": {"name": index.name, "products": index.count, "encoder": index.schema.vectors[0].encoder},
            "fusion": repr(opened.searcher.fusion),
            "rounds": options.rounds,
            "all": quantiles_ms(np.concatenate([np.array(s) for s in seconds.values()])),
            "by_class": {name: quantiles_ms(np.array(s)) for name, s in sorted(seconds.items())},
            "by_stage": {name: quantiles_ms(np.array(s)) for name, s in stages.items()},
        },
        options.out,
    )


if __name__ == "__main__":
    main()
