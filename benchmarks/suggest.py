"""Completions on a real catalogue: how long a keystroke takes, and how much memory the texts need.

    python -m benchmarks.suggest --index embedded:PATH        an index of Icecat: multirecall index …
    python -m benchmarks.suggest --texts 200000               made-up titles, as many as the settings allow by default

Every judged query is typed letter by letter; each beginning is one look-up, in the order of typing. Times are those of
the look-up alone; over HTTP comes what any answer costs (`benchmarks/http_load.py`).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from multirecall.engines.opening import open_engine
from multirecall.service.suggesting import Completions, Suggestion, SuggestionKind, read_texts

DATA = Path(os.environ.get("MULTIRECALL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SIZE = 8


def typed_texts() -> Iterator[str]:
    """What is in the box after every keystroke."""
    with (DATA / "icecat" / "queries.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            for end in range(1, len(row["query"]) + 1):
                yield row["query"][:end]


def made_up(n: int) -> Iterator[Suggestion]:
    """Titles of eight words, of a vocabulary whose words are as unequal in frequency as those of a language."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(30_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    for number in range(n):
        title = " ".join([*rng.choices(words, weights, k=7), str(number)])
        yield Suggestion(title, SuggestionKind.TITLE, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="", help="engine URL")
    parser.add_argument("--texts", type=int, default=0, help="made-up titles instead")
    chosen = parser.parse_args()
    if chosen.texts:
        suggestions = list(made_up(chosen.texts))
    else:
        with open_engine(chosen.index) as engine:
            suggestions = list(read_texts(engine, engine.info().name, max_texts=200_000))
    tracemalloc.start()
    started = time.perf_counter()
    completions = Completions(suggestions)
    made_s = time.perf_counter() - started
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    took_ms: list[float] = []
    found = 0
    for typed in typed_texts():
        started = time.perf_counter()
        found += bool(completions.find(typed, SIZE))
        took_ms.append((time.perf_counter() - started) * 1000.0)
    took_ms.sort()
    quantiles = {f"p{q}": round(took_ms[min(len(took_ms) - 1, len(took_ms) * q // 100)], 3) for q in (50, 95, 99)}
    report = {
        "texts": len(completions),
        "keystrokes": len(took_ms),
        "found": round(found / len(took_ms), 3),
        "took_ms": {**quantiles, "max": round(took_ms[-1], 3)},
        "made_s": round(made_s, 2),
        "megabytes_beside_the_texts": round(memory / 1e6, 1),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
