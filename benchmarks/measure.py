"""Fair comparisons: rounds taken in turns, medians, and an interval for their ratio."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["interleaved", "machine", "quantiles_ms", "ratio_of_medians", "write_result"]

_PACKAGES = (
    "elasticsearch",
    "elastic-transport",
    "opensearch-py",
    "orjson",
    "numpy",
    "tantivy",
    "usearch",
    "onnxruntime",
)


def machine() -> dict[str, Any]:
    """What a figure depends on beside the code: processor, cores, memory, load, Python and package versions."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": cpu or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory / 1024**2, 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def interleaved(
    arms: Mapping[str, Callable[[int], object]], n_rounds: int, *, warm_up: int = 0
) -> dict[str, np.ndarray]:
    """Seconds of each arm in each round, shape (n_rounds,) per arm.

    Every round runs every arm once on the same input (the arm gets the round's number), and the arm that goes first
    changes from round to round: whatever else the machine does then hits all arms alike.
    """
    names = list(arms)
    for number in range(warm_up):
        for name in names:
            arms[name](number)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(n_rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            started = time.perf_counter()
            arms[name](number)
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def quantiles_ms(seconds: np.ndarray) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    p50, p95 = np.quantile(seconds, (0.5, 0.95)) * 1000
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "n": len(seconds)}


def ratio_of_medians(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> dict[str, float]:
    """median(ours) / median(theirs) with its 95% bootstrap interval; rounds are drawn together, as they were run."""
    a, b = np.asarray(ours), np.asarray(theirs)
    drawn = np.random.default_rng(seed).integers(0, len(a), (2000, len(a)))
    ratios = np.median(a[drawn], axis=1) / np.median(b[drawn], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return {
        "ratio": round(float(np.median(a) / np.median(b)), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def write_result(name: str, result: Mapping[str, Any], out: Path | None) -> None:
    """The result with machine and time as JSON: to `out/name.json` if given, and always to standard output."""
    body = {"benchmark": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **result}
    text = json.dumps(body, indent=2, ensure_ascii=False)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
