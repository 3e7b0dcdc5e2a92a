"""How many faults a session injected and how many documents it compared; the last line of the report."""

from __future__ import annotations

import json
import os
from collections import Counter
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
            body: dict[str, Any] = {
                "faults": dict(sorted(self.faults.items())), "faults_total": self.faults.total(),
                "documents": self.documents, "absent": self.absent, "comparisons": self.comparisons,
            }  # fmt: skip
            Path(target).write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


TALLY = Tally()
