"""Rewriters by specification: names joined by commas, in the order of their work.

| name | role | needs |
|---|---|---|
| `units` | repair: sizes in one form | nothing |
| `spelling` | repair: words that the catalogue does not know | the folder of `multirecall rewriters build` |
| `compounds` | repair: words apart or in one, part numbers in pieces | the same |
| `synonyms` | the user's file, what was mined, a list of the trade | nothing; the same makes it better |
| `languages` | German, French, Spanish, Italian and Dutch words in English | nothing; the same helps it |
| `knowledge` | needs, scenes and slang read as what answers them | nothing; a file of the user adds to it |
| `parts` | a need of several parts taken apart | the folder; a file of the user's concepts adds to it |
| `model:…` | a language model; all behind the colon is its own, so it comes last | the extra `models`, or an address |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.artefact import holds_vocabulary, read_vocabulary
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.vocabulary import Vocabulary
from multirecall.recall.rewriting import Rewriter

if TYPE_CHECKING:
    from multirecall.recall.rewriters.knowledge import Concept

__all__ = ["REWRITER_KINDS", "RewriterKind", "RewriterOpening", "open_rewriters"]

NO_VOCABULARY = Vocabulary(words={})


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriterOpening:
    """What a rewriter is opened with: its part of the specification, and what the caller settles for the process.

    `argument` is what follows the colon. `folder` is the artefact of `multirecall rewriters build`, `vocabulary` what
    was read from it, once for all (empty for kinds that do not need it); `synonyms` and
    `knowledge` are files of the user. `known_words` are those of other languages: no spelling touches them.
    `resources` holds what only some rewriters want, as a connection to Redis, by name.
    """

    name: str
    argument: str = ""
    folder: Path | None = None
    vocabulary: Vocabulary = NO_VOCABULARY
    synonyms: Path | None = None
    knowledge: Path | None = None
    language: str = "english"
    known_words: Set[str] = frozenset()
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriterKind:
    """One kind of rewriter. `repair`: it mends the text, others offer another one beside it.

    `takes_rest`: everything behind its colon is its own, commas too; it can only be the last. `needs_folder`: without
    the artefact it has nothing to say, so that it is left out with a note. `is_model`: as `Rewriter.is_model`.
    """

    open: Callable[[RewriterOpening], Rewriter]
    repair: bool = False
    needs_folder: bool = False
    takes_rest: bool = False
    is_model: bool = False
    argument: str = ""


def open_rewriters(
    spec: str,
    *,
    folder: Path | None = None,
    synonyms: Path | None = None,
    knowledge: Path | None = None,
    language: str = "english",
    n: int = 4,
    resources: Mapping[str, Any] = MappingProxyType({}),
    with_models: bool = True,
) -> RewriteChain:
    """The chain that `spec` names, e.g. `units,spelling,languages,model:NAME`; an empty one holds no rewriter.

    Without `with_models` it is what `RewriteChain.without_models` leaves of it, and no model is loaded.
    Reads the artefact and the files, and may load a model. A kind that learns from the catalogue is left out, with a
    note, where nothing was learned yet. Raises InvalidSettings for a name that is not known or comes
    twice, and for a file or folder that cannot be used.
    """
    chosen = _parsed(spec)
    learned = folder is not None and holds_vocabulary(folder)
    vocabulary = NO_VOCABULARY
    if folder is not None and learned and chosen:
        vocabulary = read_vocabulary(folder)
    repairs: list[Rewriter] = []
    alternatives: list[Rewriter] = []
    notes: list[str] = []
    for name, argument in chosen.items():
        kind = REWRITER_KINDS[name]
        if kind.is_model and not with_models:
            continue
        if kind.needs_folder and not learned:
            notes.append(
                f"The rewriter {name!r} is left out: it learns from the catalogue. Run `multirecall rewriters build`"
                + (f" (there is nothing in {folder})." if folder else " and set rewriter_dir.")
            )
            continue
        opened = kind.open(
            RewriterOpening(
                name=name,
                argument=argument,
                folder=folder,
                vocabulary=vocabulary,
                synonyms=synonyms,
                knowledge=knowledge,
                language=language,
                known_words=_words_of_languages() if "languages" in chosen else frozenset(),
                resources=resources,
            )
        )
        (repairs if kind.repair else alternatives).append(opened)
    return RewriteChain(repairs=tuple(repairs), alternatives=tuple(alternatives), n=n, notes=tuple(notes))


def _parsed(spec: str) -> dict[str, str]:
    """The arguments by name, in the order of the specification."""
    chosen: dict[str, str] = {}
    rest = spec.strip()
    while rest:
        part, _, after = rest.partition(",")
        name, _, argument = part.strip().partition(":")
        kind = REWRITER_KINDS.get(name)
        if kind is None:
            raise InvalidSettings(
                f"There is no rewriter {name!r} (in {spec!r}).",
                hint=f"Rewriters: {', '.join(REWRITER_KINDS) or 'none'}.",
                field="rewriters",
            )
        if kind.takes_rest:
            argument, after = rest.partition(":")[2].strip(), ""
        if bool(argument) != bool(kind.argument):
            wanted = f"wants {kind.argument} behind a colon" if kind.argument else f"takes no {argument!r}"
            raise InvalidSettings(f"The rewriter {name!r} {wanted} (in {spec!r}).", field="rewriters")
        if name in chosen:
            raise InvalidSettings(f"The rewriter {name!r} comes twice in {spec!r}.", field="rewriters")
        chosen[name] = argument
        rest = after.strip()
    return chosen


# The imports stand in the functions: opening one kind must not load what the others need.


def _open_units(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.units import Units

    return Units()


def _open_spelling(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.spelling import Spelling

    return Spelling(vocabulary=opening.vocabulary, known_words=opening.known_words)


def _open_compounds(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.compounds import Compounds

    return Compounds(vocabulary=opening.vocabulary, known_words=opening.known_words)


def _open_synonyms(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.synonym_rules import SynonymFile, SynonymRules
    from multirecall.recall.rewriters.synonyms import Synonyms, mined_rules, trade_rules

    return Synonyms(
        user=SynonymFile(opening.synonyms) if opening.synonyms else None,
        mined=mined_rules(opening.folder) if opening.folder else SynonymRules(),
        trade=trade_rules(),
        vocabulary=opening.vocabulary if opening.vocabulary.words else None,
    )


def _words_of_languages() -> Set[str]:
    from multirecall.recall.rewriters.languages import known_words

    return known_words()


def _open_languages(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.dictionary import LANGUAGES
    from multirecall.recall.rewriters.languages import Languages

    often = max(10, opening.vocabulary.n_products // 2_000)
    return Languages(
        languages=LANGUAGES if opening.language == "english" else (),  # the names are those of an English catalogue
        brands=frozenset(opening.vocabulary.brands),
        catalogue=frozenset(word for word, count in opening.vocabulary.folded.items() if count >= often),
    )


def _open_knowledge(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.knowing import Knowledge

    return Knowledge(concepts=_concepts(opening))


def _open_parts(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.parts import Parts

    return Parts(concepts=_concepts(opening), vocabulary=opening.vocabulary)


def _concepts(opening: RewriterOpening) -> tuple[Concept, ...]:
    from multirecall.recall.rewriters.knowledge import built_in_concepts, load_concepts

    return (*(load_concepts(opening.knowledge) if opening.knowledge else ()), *built_in_concepts())


def _open_model(opening: RewriterOpening) -> Rewriter:
    from multirecall.recall.rewriters.model import DEFAULT_REWRITES, ModelRewriter
    from multirecall.recall.rewriters.prompts import Prompt

    open_generator = opening.resources.get("generator")  # (argument, language): as the settings say, remembered
    if open_generator is None:
        from multirecall.recall.rewriters.hugging_face import open_hugging_face

        generator = open_hugging_face(opening.argument, prompt=Prompt(n=DEFAULT_REWRITES, language=opening.language))
    else:
        generator = open_generator(opening.argument, opening.language)
    return ModelRewriter(generator=generator, words=opening.vocabulary if opening.vocabulary.n_products else None)


REWRITER_KINDS: Mapping[str, RewriterKind] = MappingProxyType(
    {
        "units": RewriterKind(open=_open_units, repair=True),
        "spelling": RewriterKind(open=_open_spelling, repair=True, needs_folder=True),
        "compounds": RewriterKind(open=_open_compounds, repair=True, needs_folder=True),
        "synonyms": RewriterKind(open=_open_synonyms),
        "languages": RewriterKind(open=_open_languages),
        "knowledge": RewriterKind(open=_open_knowledge),
        "parts": RewriterKind(open=_open_parts, needs_folder=True),
        "model": RewriterKind(
            open=_open_model,
            takes_rest=True,
            is_model=True,
            argument="`endpoint`, `smollm2`, a folder, a .gguf file or owner/name",
        ),
    }
)
