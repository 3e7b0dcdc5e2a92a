"""nDCG@10 of every route and fusion on the Icecat judgments, as a Markdown table.

    python -m benchmarks.quality --engine elasticsearch+http://127.0.0.1:9200

indexes the catalogue once per encoder with the default settings (`multirecall index`), answers the development
queries (`multirecall run`), scores the runs with ir-measures and tests the default fusion against the best single
route. The run files stay in `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.icecat import MEASURES, Judgments, RunScores, paired_p, read_judgments, score_run

ENCODERS = ("onnx", "onnx?precision=fp32", "static")
FUSIONS = ("weighted_sum", "rrf")


def multirecall(*arguments: str) -> dict[str, object]:
    """Runs one command of the package with --json and returns its object."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("multirecall")), *arguments, "--json"], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"multirecall {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout)


def index_url(base: str, encoder: str) -> str:
    name = "icecat-" + "".join(c if c.isalnum() else "-" for c in encoder)
    return f"{base.rstrip('/')}/{name}" if "+http" in base else f"{base}/{name}"


def make_runs(base: str, data: Path, out: Path, encoders: tuple[str, ...]) -> dict[str, Path]:
    """Run files by system name; every system once."""
    catalogue = sorted(str(p) for p in data.glob("*.json.zip"))
    queries = str(data / "queries.tsv")
    runs: dict[str, Path] = {}

    def run(name: str, url: str, *options: str) -> None:
        path = out / f"{''.join(c if c.isalnum() else '-' for c in name)}.trec"
        report = multirecall(
            "run", "--queries", queries, "--out", str(path), "--engine", url, "--timeout", "30", *options
        )
        if report["degraded"]:
            sys.exit(f"{name}: incomplete answers: {report['degraded']}")
        runs[name] = path
        print(f"# {name}: {report['hits']} hits, p50 {report['p50_ms']:.1f} ms", file=sys.stderr)

    for encoder in encoders:
        url = index_url(base, encoder)
        report = multirecall("index", *catalogue, "--engine", url, "--encoder", encoder)
        print(f"# indexed {url}: {json.dumps(report)[:200]}", file=sys.stderr)
        if not any(name == "lexical" for name in runs):
            run("lexical", url, "--routes", "lexical")
        run(f"dense {encoder}", url, "--routes", "dense")
        for fusion in FUSIONS:
            run(f"{fusion} lexical + {encoder}", url, "--fusion", fusion)
    return runs


def table(runs: dict[str, Path], judgments: Judgments) -> tuple[str, dict[str, RunScores]]:
    scores = {name: score_run(path, judgments) for name, path in runs.items()}
    classes = list(next(iter(scores.values())).by_class)
    lines = [
        f"| system | {' | '.join(MEASURES)} | {' | '.join(classes)} |",
        "|---|" + "---|" * (len(MEASURES) + len(classes)),
    ]
    for name, score in scores.items():
        means = " | ".join(f"{score.mean(m):.3f}" for m in MEASURES)
        lines.append(f"| {name} | {means} | {' | '.join(f'{score.by_class[c]:.3f}' for c in classes)} |")
    return "\n".join(lines), scores


def comparison(scores: dict[str, RunScores], encoder: str) -> str:
    """The default fusion against the best single route of the same index, by paired randomisation."""
    fused = scores[f"weighted_sum lexical + {encoder}"].values["nDCG@10"]
    best = max(("lexical", f"dense {encoder}"), key=lambda name: scores[name].mean("nDCG@10"))
    single = scores[best].values["nDCG@10"]
    return (
        f"{encoder}: default fusion {fused.mean():.3f}, best single route ({best}) {single.mean():.3f}, "
        f"difference {fused.mean() - single.mean():+.3f}, p = {paired_p(fused, single):.5f} "
        f"({int((fused > single + 1e-9).sum())} queries better, {int((fused < single - 1e-9).sum())} worse)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=os.environ.get("MULTIRECALL_ENGINE", "embedded:.multirecall/quality"))
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("MULTIRECALL_DATA", "../shared/data")) / "icecat"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/runs"))
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    judgments = read_judgments(options.data)
    runs = make_runs(options.engine, options.data, options.out, tuple(options.encoders))
    text, scores = table(runs, judgments)
    print(f"{len(judgments.scored)} queries with a grade above 0, unjudged = 0, gains 2^grade - 1\n")
    print(text + "\n")
    for encoder in options.encoders:
        print(f"- {comparison(scores, encoder)}")


if __name__ == "__main__":
    main()
