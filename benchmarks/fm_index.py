"""The FM-index over generated titles: what building, keeping, asking and decoding under it cost.

    python -m benchmarks.fm_index --products 20000
    python -m benchmarks.fm_index --products 1000000

Titles of the generated catalogue as byte-level BPE, at most 6,000 tokens learned from the first 20,000 titles. Decoding
is beam 10 over at most 4 spans of 6 tokens; instead of a model there is a table that costs next to nothing and likes
the tokens of one drawn title, so that the walk goes where a trained model's would: wide ranges first, real spans then.
It dislikes the end, so that sequences are long. Times are of the processor, so that what else runs counts less.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import quantiles_ms, write_result
from multirecall.core.deadline import Deadline
from multirecall.evaluation.testbed.population import draw_population
from multirecall.evaluation.testbed.rows import catalogue_rows
from multirecall.evaluation.testbed.wording import prepare_wording
from multirecall.evaluation.testbed.world import load_world
from multirecall.recall.fm_index.folder import open_fm_index, save_fm_index
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.fm_index.seal import generated_spans, product_scores
from multirecall.recall.generation.base import Float32Array
from multirecall.recall.generation.beam import BeamSearch
from multirecall.recall.generation.spans import Spans
from multirecall.training.generation.tokenizing import learn_tokenizer

LEARNED, VOCAB, END = 20_000, 6_000, 1
BEAM = 10
BATCH = 1 << 14
Title = list[int]


def titles_of(products: int, seed: int) -> Iterator[str]:
    world = load_world()
    population = draw_population(world, products=products, seed=seed)
    return (str(row["title"]) for row in catalogue_rows(population, prepare_wording(world)))


def tokens_of(products: int, seed: int) -> tuple[list[Title], int]:
    """The titles as tokens, and the size of the vocabulary, whose last token is the separator."""
    tokenizer = learn_tokenizer(islice(titles_of(products, seed), LEARNED), vocab=VOCAB - 1, tokens=["<sep>"])
    texts = titles_of(products, seed)
    found: list[Title] = []
    while batch := [*islice(texts, BATCH)]:
        found += [one.ids for one in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
    return found, tokenizer.get_vocab_size()


class TitleModel:
    """Likes the tokens of the title whose number is the text; the rest is noise, drawn once."""

    def __init__(self, titles: Sequence[Title], vocab: int, seed: int) -> None:
        self.vocab, self.end = vocab, END
        self.titles = titles
        noise = np.random.default_rng(seed).normal(scale=2.0, size=(61, vocab)).astype(np.float32)
        noise[:, vocab - 1] += 3.0
        noise[:, END] -= 2.0
        self.noise = noise
        self.took_s, self.rows = 0.0, 0

    def begin(self, texts: Sequence[str]) -> TitleDecoding:
        return TitleDecoding(self, [self.titles[int(text)] for text in texts])


class TitleDecoding:
    def __init__(self, model: TitleModel, titles: Sequence[Title]) -> None:
        self._model, self._titles = model, titles
        self._of = np.arange(len(titles))
        self._last = np.zeros(len(titles), np.int64)

    def first(self) -> Float32Array:
        began = time.thread_time()
        scores = self._model.noise[self._last % 61]
        for row, at in enumerate(self._of.tolist()):
            scores[row, self._titles[at]] += 5.0
        self._model.took_s += time.thread_time() - began
        self._model.rows += len(scores)
        return scores - np.float32(12)  # about normalised: the search normalises over what is allowed

    def step(self, parents: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> Float32Array:
        self._of, self._last = self._of[parents], np.asarray(tokens)
        return self.first()


class Timed:
    """A constraint that takes down the time it takes."""

    def __init__(self, spans: Spans) -> None:
        self._spans, self.took_s, self.calls = spans, 0.0, 0
        self.start = spans.start

    def allowed(self, state: Any) -> Any:
        return self._timed(self._spans.allowed, state)

    def advance(self, state: Any, token: int) -> Any:
        return self._timed(self._spans.advance, state, token)

    def _timed(self, call: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time()
        found = call(*arguments)
        self.took_s += time.thread_time() - began
        self.calls += 1
        return found


def seconds_of(call: Callable[[], Any], n: int = 1) -> tuple[Any, float]:
    """What it gives, and the processor seconds of a call, in all threads of the process."""
    began = time.process_time()
    for _ in range(n):
        found = call()
    return found, (time.process_time() - began) / n


def quantiles_us(call: Callable[[Any], Any], inputs: Sequence[Any]) -> dict[str, float]:
    took = np.array([seconds_of(lambda one=one: call(one))[1] for one in inputs]) * 1e6
    p50, p95, worst = np.quantile(took, (0.5, 0.95, 1.0)).round(1).tolist()
    return {"p50_us": p50, "p95_us": p95, "max_us": worst, "n": len(took)}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def building(titles: list[Title], vocab: int, folder: Path) -> tuple[dict[str, Any], FMIndex]:
    FMIndex.build(["warm"], [[1, 2, 3]], vocab=vocab)
    ids = [f"P{at:07d}" for at in range(len(titles))]
    before = peak_mb()
    index, took = seconds_of(lambda: FMIndex.build(ids, titles, vocab=vocab))
    after = peak_mb()
    save_fm_index(index, folder)
    segment = index.parts[0].segment
    on_disk = sum(file.stat().st_size for file in folder.iterdir())
    checkpoints = segment.n_rows / 64 * vocab * 4
    return {
        "titles": index.n_titles,
        "tokens": index.n_tokens,
        "build_s": round(took, 2),
        "build_us_per_token": round(took / index.n_tokens * 1e6, 2),
        "build_peak_mb_more": round(after - before),
        "on_disk_mb": round(on_disk / 1e6, 1),
        "bytes_per_token": round(on_disk / index.n_tokens, 2),
        "occ_by_places_mb": round(segment.n_rows * 4 / 1e6, 1),
        "occ_by_checkpoints_every_64_mb": round(checkpoints / 1e6, 1),
    }, index


def asking(index: FMIndex, titles: list[Title], seed: int, n: int) -> dict[str, Any]:
    """Spans of 1 to 4 tokens from titles drawn evenly: common spans are asked for as often as they stand there."""
    dice = np.random.default_rng(seed)
    out: dict[str, Any] = {}
    for size in (1, 2, 3, 4):
        long = [title for title in (titles[at] for at in dice.integers(0, len(titles), 2 * n)) if len(title) >= size]
        spans = []
        for title in long[:n]:
            at = int(dice.integers(0, len(title) - size + 1))
            spans.append(tuple(title[at : at + size]))
        ranges = [index.ranges(span) for span in spans]
        out[f"{size} tokens"] = {
            "places_p50": int(np.median([index.size(one) for one in ranges])),
            "places_max": max(index.size(one) for one in ranges),
            "count": quantiles_us(index.count, spans),
            "following": quantiles_us(index.following, ranges),
            "locate": quantiles_us(index.occurrences, spans),
        }
    return out


def decoding(index: FMIndex, titles: list[Title], vocab: int, seed: int, n: int) -> dict[str, Any]:
    """One query after the other: the search, of it the constraint, and the score of the products."""
    model, dice = TitleModel(titles, vocab, seed), np.random.default_rng(seed)
    spans = Spans(index, separator=vocab - 1, end=END)
    constraint = Timed(spans)
    search = BeamSearch(beam=BEAM, max_length=spans.max_length)
    drawn = dice.integers(0, len(titles), n + 2)
    searched, scored, steps, own, written = [], [], [], 0, []
    for number, at in enumerate(drawn.tolist()):
        if number == 2:  # the first two warm up
            constraint.took_s, constraint.calls, model.took_s, model.rows = 0.0, 0, 0.0, 0
            searched, scored, steps, own, written = [], [], [], 0, []
        found, took = seconds_of(lambda at=at: search(model, [str(at)], constraint, Deadline.never()))
        made = generated_spans(found.sequences[0], separator=vocab - 1)
        hits, took_scoring = seconds_of(lambda made=made: product_scores(index, made))
        searched.append(took)
        scored.append(took_scoring)
        steps.append(found.n_steps)
        written.append(len(made))
        own += any(hit.product_id == f"P{at:07d}" for hit in hits)
        if any(not index.count(span) for span in made):
            raise RuntimeError("A span was written that no title holds.")
    total = sum(searched)
    return {
        "queries": n,
        "steps_p50": float(np.median(steps)),
        "spans_p50": float(np.median(written)),
        "search": quantiles_ms(np.array(searched)),
        "rows_per_second": round(model.rows / total),
        "rows_per_second_constraint_alone": round(model.rows / constraint.took_s),
        "constraint_ms_per_query": round(constraint.took_s / n * 1e3, 2),
        "table_ms_per_query": round(model.took_s / n * 1e3, 2),
        "score_products": quantiles_ms(np.array(scored)),
        "title_among_the_100": own / n,
    }


def changing(index: FMIndex, titles: list[Title]) -> dict[str, Any]:
    out = {}
    for n in (1, 100, 1_000):
        new = [f"N{at}" for at in range(n)]
        more, took = seconds_of(lambda n=n, new=new: index.added(new, titles[:n]))
        out[f"add_{n}_ms"] = round(took * 1e3, 1)
        if more.count(titles[0][:3]) <= index.count(titles[0][:3]):
            raise RuntimeError("What was added is not counted.")
    _, took = seconds_of(lambda: index.without([f"P{at:07d}" for at in range(100)]))
    return {**out, "delete_100_ms": round(took * 1e3, 1)}


def resident(folder: Path) -> dict[str, Any]:
    """Memory of a process that only opens the index (which reads all of it once) and asks what follows each token."""
    program = (
        "import sys, json, time\nfrom pathlib import Path\n"
        "from multirecall.recall.fm_index.folder import open_fm_index\n"
        "import multirecall.recall.fm_index.index as i\n"
        "i.FMIndex.build(['a'], [[1, 2, 3, 1, 2]], vocab=4).following((2, 3))\n"
        "def memory(): return {w[0]: int(w[1]) / 1024 for w in map(str.split, Path('/proc/self/status')"
        ".read_text().splitlines()) if w[0] in ('RssAnon:', 'RssFile:')}\n"
        "before = memory()\nbegan = time.thread_time()\n"
        "index = open_fm_index(Path(sys.argv[1]))\ntook = time.thread_time() - began\n"
        "for token in range(index.vocab): index.following(index.ranges([token]))\n"
        "after = memory()\n"
        "print(json.dumps({'open_s': round(took, 3), 'own_mb': round(after['RssAnon:'] - before['RssAnon:'], 1),"
        " 'mapped_mb': round(after['RssFile:'] - before['RssFile:'], 1)}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    titles, vocab = tokens_of(args.products, args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "index"
        built, _ = building(titles, vocab, folder)
        index = open_fm_index(folder)
        result = {
            "products": args.products,
            "vocab": vocab,
            "seed": args.seed,
            "building": built,
            "resident": resident(folder),
            "decoding": decoding(index, titles, vocab, args.seed, args.queries),
            "asking": asking(index, titles, args.seed, 1_000),
            "changing": changing(index, titles),
        }
    write_result(f"fm_index_{args.products}", result, args.out)


if __name__ == "__main__":
    main()
