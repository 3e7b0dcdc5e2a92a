"""Concepts: pieces of shopping knowledge (a need, a scene, slang) and what a shop is asked for instead, as a file.

One TOML table per kind, one row per concept:

    [question]
    screen_glare = { say = ["sun shines on my screen", …], find = ["anti-glare screen protector", …] }
"""

from __future__ import annotations

import json
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.core.rewriting import MAX_REWRITING_CHARS

__all__ = ["KINDS", "Concept", "built_in_concepts", "load_concepts", "parse_concepts", "write_concepts"]

KINDS = ("question", "negation", "alternative", "scene", "slang")
"""question: a need, a task or a symptom; negation: what is not wanted; alternative: something instead of a product;
scene: an occasion or a place; slang: words that no shop uses."""

_FIELDS = ("say", "find")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """`say`: wordings that do not name the product. `find`: short queries of a shop, each a type of product and its
    attributes, best first. `key` is unique in its kind."""

    key: str
    kind: str
    say: tuple[str, ...]
    find: tuple[str, ...]


def load_concepts(path: Path) -> tuple[Concept, ...]:
    """The concepts of a file, or of all `.toml` files of a folder, in their order.

    Raises InvalidInput that names file, key and field for what is no concept, and for a file that cannot be read.
    """
    paths = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not paths:
        raise InvalidInput(f"There is no .toml file in {path}.", hint=_HINT, field="knowledge")
    texts = []
    for one in paths:
        try:
            texts.append((str(one), one.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{one} cannot be read: {error}.", hint=_HINT, field="knowledge") from error
    return _without_repeats(concept for name, text in texts for concept in parse_concepts(text, name=name))


@cache
def built_in_concepts() -> tuple[Concept, ...]:
    """Those of this project: electronics, office, household (`data/knowledge`)."""
    folder = files(__package__) / "data" / "knowledge"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    return _without_repeats(
        concept for path in paths for concept in parse_concepts(path.read_text(encoding="utf-8"), name=path.name)
    )


def parse_concepts(text: str, *, name: str = "knowledge") -> tuple[Concept, ...]:
    """The concepts of a file's text; `name` is the file in errors. Raises InvalidInput as `load_concepts` does."""
    try:
        tables: Mapping[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{name} is no TOML: {error}.", hint=_HINT, field="knowledge") from error
    concepts = []
    for kind, rows in tables.items():
        if kind not in KINDS or not isinstance(rows, dict):
            raise InvalidInput(f"{name}: [{kind}] is no kind.", hint=f"Kinds: {', '.join(KINDS)}.", field=kind)
        for key, row in rows.items():
            concepts.append(_concept(name, kind, key, row))
    return tuple(concepts)


def write_concepts(concepts: Sequence[Concept], path: Path) -> None:
    """Writes a file that `load_concepts` reads as the same concepts, kind by kind."""
    lines: list[str | None] = []
    for kind in KINDS:
        rows = [concept for concept in concepts if concept.kind == kind]
        if rows:
            lines += ["" if lines else None, f"[{kind}]"]
        for concept in rows:
            lines.append(f"{_quoted(concept.key)} = {{ say = {_list(concept.say)}, find = {_list(concept.find)} }}")
    path.write_text("".join(f"{line}\n" for line in lines if line is not None), encoding="utf-8")


_HINT = 'A file of concepts: [question] key = { say = ["…"], find = ["…"] }.'


def _concept(name: str, kind: str, key: str, row: Any) -> Concept:
    where = f"{name}: {kind}.{key}"
    if not isinstance(row, dict) or set(row) != set(_FIELDS):
        fields = sorted(row) if isinstance(row, dict) else row
        raise InvalidInput(f"{where} needs the fields say and find, got {fields!r:.100}.", hint=_HINT, field=key)
    for field in _FIELDS:
        texts = row[field]
        if not isinstance(texts, list) or not texts or not all(_is_text(text) for text in texts):
            raise InvalidInput(
                f"{where}.{field} is a list of texts of 1 to {MAX_REWRITING_CHARS} characters, got {texts!r:.100}.",
                hint=_HINT,
                field=f"{key}.{field}",
            )
        if len(set(texts)) != len(texts):
            raise InvalidInput(f"{where}.{field} says the same twice.", hint="Remove one.", field=f"{key}.{field}")
    say, find = (tuple(unicodedata.normalize("NFC", " ".join(text.split())) for text in row[f]) for f in _FIELDS)
    return Concept(key=key, kind=kind, say=say, find=find)


def _is_text(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= MAX_REWRITING_CHARS and any(c.isalnum() for c in text)


def _without_repeats(concepts: Iterable[Concept]) -> tuple[Concept, ...]:
    """As they are. Raises InvalidInput for a key that comes twice in a kind (in two files)."""
    found: dict[tuple[str, str], Concept] = {}
    for concept in concepts:
        if (concept.kind, concept.key) in found:
            raise InvalidInput(f"{concept.kind}.{concept.key} comes twice.", hint="Rename one.", field=concept.key)
        found[(concept.kind, concept.key)] = concept
    return tuple(found.values())


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")  # a JSON string is a TOML string but for it
