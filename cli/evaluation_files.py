"""What the commands of evaluation read: runs, queries, judgments, and titles from an engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments, merged, read_judgments
from multirecall.evaluation.runs import read_run
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.settings import load_settings

__all__ = ["fetch_titles", "read_all_judgments", "read_runs"]

_AT_ONCE = 500


def read_runs(paths: Sequence[Path]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The runs by name: the file's name without its ending, or the whole path where two would be called alike."""
    stems = [path.stem for path in paths]
    names = [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]
    if len(set(names)) != len(names):
        raise InvalidInput("The same run is given twice.", hint=f"Given: {', '.join(names)}.", field="run")
    return {name: read_run(path) for name, path in zip(names, paths, strict=True)}


def read_all_judgments(paths: Sequence[Path], format: str | None, skip_ungraded: bool) -> Judgments:
    """The judgments of all files together."""
    return merged([read_judgments(path, format=format, skip_ungraded=skip_ungraded) for path in paths])


def fetch_titles(engine_url: str | None, product_ids: Iterable[str]) -> dict[str, str]:
    """Titles by product id, as far as the engine has them; none without an engine."""
    ids = list(dict.fromkeys(product_ids))
    if engine_url is None or not ids:
        return {}
    titles: dict[str, str] = {}
    with opened_engine(load_settings(), engine_url) as engine:
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            for product_id, record in zip(some, engine.fetch(some, ["title"]), strict=True):
                if record and record.get("title"):
                    titles[product_id] = str(record["title"])
    return titles
