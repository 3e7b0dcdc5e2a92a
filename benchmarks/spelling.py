"""How well slips are mended, what is spoilt of what was right, and what the cheap rewriters cost, as Markdown tables.

    python -m benchmarks.spelling --engine embedded:icecat --queries queries.tsv --repaired repaired.tsv

Learns the vocabulary from the index's products. Slips are made by `evaluation/testbed/typos.py`, which knows nothing of
`recall/rewriters/channel.py`, in two to four neighbouring words of a title. "Unseen" is measured with a vocabulary of
the other half of the products. `--repaired` writes the queries after the repairs, for `multirecall run` and
`multirecall compare`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.rewriting import Rewriting
from multirecall.evaluation.queries import read_queries
from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.typos import misspell
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.compounds import Compounds
from multirecall.recall.rewriters.languages import Languages, known_words
from multirecall.recall.rewriters.spelling import Spelling
from multirecall.recall.rewriters.synonyms import Synonyms, trade_rules
from multirecall.recall.rewriters.units import Units
from multirecall.recall.rewriters.vocabulary import VOCABULARY_FIELDS, Vocabulary, learn_vocabulary
from multirecall.recall.rewriting import Rewriter
from multirecall.search.understand import understand
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

BINS = (0.0, 0.4, 0.6, 0.8, 0.9, 0.95, 1.01)
SEEDS = (1, 2, 3)


def first(rewriter: Rewriter, text: str) -> Rewriting | None:
    found = rewriter.rewrite(understand(text), Deadline.never())
    return found[0] if found else None


def windows(records: Sequence[Mapping[str, Any]], n: int, dice: Dice) -> Iterator[str]:
    """Two to four neighbouring words of a title, as a shopper would type them: in lower case."""
    while n:
        words = str(records[dice.below(len(records))]["title"]).lower().split()
        size = 2 + dice.below(3)
        if len(words) < size:
            continue
        start = dice.below(len(words) - size + 1)
        n -= 1
        yield " ".join(words[start : start + size])


def slips(spelling: Spelling, records: Sequence[Mapping[str, Any]], n: int) -> list[str]:
    """Rows: what became of misspelt texts per seed, and how often a confidence was right."""
    lines = ["| seed | misspelt | mended | made worse | left |", "|---|---|---|---|---|"]
    right, seen = Counter[int](), Counter[int]()
    for seed in SEEDS:
        outcome = Counter[str]()
        dice = Dice(seed, "slips")
        for clean in windows(records, n, dice):
            typed = misspell(clean, dice)
            if typed is None:
                continue
            found = first(spelling, typed)
            outcome["mended" if found and found.text == clean else "worse" if found else "left"] += 1
            if found:
                at = int(np.searchsorted(BINS, found.confidence, side="right"))
                seen[at] += 1
                right[at] += found.text == clean
        total = sum(outcome.values())
        shares = " | ".join(f"{outcome[name] / total:.3f}" for name in ("mended", "worse", "left"))
        lines.append(f"| {seed} | {total:,} | {shares} |")
    lines += ["", "| confidence | texts | of these right |", "|---|---|---|"]
    for at in sorted(seen):
        lines.append(f"| {BINS[at - 1]:.2f} to {min(BINS[at], 1):.2f} | {seen[at]:,} | {right[at] / seen[at]:.3f} |")
    return lines


def spoilt(spelling: Spelling, texts: Sequence[str]) -> str:
    changed = sum(first(spelling, text) is not None for text in texts)
    return f"{len(texts):,} | {changed:,} | {changed / max(len(texts), 1):.4f} |"


def cost(rewriter: Rewriter, texts: Sequence[str]) -> str:
    took = []
    for text in texts:
        query = understand(text)
        began = time.thread_time()
        rewriter.rewrite(query, Deadline.never())
        took.append((time.thread_time() - began) * 1e3)
    p50, p95, p99 = np.percentile(took, (50, 95, 99))
    return f"{p50:.2f} | {p95:.2f} | {p99:.2f} |"


def chain(vocabulary: Vocabulary) -> dict[str, Rewriter]:
    words = known_words()
    repairs = (
        Units(),
        Spelling(vocabulary=vocabulary, known_words=words),
        Compounds(vocabulary=vocabulary, known_words=words),
    )
    others = (Synonyms(trade=trade_rules(), vocabulary=vocabulary), Languages(brands=frozenset(vocabulary.brands)))
    made: dict[str, Rewriter] = {one.name: one for one in (*repairs, *others)}
    return made | {"repairs": RewriteChain(repairs=repairs), "all": RewriteChain(repairs=repairs, alternatives=others)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--queries", type=Path, help="for the cost, and for --repaired")
    parser.add_argument("--repaired", type=Path)
    parser.add_argument("--n", type=int, default=2_000, help="texts per seed")
    options = parser.parse_args()
    with opened_engine(load_settings(), options.engine) as engine:
        records = sorted(engine.scan(VOCABULARY_FIELDS), key=lambda record: str(record["id"]))
    vocabulary = learn_vocabulary(records)
    rewriters = chain(vocabulary)
    spelling = rewriters["spelling"]
    assert isinstance(spelling, Spelling)
    print("\n".join(slips(spelling, records, options.n)), "\n")

    half = Spelling(vocabulary=learn_vocabulary(records[::2]), known_words=known_words())
    numbers = [str(code) for record in records for code in record.get("identifiers") or ()]
    print("| what was right | texts | changed | share |", "|---|---|---|---|", sep="\n")
    titles = list(windows(records, 2 * options.n, Dice(0, "titles")))
    print(f"| titles in pieces | {spoilt(spelling, titles)}")
    titles = list(windows(records[1::2], 2 * options.n, Dice(0, "unseen titles")))
    print(f"| titles of unseen products | {spoilt(half, titles)}")
    print(f"| part numbers, EAN | {spoilt(spelling, numbers)}")
    unseen = [str(code) for record in records[1::2] for code in record.get("identifiers") or ()]
    print(f"| part numbers of unseen products | {spoilt(half, unseen)}\n")

    if options.queries is None:
        return
    queries = read_queries(options.queries)
    texts = [query.text for query in queries]
    print("| rewriter | p50 ms | p95 | p99 |", "|---|---|---|---|", sep="\n")
    for name, rewriter in rewriters.items():
        print(f"| {name} | {cost(rewriter, texts)}")
    if options.repaired is not None:
        mended = {query.qid: first(rewriters["repairs"], query.text) for query in queries}
        rows = [f"{query.qid}\t{found.text if (found := mended[query.qid]) else query.text}" for query in queries]
        options.repaired.write_text("qid\tquery\n" + "\n".join(rows) + "\n", encoding="utf-8")
        changed = Counter(query.columns.get("class", "") for query in queries if mended[query.qid])
        print("\n| class | queries | repaired |", "|---|---|---|", sep="\n")
        for name, total in sorted(Counter(query.columns.get("class", "") for query in queries).items()):
            print(f"| {name} | {total} | {changed[name]} |")


if __name__ == "__main__":
    main()
