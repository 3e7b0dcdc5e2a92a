"""Time to encode a query, and nDCG@10, of one trained encoder served in several ways: static, onnx, torch.

    python -m benchmarks.encoder_latency --model FOLDER --static static:FOLDER

`--model` is what `train encoder` wrote from a transformer, or `benchmarks.dense --write`, which holds the queries of
the first fold out; `--static` the like of static vectors (default: untrained ones). The ways take turns query by query,
and which goes first changes: whatever else the machine does hits all alike. A query has one thread. nDCG@10 is over the
judged products of the first fold's queries, products and queries both encoded in the way that is measured.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.dense import judged_folds
from benchmarks.encoders import query_texts
from benchmarks.measure import interleaved, quantiles_ms, ratio_of_medians, write_result
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.training.graded.groups import GradedGroup
from multirecall.wiring.encoder_training import catalogue_texts
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

TORCH = "torch fp32"


def judged_ndcg(encoder: Encoder, groups: Sequence[GradedGroup], texts: dict[str, str]) -> np.ndarray:
    """nDCG@10 over each query's judged products; shape (queries,), only those with a grade above 0."""
    measure = NDCG(k=10)
    names = sorted({name for group in groups for name in group.products})
    products = dict(zip(names, encoder.encode_products([texts[name] for name in names]), strict=True))
    found = []
    for group in groups:
        grades = dict(zip(group.products, map(float, group.grades), strict=True))
        if measure.is_defined(grades):
            query = encoder.encode_queries([group.query])[0]
            ranked = sorted(group.products, key=lambda name: (-float(products[name] @ query), name))
            found.append(measure(ranked, grades))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--static", default="static", help="a specification, e.g. static:FOLDER")
    parser.add_argument("--rounds", type=int, default=600, help="queries that every way encodes")
    parser.add_argument(
        "--judged", type=int, default=None, help="queries that nDCG is measured on (default: the fold's)"
    )
    parser.add_argument("--engine", default="embedded:.multirecall/quality/icecat-onnx")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    specs = {
        "static": options.static,
        "onnx int8": f"onnx:{options.model}",
        "onnx fp32": f"onnx:{options.model}?precision=fp32",
        TORCH: f"sentence_transformer:{options.model}",
    }
    with opened_engine(load_settings(), options.engine) as engine:
        texts = catalogue_texts(engine)
    groups = judged_folds(options.data, texts, 5)[0].test[: options.judged]
    queries = query_texts(options.data)
    with tempfile.TemporaryDirectory() as folder:
        encoders = {name: open_encoder(spec, cache_dir=Path(folder), threads=2) for name, spec in specs.items()}
        arms = {
            name: lambda number, encoder=encoder: encoder.encode_queries([queries[number % len(queries)]])
            for name, encoder in encoders.items()
        }
        seconds = interleaved(arms, options.rounds, warm_up=20)
        torch.set_num_threads(2)
        ndcg = {name: judged_ndcg(encoder, groups, texts) for name, encoder in encoders.items()}
    found: dict[str, Any] = {}
    for name in specs:
        interval = bootstrap_interval(ndcg[name] - ndcg[TORCH])
        found[name] = {
            "query": quantiles_ms(seconds[name]),
            "torch to this": ratio_of_medians(seconds[TORCH], seconds[name]),
            "nDCG@10": round(float(ndcg[name].mean()), 4),
            "less torch's": round(float((ndcg[name] - ndcg[TORCH]).mean()), 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
        }
    write_result("encoder_latency", {"queries": len(ndcg[TORCH]), "threads": 1, "encoders": found}, options.out)


if __name__ == "__main__":
    main()
