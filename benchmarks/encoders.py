"""Encoders on Icecat texts: time of a query, products per second, time to open, and how near int8 is to float32.

    python -m benchmarks.encoders --threads 2

Texts are what the indexer encodes by default: "title. short description", cut at 400 characters. The encoders take
turns on blocks of queries and of products, so that whatever else the machine does hits all of them alike.
`cold` opens with an empty cache (the graph is built), `warm` with the graph in it; both in a fresh process, imports
included.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import interleaved, quantiles_ms, write_result
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder

SPECS = ("onnx", "onnx?precision=fp32", "static", "static?dim=64", "hashing")
EXACT, FAST = "onnx?precision=fp32", "onnx"
MAX_CHARS = 400
SLICE = 50
OPENING = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from multirecall.encoders.opening import open_encoder
open_encoder(sys.argv[1], cache_dir=Path(sys.argv[2]), threads=int(sys.argv[3])).encode_queries(["laser printer"])
print(time.perf_counter() - started)
"""


def product_texts(folder: Path, n: int, seed: int) -> list[str]:
    texts = []
    for path in sorted(folder.glob("*.json.zip")):
        with zipfile.ZipFile(path) as archive:
            rows = json.loads(archive.read(archive.namelist()[0]))
        texts += [f"{row.get('title') or ''}. {row.get('short_description') or ''}"[:MAX_CHARS] for row in rows]
    return random.Random(seed).sample(texts, min(n, len(texts)))


def query_texts(folder: Path) -> list[str]:
    with (folder / "queries.tsv").open(encoding="utf-8") as lines:
        return [row["query"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def opening_ms(spec: str, cache: Path, threads: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", OPENING, spec, str(cache), str(threads)], capture_output=True, text=True, check=True
    )
    return round(float(done.stdout.split()[-1]) * 1000, 1)


def openings(specs: Sequence[str], threads: int, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds to the first vector in a fresh process: once with an empty cache, then with a filled one."""
    found = {}
    for spec in specs:
        with tempfile.TemporaryDirectory() as folder:
            cold = opening_ms(spec, Path(folder), threads)
            warm = [opening_ms(spec, Path(folder), threads) for _ in range(repeats)]
        found[spec] = {"cold_ms": cold, "warm_ms": float(np.median(warm))}
    return found


def nearness(encoders: Mapping[str, Encoder], queries: Sequence[str], products: Sequence[str]) -> dict[str, Any]:
    """Cosine of int8 to float32."""
    exact, fast = encoders[EXACT], encoders[FAST]
    found = {}
    for name, cosines in (
        ("queries", (exact.encode_queries(queries) * fast.encode_queries(queries)).sum(axis=1)),
        ("products", (exact.encode_products(products) * fast.encode_products(products)).sum(axis=1)),
    ):
        found[name] = {
            "n": len(cosines),
            "lowest": round(float(cosines.min()), 5),
            "p01": round(float(np.quantile(cosines, 0.01)), 5),
            "mean": round(float(cosines.mean()), 5),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--products", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2, help="times every query is asked")
    parser.add_argument("--openings", type=int, default=5, help="openings with a filled cache")
    parser.add_argument("--torch", action="store_true", help="with sentence_transformer, which needs the extra models")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    specs = [*SPECS, *(["sentence_transformer"] if options.torch else [])]
    queries = query_texts(options.data)
    n_blocks = len(queries) // SLICE
    products = product_texts(options.data, options.products, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        encoders = {spec: open_encoder(spec, cache_dir=Path(folder), threads=options.threads) for spec in specs}

        query_seconds: dict[str, list[float]] = {spec: [] for spec in specs}

        def asked(spec: str, number: int) -> None:
            for query in queries[number % n_blocks :: n_blocks]:
                started = time.perf_counter()
                encoders[spec].encode_queries([query])
                query_seconds[spec].append(time.perf_counter() - started)

        def encoded(encoder: Encoder, number: int) -> None:
            encoder.encode_products(products[number * SLICE : (number + 1) * SLICE])

        query_arms = {s: lambda number, s=s: asked(s, number) for s in specs}
        product_arms = {s: lambda number, e=e: encoded(e, number) for s, e in encoders.items()}
        interleaved(query_arms, options.rounds * n_blocks)
        product_seconds = interleaved(product_arms, len(products) // SLICE, warm_up=1)
        near = nearness(encoders, queries, products)
    opened = openings(specs, options.threads, options.openings)
    write_result(
        "encoders",
        {
            "threads": options.threads,
            "products": len(products),
            "encoders": {
                spec: {
                    "name": encoder.name,
                    "dim": encoder.dim,
                    "query": quantiles_ms(np.array(query_seconds[spec])),
                    "products_per_s": round(SLICE / float(np.median(product_seconds[spec])), 1),
                    "products_per_s_best_round": round(SLICE / float(product_seconds[spec].min()), 1),
                    **opened[spec],
                }
                for spec, encoder in encoders.items()
            },
            "int8_to_fp32_cosine": near,
        },
        options.out,
    )


if __name__ == "__main__":
    main()
