"""Field: builds the texts in which filters, facets and sorts are written."""

from __future__ import annotations

import math
from decimal import Decimal

from multirecall_client.errors import InvalidArgument

__all__ = ["Field", "Value", "value_text"]

Value = str | bool | int | float | Decimal


class Field:
    """A field of the catalogue; what its operators give are the plain texts that could be written by hand.

    `Field("brand") == "HP"` is `"brand=HP"`, `Field("price") <= 25` is `"price<=25"`. Since `==` builds a text, fields
    are not to be compared, nor used as keys.

    Raises InvalidArgument for a name or a value that the syntax of filters cannot say.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        if not name.strip() or set(name) & set("=<>!"):
            raise InvalidArgument(f"Field {name!r}: a name is not empty and has none of = < > ! in it.")
        self.name = name.strip()

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, value: Value) -> str:  # type: ignore[override]
        return f"{self.name}={value_text(self.name, value)}"

    def __ne__(self, value: Value) -> str:  # type: ignore[override]
        return f"{self.name}!={value_text(self.name, value)}"

    def __lt__(self, number: float | Decimal) -> str:
        return f"{self.name}<{value_text(self.name, number)}"

    def __le__(self, number: float | Decimal) -> str:
        return f"{self.name}<={value_text(self.name, number)}"

    def __gt__(self, number: float | Decimal) -> str:
        return f"{self.name}>{value_text(self.name, number)}"

    def __ge__(self, number: float | Decimal) -> str:
        return f"{self.name}>={value_text(self.name, number)}"

    def one_of(self, *values: Value) -> str:
        """Has one of these values."""
        if not values:
            raise InvalidArgument(f"Field {self.name!r}: one_of needs a value.")
        return f"{self.name}={'|'.join(value_text(self.name, value) for value in values)}"

    def none_of(self, *values: Value) -> str:
        """Has none of these values."""
        return self.one_of(*values).replace("=", "!=", 1)

    def exists(self) -> str:
        """Has a value at all."""
        return f"{self.name}=*"

    def missing(self) -> str:
        """Has no value."""
        return f"{self.name}!=*"

    def counts(self, size: int = 10) -> str:
        """A facet: its `size` most frequent values."""
        return f"{self._before_a_colon()}:{size}"

    def ranges(self, *edges: float | Decimal) -> str:
        """A facet: how many products lie below, between and above these numbers."""
        if not edges:
            raise InvalidArgument(f"Field {self.name!r}: ranges needs the numbers between them.")
        return f"{self._before_a_colon()}:{','.join(value_text(self.name, edge) for edge in edges)}"

    def ascending(self) -> str:
        """A sort: the smallest first."""
        return f"{self._before_a_colon()}:asc"

    def descending(self) -> str:
        """A sort: the largest first."""
        return f"{self._before_a_colon()}:desc"

    def _before_a_colon(self) -> str:
        if ":" in self.name:
            raise InvalidArgument(f"Field {self.name!r}: facets and sorts cannot say a name with a colon.")
        return self.name

    def __repr__(self) -> str:
        return f"Field({self.name!r})"


def value_text(field: str, value: Value) -> str:
    """The value as filters write it. Raises InvalidArgument for one that would be read as something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        if not math.isfinite(value):
            raise InvalidArgument(f"Field {field!r}: {value} is no finite number.")
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else str(value)
    if not isinstance(value, str):
        raise InvalidArgument(f"Field {field!r}: a value is a text, a number or a boolean, not {type(value).__name__}.")
    if not value or value != value.strip() or value == "*" or "|" in value:
        raise InvalidArgument(
            f"Field {field!r}: {value!r} cannot be said in a filter: values are not empty, have no | in them, "
            "do not begin or end with a space, and are not *."
        )
    return value
