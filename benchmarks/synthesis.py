"""Does rewriting knowledge move into the dense retriever by synthetic pairs? With controls and ablations.

    nice -n 10 python -m benchmarks.synthesis --work /tmp/synthesis --seeds 3 --out benchmarks/results

Per seed a generated shop. A look-up teacher (it knows the concepts of the train split) rewrites the train split's
queries, the strong pipeline finds products, two judges that learned from the dev split's labels keep some. Each arm
trains the static encoder on clicks and its pairs with the same seed, steps and batch, and is then served by the
torch-free encoder. Nothing of the test split's concepts, wordings or templates is in any training data. Finished arms
are kept in the work folder, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import interleaved, quantiles_ms, ratio_of_medians, write_result
from benchmarks.synthesis_bed import SETS, Bed, Floats, dense_tops, make_bed, measure
from multirecall.core.deadline import Deadline
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import EngineRequest, Text
from multirecall.search.understand import understand
from multirecall.training.dense.pairs import Pair
from multirecall.training.synthesis.curate import Threshold, curate
from multirecall.training.synthesis.labelling import Judges, labelled_by_grades, learned_judges
from multirecall.training.synthesis.records import SyntheticPair
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import Teacher, kept_rewritings
from multirecall.training.synthesis.scorers import MeaningScore

BASE, CLICK, SYN = "untrained", "clicks", "clicks + curated"
MEASURES = ("item good rate @10", "item good rate @50", "query good rate @10, 5 good", "recall @100")
STEPS, RESAMPLES = 300, 1_000


def teacher_of(bed: Bed) -> Teacher:
    needs = (*bed.taught, *bed.judged)
    return Teacher((*bed.concepts, *bed.judged_concepts), {need.text: need.concept for need in needs})


def judges_of(bed: Bed, pipeline: StrongPipeline, semantic: str) -> Judges:
    """B from half of the dev concepts' labels; thresholds from 300 labelled pairs of the other half."""
    of = {need.text: need.concept for need in bed.judged}
    grades = {text: dict.fromkeys(bed.good_of[concept], 3.0) for text, concept in of.items()}
    examples = labelled_by_grades(grades, teacher_of(bed), pipeline, complete=True)
    scorer = MeaningScore(open_encoder(semantic, cache_dir=bed.folder / "encoders", threads=1))
    return learned_judges(examples, scorer, calibration_pairs=300, groups=of)


def made_pairs(bed: Bed, semantic: str) -> dict[str, Any]:
    """Curated pairs, those of one judge alone, and what retrieval found before any judge; with their precision.

    What `synthesize` does, query by query, but judged once for all variants.
    """
    kept_in = bed.folder / "made.json"
    if not kept_in.exists():
        kept_in.write_text(json.dumps(_made(bed, semantic)))
    made: dict[str, Any] = json.loads(kept_in.read_text())
    return made | {name: [SyntheticPair.from_dict(row) for row in made[name]] for name in ("kept", "only B", "only S")}


def _made(bed: Bed, semantic: str) -> dict[str, Any]:
    started = time.perf_counter()
    encoder = open_encoder("static", cache_dir=bed.folder / "encoders", threads=1)
    random = np.random.default_rng(2)
    out: dict[str, list[Any]] = {"kept": [], "only B": [], "only S": [], "found": [], "rejected": []}
    dropped = 0
    with bed.engine(encoder) as engine:
        pipeline = StrongPipeline(engine, encoder=encoder)
        judges = judges_of(bed, pipeline, semantic)
        teacher = teacher_of(bed)
        taus = {"kept": (judges.tau_b.value, judges.tau_s.value)}
        taus |= {"only B": (judges.tau_b.value, 0.0), "only S": (0.0, judges.tau_s.value)}
        for need in bed.taught:
            candidates = pipeline.candidates(kept_rewritings(need.text, teacher))
            b, s = (scorer.score(need.text, candidates) for scorer in (judges.b, judges.s))
            for name, (tau_b, tau_s) in taus.items():
                found = curate(need.text, need.kind, candidates, b, s, tau_b=tau_b, tau_s=tau_s)
                out[name] += [pair.to_dict() for pair in found.pairs]
                dropped += found.dropped and name == "kept"
            for at in sorted(random.permutation(len(candidates))[:40]):
                pair = [need.text, candidates[at].id]
                out["found"].append(pair)
                if b[at] < taus["kept"][0] or s[at] < taus["kept"][1]:
                    out["rejected"].append(pair)
    concept_of = {need.text: need.concept for need in bed.taught}

    def precision(rows: Sequence[Any], n: int) -> float:
        pairs = [(row["x"], row["p"]) if isinstance(row, dict) else tuple(row) for row in rows]
        chosen = [pairs[at] for at in np.random.default_rng(1).permutation(len(pairs))[:n]]
        return round(float(np.mean([p in bed.good_of[concept_of[x]] for x, p in chosen])), 4)

    return out | {
        "report": {
            "queries": len(bed.taught),
            "queries without pairs": dropped,
            "pairs": len(out["kept"]),
            "tau B": vars_of(judges.tau_b),
            "tau S": vars_of(judges.tau_s),
            "seconds": round(time.perf_counter() - started, 1),
        },
        "precision": {"kept, sample of 200": precision(out["kept"], 200)}
        | {"rejected, sample of 200": precision(out["rejected"], 200)}
        | {f"{name}, all": precision(rows, len(rows)) for name, rows in out.items()},
    }


def vars_of(tau: Threshold) -> dict[str, float]:
    return {key: round(float(value), 4) for key, value in asdict(tau).items()}


def arms_of(bed: Bed, made: Mapping[str, Any], *, ablations: bool) -> dict[str, tuple[list[Pair], float]]:
    """Synthetic pairs and their share of a batch, by arm."""
    random = np.random.default_rng(3)
    kept: list[SyntheticPair] = made["kept"]

    def drawn(pairs: Sequence[Pair], n: int) -> list[Pair]:
        return [pairs[at] for at in sorted(random.permutation(len(pairs))[:n])]

    curated = [Pair(query=one.x, product=one.p) for one in kept]
    n = len(curated)
    shuffled = [
        Pair(query=one.query, product=curated[at].product)
        for one, at in zip(curated, random.permutation(n).tolist(), strict=True)
    ]
    uncurated = [Pair(query=x, product=p) for x, p in made["found"]]
    rewritten = [Pair(query=one.y_used, product=one.p) for one in kept]
    products = [bed.ids[at] for at in random.integers(0, len(bed.ids), n).tolist()]
    written = [Pair(query=bed.leaf_of[p].lower(), product=p) for p in products]
    attributes = _values_of(bed)
    written = [
        Pair(query=f"{attributes[p][int(random.integers(0, len(attributes[p])))]} {one.query}".strip(), product=p)
        if attributes[p]
        else one
        for one, p in zip(written, products, strict=True)
    ]
    arms: dict[str, tuple[list[Pair], float]] = {
        CLICK: ([], 0.0),
        SYN: (curated, 0.2),
        "shuffled products": (shuffled, 0.2),
        "uncurated": (drawn(uncurated, n), 0.2),
        "(y, p) instead of (x, p)": (rewritten, 0.2),
        "doc2query": (written, 0.2),
    }
    if ablations:
        arms |= {
            "share 10 %": (curated, 0.1),
            "share 40 %": (curated, 0.4),
            "1,000 pairs": (drawn(curated, 1_000), 0.2),
            "3,000 pairs": (drawn(curated, 3_000), 0.2),
            "10,000 pairs": (drawn(curated, 10_000), 0.2),
            "B alone": (drawn([Pair(query=one.x, product=one.p) for one in made["only B"]], n), 0.2),
            "S alone": (drawn([Pair(query=one.x, product=one.p) for one in made["only S"]], n), 0.2),
        }
    return arms


def _values_of(bed: Bed) -> dict[str, list[str]]:
    rows = map(json.loads, (bed.folder / "catalogue.jsonl").open(encoding="utf-8"))
    return {
        row["id"]: [str(value).lower() for key, value in row.items() if key.startswith("attr_") and "compat" not in key]
        for row in rows
    }


def trained_figures(bed: Bed, syn: Sequence[Pair], share: float, *, seed: int, steps: int, folder: Path) -> Floats:
    """Trains one arm, writes its encoder, and gives the best 100 products per test query by the served encoder."""
    import torch

    from multirecall.training.dense.static_tower import StaticTower
    from multirecall.training.dense.training import DenseSettings, train_tower, write_encoder

    torch.set_num_threads(1)
    tower = StaticTower()
    settings = DenseSettings(steps=steps, shares={"click": 1.0 - share, "syn": share}, seed=seed)
    done = train_tower(tower, {"click": bed.clicks, "syn": syn}, bed.texts, settings)
    spec = write_encoder(tower, done.card, folder)
    return dense_tops(spec, bed, [test.text for test in bed.tests])[0]


def engine_tops(bed: Bed, texts: Sequence[str]) -> NDArray[np.int64]:
    """BM25's best 100 per text, -1 where there are fewer."""
    at = {name: ordinal for ordinal, name in enumerate(bed.ids)}
    out = np.full((len(texts), 100), -1, dtype=np.int64)
    with bed.engine(open_encoder("static", cache_dir=bed.folder / "encoders", threads=1)) as engine:
        for start in range(0, len(texts), 64):
            requests = [EngineRequest(clause=Text(text=text), k=100) for text in texts[start : start + 64]]
            for number, result in enumerate(engine.search_many(requests, Deadline.never()), start=start):
                hits = [at[hit.id] for hit in result.hits]
                out[number, : len(hits)] = hits
    return out


def union_tops(bed: Bed, spec: str, rewritten: Callable[[str], Sequence[Rewriting]]) -> NDArray[np.int64]:
    """Online rewriting: the retriever's lists of the query and its rewritings, fused by reciprocal rank."""
    tests = [test.text for test in bed.tests]
    texts = {test: [test, *(one.text for one in rewritten(test))] for test in tests}
    distinct = list(dict.fromkeys(text for some in texts.values() for text in some))
    tops = dict(zip(distinct, dense_tops(spec, bed, distinct)[0], strict=True))
    out = np.full((len(tests), 100), -1, dtype=np.int64)
    for row, test in enumerate(tests):
        score = np.zeros(len(bed.ids))
        for text in texts[test]:
            score[tops[text]] += 1.0 / (60.0 + np.arange(1, 101))
        out[row] = np.argsort(-score, kind="stable")[:100]
    return out


def compared(new: Floats, old: Floats, groups: Sequence[str], *, seed: int = 7) -> dict[str, float]:
    """Mean difference in points with 95 % bootstrap intervals: over queries, and over whole concepts (`by_concept`)."""
    usable = ~(np.isnan(new) | np.isnan(old))
    moved = 100.0 * (new - old)[usable]
    random = np.random.default_rng(seed)
    means = [moved[random.integers(0, len(moved), len(moved))].mean() for _ in range(RESAMPLES)]
    names, of = np.unique(np.array(groups)[usable], return_inverse=True)
    sums, counts = np.bincount(of, moved), np.bincount(of)
    picks = random.integers(0, len(names), (RESAMPLES, len(names)))
    clustered = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    c_low, c_high = np.quantile(clustered, (0.025, 0.975))
    return {
        "gain": round(float(moved.mean()), 2),
        "low": round(float(low), 2),
        "high": round(float(high), 2),
        "concept_low": round(float(c_low), 2),
        "concept_high": round(float(c_high), 2),
    }


def run_seed(args: argparse.Namespace, seed: int) -> tuple[Bed, dict[str, dict[str, Floats]], dict[str, Any]]:
    folder = Path(args.work) / f"seed-{seed}"
    bed = make_bed(folder, seed=seed, products=args.products, queries=args.queries)
    made = made_pairs(bed, args.semantic)
    say(f"seed {seed}: {len(made['kept'])} pairs, {len(bed.clicks)} clicked, {made['precision']}")
    figures: dict[str, dict[str, Floats]] = {}

    def arm(name: str, tops: Callable[[], NDArray[np.int64]]) -> None:
        kept = folder / "arms" / f"{name.replace('/', '-')}.npz"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            np.savez(kept, tops=tops())
        figures[name] = measure(np.load(kept)["tops"], bed.tests)
        say(f"  {name}: {shown(figures[name], bed)}")

    texts = [test.text for test in bed.tests]
    arm(BASE, lambda: dense_tops("static", bed, texts)[0])
    arm("BM25", lambda: engine_tops(bed, texts))
    for name, (pairs, share) in arms_of(bed, made, ablations=not args.quick).items():
        out = folder / "encoders-trained" / name.replace("/", "-")
        arm(name, lambda p=pairs, w=share, o=out: trained_figures(bed, p, w, seed=seed, steps=args.steps, folder=o))
    known = {test.text: test.group for test in bed.tests if test.of == "seen concept"}
    lookup = Teacher(bed.concepts, known)
    arm(
        "online rewriting",
        lambda: union_tops(
            bed,
            f"static:{folder / 'encoders-trained' / CLICK}",
            lambda text: lookup.rewrite(understand(text), Deadline.never()),
        ),
    )
    return bed, figures, made


def shown(figures: Mapping[str, Floats], bed: Bed) -> str:
    of = np.array([test.of for test in bed.tests])
    return ", ".join(f"{name} {100 * figures['item good rate @10'][of == name].mean():.1f}" for name in SETS)


def latency(bed: Bed, spec: str) -> dict[str, Any]:
    """What a query costs before and after: encoding and an exact search over the catalogue, in turns."""
    arms = {}
    for name, one in (("untrained", "static"), ("distilled", spec)):
        encoder = open_encoder(one, cache_dir=bed.folder / "encoders", threads=1)
        products = encoder.encode_products([bed.texts[product] for product in bed.ids])
        texts = [test.text for test in bed.tests]

        def ask(number: int, encoder: Encoder = encoder, products: Any = products, texts: list[str] = texts) -> Any:
            return np.argpartition(-(products @ encoder.encode_queries([texts[number % len(texts)]])[0]), 100)

        arms[name] = ask
    seconds = interleaved(arms, 1_000, warm_up=50)
    return {name: quantiles_ms(values) for name, values in seconds.items()} | {
        "ratio of medians": ratio_of_medians(seconds["distilled"], seconds["untrained"])
    }


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for shops, pairs and encoders")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--queries", type=int, default=2_500)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--semantic", default="static", help="encoder of the general judge")
    parser.add_argument("--quick", action="store_true", help="without the ablations")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    runs = [run_seed(args, seed) for seed in range(1, args.seeds + 1)]
    bed = runs[0][0]
    cost = latency(bed, f"static:{bed.folder / 'encoders-trained' / SYN}")
    write_result("synthesis", summary(runs, args) | {"latency": cost}, args.out)


def summary(runs: Sequence[tuple[Bed, dict[str, dict[str, Floats]], dict[str, Any]]], args: Any) -> dict[str, Any]:
    """Means by arm and set, and gains over the clicks-only arm; queries of all seeds together, concepts as one."""
    tests = [test for bed, _, _ in runs for test in bed.tests]
    arms = list(runs[0][1])
    merged = {
        name: {key: np.concatenate([figures[name][key] for _, figures, _ in runs]) for key in runs[0][1][name]}
        for name in arms
    }
    out: dict[str, Any] = {
        "settings": {key: str(value) for key, value in vars(args).items()},
        "pairs": [
            {**made["report"], "precision": made["precision"], "clicked": len(bed.clicks)} for bed, _, made in runs
        ],
        "means": {},
        "gains": {},
        "seeds": {},
    }
    for name in SETS:
        types = ["all", *sorted({test.type for test in tests if test.of == name})]
        for type_ in types:
            mask = np.array([test.of == name and type_ in ("all", test.type) for test in tests])
            groups = [test.group for test, yes in zip(tests, mask, strict=True) if yes]
            key = f"{name}: {type_}"
            out["means"][key] = {"queries": int(mask.sum()), "concepts": len(set(groups))} | {
                arm: {m: round(100 * float(np.nanmean(v[mask])), 2) for m, v in merged[arm].items()} for arm in arms
            }
            out["gains"][key] = {
                arm: {m: compared(v[mask], merged[CLICK][m][mask], groups) for m, v in merged[arm].items()}
                for arm in arms
                if arm != CLICK and (type_ == "all" or arm == SYN)
            }
    for bed, figures, _ in runs:
        of = np.array([test.of for test in bed.tests])
        out["seeds"][bed.folder.name] = {
            arm: {n: round(100 * float(values["item good rate @10"][of == n].mean()), 2) for n in SETS}
            for arm, values in figures.items()
        }
    return out


if __name__ == "__main__":
    main()
