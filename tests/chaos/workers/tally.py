"""How many faults were injected and how many documents compared; the last line of a run's report."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["TALLY", "Tally"]


@dataclass(slots=True, kw_only=True)
class Tally:
    """`faults` by kind; `documents` compared field by field and version by version, `absent` ones looked for."""

    faults: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    absent: int = 0
    comparisons: int = 0

    def fault(self, kind: str, n: int = 1) -> None:
        """Counts faults injected."""
        self.faults[kind] += n

    @classmethod
    def of(cls, taken: Iterable[Mapping[str, Any]]) -> Tally:
        """The sum of what tests did."""
        total = cls()
        for one in taken:
            total.faults.update(one["faults"])
            total.documents += one["documents"]
            total.absent += one["absent"]
            total.comparisons += one["comparisons"]
        return total

    def taken(self) -> dict[str, Any]:
        """What was counted so far, in plain types; the count begins anew."""
        counts = self.counts()
        self.faults.clear()
        self.documents = self.absent = self.comparisons = 0
        return counts

    def counts(self) -> dict[str, Any]:
        return {
            "faults": dict(sorted(self.faults.items())), "faults_total": self.faults.total(),
            "documents": self.documents, "absent": self.absent, "comparisons": self.comparisons,
        }  # fmt: skip

    def line(self) -> str:
        """One line for people."""
        kinds = ", ".join(f"{n} x {kind}" for kind, n in sorted(self.faults.items()))
        return (
            f"chaos: {self.faults.total()} faults injected ({kinds}); {self.documents:,} documents compared in "
            f"{self.comparisons} comparisons of whole indexes, {self.absent:,} deleted ones found to be gone"
        )

    def write(self) -> None:
        """Writes the figures as JSON to the file that CHAOS_REPORT names, if it names one."""
        if target := os.environ.get("CHAOS_REPORT"):
            Path(target).write_text(json.dumps(self.counts(), indent=2) + "\n", encoding="utf-8")


TALLY = Tally()
"""Of the test that runs now, in this process."""
