"""ExplainResult: what a score is made of, or why one product has another score than the other."""

from __future__ import annotations

from multirecall_client.answers import Explanation
from multirecall_client.showing import Shown, Table
from multirecall_client.wire import Wire

__all__ = ["Difference", "ExplainResult"]


class Difference(Wire):
    """One feature of A beside that of B; `difference` above 0 speaks for A."""

    name: str
    description: str = ""
    value_a: float | None = None
    value_b: float | None = None
    difference: float


class ExplainResult(Shown, Wire):
    """`explanation` of one product; or `a`, `b`, and the `differences`, which add up to `difference` (A minus B)."""

    request_id: str = ""
    generation: str = ""
    took_ms: float = 0.0
    explanation: Explanation | None = None
    a: Explanation | None = None
    b: Explanation | None = None
    difference: float | None = None
    differences: list[Difference] | None = None

    def table(self) -> Table:
        if self.explanation is not None:
            return self.explanation.table()
        a, b = (part.product_id if part else "?" for part in (self.a, self.b))
        return Table(
            caption=f"{a} minus {b}: {self.difference or 0.0:.4g}",
            columns=("feature", a, b, "difference"),
            rows=[
                (one.description or one.name, one.value_a, one.value_b, one.difference)
                for one in self.differences or ()
            ],
        )
