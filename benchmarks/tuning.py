"""Would the proposal of a tuning have been right? Its arms asked the queries that real judgments exist for.

    multirecall tune --engine embedded:shop --out tuning --yes
    python -m benchmarks.tuning --engine embedded:shop --tuning tuning --queries queries.tsv --judgments judgments.tsv

The tuning saw none of these. Prints markdown: every arm against today's settings, by all queries and by class, beside
what the generated queries said.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import orjson

from multirecall.engines.base import IndexInfo
from multirecall.training.tuning.deciding import Arm, Compared, Learned, compare_arms
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import Settings, load_settings
from multirecall.wiring.tuning_encoder import tried_encoder
from multirecall.wiring.tuning_queries import deciding
from multirecall.wiring.tuning_settings import TuneOptions, with_rewrite
from multirecall.wiring.tuning_work import read_runs, run_of


def silent(what: str, parts: int | None) -> Callable[[], None]:
    print(what, flush=True)
    return lambda: None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--tuning", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True)
    arguments = parser.parse_args()
    settings = load_settings()
    options = TuneOptions(judged_queries=arguments.queries, judgments=arguments.judgments)
    with opened_engine(settings, arguments.engine) as engine:
        index = engine.info()
        taught = deciding(options, engine, index)
    assert taught is not None
    out = arguments.tuning / "checked"
    out.mkdir(exist_ok=True)
    results = orjson.loads((arguments.tuning / "state.json").read_bytes())["steps"]
    runs = _runs(settings, arguments.engine, options, taught, arguments.tuning, out, results, index)
    arms = [
        Arm(name=name, run=runs[name], against=against, baseline=runs[against], learned=Learned.CATALOGUE)
        for name, against in (("rewrite", "today"), ("blender", "today"), ("blender", "rewrite"), ("encoder", "sample"))
        if name in runs and against in runs
    ]
    top = ceil(taught.judgments.top_grade / 2)
    rows = compare_arms(arms, taught.queries, taught.judgments, relevant_grade=float(max(1, top)))
    generated = {
        (row["arm"], row["against"], row["measure"]): row
        for row in results.get("compare", {"result": {"rows": []}})["result"]["rows"]
        if not row["kind"]
    }
    print(f"\n{len(taught.queries)} judged queries, {index.count:,} products\n")
    print("| change | against | measure | generated | judged: before | after | difference | 95% interval | p (Holm) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        if not row.kind:
            said = generated.get((row.arm, row.against, row.measure))
            print(f"| {row.arm} | {row.against} | {row.measure} | {_told(said)} | {_figures(row)} | {row.p_holm:.4f} |")
    print("\n| change | against | class | queries | before | after | difference | 95% interval |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        if row.kind:
            print(f"| {row.arm} | {row.against} | {row.kind} | {row.n} | {_figures(row)} |")


def _runs(
    settings: Settings,
    url: str,
    options: TuneOptions,
    taught: Any,
    tuning: Path,
    out: Path,
    results: dict[str, Any],
    index: IndexInfo,
) -> dict[str, Any]:
    """The runs of all arms that the tuning made."""
    rewriting = with_rewrite(settings, tuning / "rewriters")
    found = {"today": run_of(settings, url, taught.queries, out, "today", silent)}
    if "rewriters" in results:
        found["rewrite"] = run_of(rewriting, url, taught.queries, out, "rewrite", silent)
    if "blender" in results:
        fusion = f"blender:{results['blender']['result']['folder']}"
        using = (rewriting if "rewriters" in results else settings).model_copy(update={"fusion": fusion})
        found["blender"] = run_of(using, url, taught.queries, out, "blender", silent)
    if "encoder" in results:
        (out / "sample.jsonl").write_bytes((tuning / "sample.jsonl").read_bytes())
        encoder = results["encoder"]["result"]
        found.update(tried_encoder(settings, url, options, taught, taught.queries, out, encoder, silent)["runs"])
    return {name: read_runs(out, run["run"]) for name, run in found.items()}


def _figures(row: Compared) -> str:
    return f"{row.before:.3f} | {row.after:.3f} | {row.difference:+.3f} | {row.low:+.3f} to {row.high:+.3f}"


def _told(row: dict[str, Any] | None) -> str:
    return f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})" if row else ""


if __name__ == "__main__":
    main()
