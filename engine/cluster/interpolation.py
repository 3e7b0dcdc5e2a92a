"""Variables in compose files: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?error}`, `${NAME:+other}`, `$$`.

The rules are those of the Compose specification (chapter "Interpolation"): the forms without a colon look at whether
the variable is set, those with one also at whether it is empty; what follows the operator may hold variables itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidComposeFile

__all__ = ["interpolated", "interpolated_tree"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")


def interpolated(text: str, variables: Mapping[str, str], *, on_unset: Callable[[str], None] | None = None) -> str:
    """The text with its variables filled in. A variable that is not set is empty, as in Compose, and told `on_unset`.

    Raises:
        InvalidComposeFile: A `${` begins nothing that the specification knows, or a required variable is missing.
    """
    return _Interpolation(text, variables, on_unset).whole()


def interpolated_tree(
    value: Any, variables: Mapping[str, str], *, place: str = "", on_unset: Callable[[str], None] | None = None
) -> Any:
    """A YAML value with every text in it interpolated; keys stay as they are. An error names its place in the tree."""
    if isinstance(value, str):
        try:
            return interpolated(value, variables, on_unset=on_unset)
        except InvalidComposeFile as error:
            raise InvalidComposeFile(f"{place}: {error.message}", hint=error.hint, **error.data) from error
    if isinstance(value, dict):
        return {
            key: interpolated_tree(each, variables, place=f"{place}.{key}".lstrip("."), on_unset=on_unset)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [
            interpolated_tree(each, variables, place=f"{place}[{number}]", on_unset=on_unset)
            for number, each in enumerate(value)
        ]
    return value


class _Interpolation:
    """One pass over one text, from left to right.

    `is_skipping` is on inside a branch that is not taken: its end is looked for, and nobody misses its variables.
    """

    def __init__(
        self,
        text: str,
        variables: Mapping[str, str],
        on_unset: Callable[[str], None] | None,
        *,
        is_skipping: bool = False,
    ) -> None:
        self._text = text
        self._variables = variables
        self._on_unset = on_unset
        self._is_skipping = is_skipping

    def whole(self) -> str:
        filled, end = self._until_end(0, closing=False)
        if end != len(self._text):
            raise AssertionError("unreachable: only a closing brace ends the text early")
        return filled

    def _until_end(self, start: int, *, closing: bool) -> tuple[str, int]:
        """What is filled in from `start` on, and where it ended: at the text's end or, if `closing`, at its `}`."""
        parts: list[str] = []
        at = start
        while at < len(self._text):
            character = self._text[at]
            if closing and character == "}":
                return "".join(parts), at
            if character != "$":
                parts.append(character)
                at += 1
                continue
            part, at = self._variable(at)
            parts.append(part)
        if closing:
            raise self._fault("a brace is not closed")
        return "".join(parts), at

    def _variable(self, dollar: int) -> tuple[str, int]:
        after = dollar + 1
        if self._text.startswith("$", after):
            return "$", after + 1
        braced = self._text.startswith("{", after)
        match = _NAME.match(self._text, after + braced)
        if match is None:
            if braced:
                raise self._fault("no name stands in the braces")
            return "$", after  # as the reference implementation does: a lone dollar sign is one
        if not braced:
            return self._plain(match[0]), match.end()
        if self._text.startswith("}", match.end()):
            return self._plain(match[0]), match.end() + 1
        operator = next((each for each in _OPERATORS if self._text.startswith(each, match.end())), None)
        if operator is None:
            raise self._fault(f"{match[0]!r} is followed by an unknown operator")
        begin = match.end() + len(operator)
        return self._with_operator(match[0], operator, begin)

    def _with_operator(self, name: str, operator: str, begin: int) -> tuple[str, int]:
        value = self._variables.get(name)
        there = bool(value) if operator.startswith(":") else value is not None
        is_taken = there == operator.endswith("+")
        branch = self
        if not is_taken and not self._is_skipping:
            branch = _Interpolation(self._text, self._variables, None, is_skipping=True)
        other, end = branch._until_end(begin, closing=True)
        if operator.endswith("?") and not there and not self._is_skipping:
            raise InvalidComposeFile(f"Variable {name} is missing: {other or 'it is required'}.", field=name)
        if is_taken:
            return other, end + 1
        return ("" if operator.endswith("+") else value or ""), end + 1

    def _plain(self, name: str) -> str:
        value = self._variables.get(name)
        if value is None and self._on_unset is not None and not self._is_skipping:
            self._on_unset(name)
        return value or ""

    def _fault(self, what: str) -> InvalidComposeFile:
        return InvalidComposeFile(
            f"{self._text!r} cannot be read: {what}.", hint="Write $$ for a dollar sign.", text=self._text
        )
