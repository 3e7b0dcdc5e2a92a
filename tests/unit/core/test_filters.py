import math

import pytest

from multirecall.core.errors import InvalidFilter
from multirecall.core.filters import And, Exists, Not, Or, Range, Term, Terms, filter_fields


def test_filter_fields_reads_the_whole_tree() -> None:
    tree = And(
        parts=(
            Term(field="brand", value="HP"),
            Or(parts=(Range(field="price_minor", lte=100.0), Not(part=Exists(field="in_stock")))),
            Terms(field="category", values=("a", "b")),
        )
    )
    assert filter_fields(tree) == {"brand", "price_minor", "in_stock", "category"}
    assert filter_fields(And(parts=())) == frozenset()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Range(field="price_minor"),
        lambda: Range(field="price_minor", gte=1.0, gt=1.0),
        lambda: Range(field="price_minor", lte=1.0, lt=1.0),
        lambda: Range(field="price_minor", lte=math.nan),
        lambda: Range(field="price_minor", lte=True),
        lambda: Term(field="brand", value=None),  # type: ignore[arg-type]
        lambda: Term(field="price_minor", value=math.inf),
        lambda: Terms(field="brand", values=("a", object())),  # type: ignore[arg-type]
    ],
)
def test_filters_that_mean_nothing_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidFilter) as caught:
        make()
    assert caught.value.data["field"] in ("brand", "price_minor")
