"""Rewrites of frequent queries, asked of the language model before anybody searches."""

from __future__ import annotations

import gzip
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError, InvalidSettings, InvalidSource
from multirecall.recall.rewriters.chain import RewriteChain, with_text
from multirecall.recall.rewriters.model import ModelRewriter, asked_text
from multirecall.search import understand
from multirecall.search.serving.remembered import RememberedGenerator
from multirecall.wiring.engines import opened_engine
from multirecall.wiring.rewriter_models import RewriterModels
from multirecall.wiring.rewriters import opened_rewriters
from multirecall.wiring.settings import Settings

__all__ = ["DEFAULT_QUERIES", "Precomputed", "frequent_queries", "precompute"]

_log = logging.getLogger("multirecall.rewriters")

DEFAULT_QUERIES = 1_000
_BATCH = 8
_FAILED_IN_A_ROW = 5
_MAX_LINE_CHARS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Precomputed:
    """How many queries there were, and how many different texts of them the model was to be asked: `known` before,
    `answered` now, `failed`."""

    model: str
    queries: int = 0
    known: int = 0
    answered: int = 0
    failed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def frequent_queries(source: Path, *, most: int = DEFAULT_QUERIES) -> list[str]:
    """The most frequent queries of a file, or of the files of a folder: by count descending, then by text.

    A line is a query, or tab-separated with the text in the column `query` (without a header: the last one), or an
    object of a UBI log with a `user_query`; other objects are passed over. Files may be gzipped. Raises InvalidSource
    if there is none.
    """
    files = sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]
    counts: Counter[str] = Counter()
    for file in files:
        try:
            counts.update(" ".join(text.split()) for text in _queries_in(file))
        except (OSError, UnicodeDecodeError, EOFError) as error:
            raise InvalidSource(f"The queries in {file} cannot be read: {error}", field="queries") from error
    counts.pop("", None)
    if not counts:
        raise InvalidSource(
            f"There is no query in {source}.", hint="Give a file with one query a line.", field="queries"
        )
    return [text for text, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]]


def _queries_in(file: Path) -> Iterator[str]:
    column: int | None = None
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if len(line) > _MAX_LINE_CHARS:
                continue
            if line.lstrip().startswith("{"):
                yield _user_query(line)
                continue
            cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
            names = [cell.lower() for cell in cells]
            if number == 0 and len(cells) > 1 and "query" in names:
                column = names.index("query")
            elif column is None or column < len(cells):
                yield cells[-1 if column is None else column]


def _user_query(line: str) -> str:
    try:
        record = orjson.loads(line)
    except ValueError:
        return ""
    # An action of a UBI log repeats the query of its search.
    text = record.get("user_query") if isinstance(record, dict) and "action_name" not in record else None
    return text if isinstance(text, str) else ""


def precompute(
    settings: Settings,
    queries: Sequence[str],
    *,
    engine_url: str | None = None,
    on_step: Callable[[int, int], None] = lambda done, planned: None,
) -> Precomputed:
    """Fills the cache of the settings with what the model of `rewriters` answers to these queries, as searches ask it.

    What is known is not asked again: run it as often as you like, and again after it was stopped. A query that the
    model cannot answer is passed over; if five in a row cannot be, EncoderError is raised. `on_step` is told how many
    of the texts are done, and may raise to end it. Raises InvalidSettings without a model, or without a cache to fill.
    """
    if not settings.cache_redis.get_secret_value():
        raise InvalidSettings(
            "There is no cache to fill: what this process remembers ends with it.",
            hint="Set MULTIRECALL_CACHE_REDIS, the same for the service.",
            field="cache_redis",
        )
    with opened_engine(settings, engine_url) as engine:
        language = engine.info().schema.language
    with RewriterModels(settings, patient=True) as models:
        chain, generator = _with_model(settings, language, models)
        texts = _asked_texts(chain, queries)
        known = answered = failed = 0
        for start in range(0, len(texts), _BATCH):
            on_step(start, len(texts))
            batch = texts[start : start + _BATCH]
            found = _filled(generator, batch, settings.rewrite_work_s)
            known, answered, failed = known + found[0], answered + found[1], failed + found[2]
        on_step(len(texts), len(texts))
        return Precomputed(model=generator.name, queries=len(queries), known=known, answered=answered, failed=failed)


def _with_model(settings: Settings, language: str, models: RewriterModels) -> tuple[RewriteChain, RememberedGenerator]:
    """The rewriters that have a language model among them, the first or the second ones, and the model."""
    for spec in filter(None, (settings.rewriters, settings.rewrite_second)):
        chain = opened_rewriters(settings, language=language, models=models, spec=spec)
        for rewriter in chain.alternatives:
            if isinstance(rewriter, ModelRewriter) and isinstance(rewriter.generator, RememberedGenerator):
                return chain, rewriter.generator
    raise InvalidSettings(
        f"There is no language model among the rewriters {settings.rewriters!r}.",
        hint="Set MULTIRECALL_REWRITERS to some that end with model:endpoint or model:PATH.",
        field="rewriters",
    )


def _asked_texts(chain: RewriteChain, queries: Sequence[str]) -> list[str]:
    """What a search asks the model for: the repaired text where there is one (`RewriteChain`)."""
    repairs = replace(chain, alternatives=())
    texts = []
    for typed in queries:
        query = understand(typed)
        repaired = repairs.rewrite(query, Deadline.never())
        texts.append(asked_text(with_text(query, repaired[0].text) if repaired else query))
    return list(dict.fromkeys(text for text in texts if text))


def _filled(generator: RememberedGenerator, batch: Sequence[str], work_s: float) -> tuple[int, int, int]:
    """Known, answered and failed ones of a batch; one by one if the model did not answer all of it."""
    try:
        return (*generator.fill(batch, Deadline.after(work_s * len(batch))), 0)
    except (EncoderError, DeadlineExceeded) as error:
        _log.warning("a batch was not answered, its queries are asked one by one: %s", error)
    known = answered = failed = in_a_row = 0
    for text in batch:
        try:
            was_known, was_answered = generator.fill([text], Deadline.after(work_s))
        except (EncoderError, DeadlineExceeded):
            failed, in_a_row = failed + 1, in_a_row + 1
            if in_a_row == min(_FAILED_IN_A_ROW, len(batch)):
                raise
        else:
            known, answered, in_a_row = known + was_known, answered + was_answered, 0
    return known, answered, failed
