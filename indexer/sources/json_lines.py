"""JSON lines: one product per line. A broken line is rejected, reading goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

from multirecall.indexer.sources.base import BrokenRow, Notes, Row, SourceRow
from multirecall.indexer.sources.streams import Stream
from multirecall.indexer.sources.texts import text_lines

__all__ = ["read_json_lines"]


def read_json_lines(stream: Stream, notes: Notes) -> Iterator[Row]:
    """One row per line that is not blank."""
    row = 0
    for number, line in enumerate(text_lines(stream, notes), start=1):
        if not line.strip():
            continue
        row += 1
        try:
            record = json.loads(line, strict=False)
        except json.JSONDecodeError as error:
            reason = f"not JSON: {error.msg} at column {error.colno}"
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
            reason = f"not readable JSON: {error}"
        else:
            if isinstance(record, dict):
                yield SourceRow(file=stream.name, row=row, line=number, record=record)
                continue
            reason = f"a product must be a JSON object, got {type(record).__name__}"
        yield BrokenRow(file=stream.name, row=row, line=number, reason=reason, text=line.rstrip("\r\n"))
