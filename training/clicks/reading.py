"""`read_click_log`: click logs of any kind that is known, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.training.clicks.lines import opened
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.rejects import Rejects
from multirecall.training.clicks.table import read_table
from multirecall.training.clicks.tally import Tally
from multirecall.training.clicks.ubi import ACTIONS, read_ubi
from multirecall.training.clicks.ubi_join import Action, UbiJoin

__all__ = ["read_click_log"]


def read_click_log(
    paths: Sequence[Path], *, rejects: Path | None = None, actions: Mapping[str, Action] | None = None
) -> ClickLog:
    """The impressions of all files together, counted per query, product and position.

    A file whose first character is `{` is UBI (JSON lines; queries and events may be in one file or in several),
    others are tables with a header (`table.COLUMNS`; the log of `multirecall sample` is one). Both may be packed with
    gzip. `actions` adds to the action names that UBI events may have. Lines that cannot be used are counted, the first
    twenty are kept in the log, all are written to `rejects`. Queries without an id of their own are known by their
    text in lower case.

    Reads each file once, from front to end; memory grows with the distinct (query, product, position), not with the
    log. Raises InvalidSource that names file, line and field: a missing or unreadable file, a column that is missing,
    no impression in all files, or none that was clicked; InvalidInput for no file at all.
    """
    if not paths:
        raise InvalidInput("No click log was named.", hint="Name at least one file.", field="log")
    known = dict(ACTIONS) | {name.strip().lower(): action for name, action in (actions or {}).items()}
    tally = Tally()
    lines = ignored = 0
    with Rejects(rejects) as rejected, UbiJoin() as join:
        for path in paths:
            with opened(path) as text:
                if _is_json(text):
                    read, useless = read_ubi(path, text, join, rejected, known)
                    ignored += useless
                else:
                    read = read_table(path, text, tally, rejected)
                lines += read
        join.pour(tally, rejected)
        log = tally.log(lines=lines, ignored=ignored, rejects=rejected)
    names = ", ".join(str(path) for path in paths[:3])
    if not len(log):
        raise InvalidSource(
            f"{names}: none of {lines:,} lines is an impression that can be used.",
            hint=f"The first: {log.first_rejected[0]}."
            if log.first_rejected
            else "Impressions are needed, not clicks.",
            field="log",
            lines=lines,
            rejected=log.rejected,
        )
    if not log.clicks.any():
        raise InvalidSource(
            f"{names}: none of {int(log.impressions.sum()):,} impressions was clicked.",
            hint="Check the column of clicks, or the names of actions.",
            field="clicked",
        )
    return log


def _is_json(text: IO[str]) -> bool:
    """Whether the first character that is no space is `{`; the text stands at its start afterwards."""
    start = text.tell()
    while (character := text.read(1)).isspace():
        pass
    text.seek(start)
    return character == "{"
