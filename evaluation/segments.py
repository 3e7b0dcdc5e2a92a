"""Queries cut into segments: by a column of their file, or by what can be seen in the text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from multirecall.core.codes import looks_like_part_number, normalise_code
from multirecall.core.errors import InvalidInput
from multirecall.core.language import guess_language
from multirecall.evaluation.queries import JudgedQuery

__all__ = ["DERIVED", "Segments", "default_segments", "segmented"]

Segments = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Query ids by family and value: `{"class": {"head": ("q1", …), …}, "length": {…}}`. A family need not hold all."""

_FREQUENCY_COLUMNS = ("frequency", "count", "searches", "volume", "n_searches")
_HEAD, _TORSO = 0.5, 0.8  # shares of all searches
_NOT_GIVEN = "(not given)"

_UNITS = """
mm cm m km in ft inch zoll g kg lb lbs oz ml cl l mb gb tb kb mbps gbps hz khz mhz ghz w kw wh kwh v va kva a ma ah
mah lm cd k p i dpi ppm rpm fps fsb btu port ports pin pins x er pack pcs pc piece pieces u he ways way
"""
_QUESTION_WORDS = """
how what which who whose why when where can could does do is are should will wie was welche welcher welches warum wo
wann kann comment quel quelle quels quelles pourquoi où cómo qué cuál dónde come quale perché hoe waarom waar
"""
_SENTENCE_WORDS = """
i i'm my me mine we our us you your it its he she they their them this these those that an the is are was am be has
have had do does did can cannot can't won't doesn't don't not and but or so because when while after before if from at
into over off out up down under near without through all too very more less any some something someone need want looking
stop keep make get put use know protect ich mein meine der die das ein eine und nicht brauche je mon ma mes le les un
une et pas besoin yo mi el los una necesito io mio il gli bisogno ik mijn het een niet nodig
"""
_LEAST_WORDS = 4  # of a need: "keep my phone dry" may be one, "the hobbit" is not

_SIZE = re.compile(r"\d+(?:\.\d+)?([a-z]*)")
_IS_UNIT, _BEGINS_QUESTION, _OF_SENTENCES = (
    frozenset(words.split()) for words in (_UNITS, _QUESTION_WORDS, _SENTENCE_WORDS)
)
_LONGEST_PREFIX = 3  # letters that are typed apart from the number they belong to: "lj 4250", not "office 2016"


def _part_number(query: JudgedQuery) -> str:
    words = query.text.split()
    codes = [normalise_code(word) for word in words]
    joined = ["".join(codes)] if len(words) == 2 and len(codes[0]) <= _LONGEST_PREFIX else []
    if any(looks_like_part_number(code) and not _is_size(code) for code in (*codes, *joined)):
        return "with a part number"
    alone = len(codes) == 1 and any(map(str.isdigit, codes[0])) and not _is_size(codes[0])
    return "with a part number" if alone else "without"


def _is_size(code: str) -> bool:
    found = _SIZE.fullmatch(code)
    return found is not None and (found[1] in _IS_UNIT or (not found[1] and len(code) < 5))


def _phrasing(query: JudgedQuery) -> str:
    words = [word.strip(".,!?\"'()").lower() for word in query.text.split()]
    if query.text.rstrip().endswith("?") or (len(words) >= 3 and words[0] in _BEGINS_QUESTION):
        return "question"
    return "need" if len(words) >= _LEAST_WORDS and not _OF_SENTENCES.isdisjoint(words) else "keywords"


def _length(query: JudgedQuery) -> str:
    n = len(query.text.split())
    return "1 word" if n <= 1 else "2 words" if n == 2 else "3-4 words" if n <= 4 else "5 words or more"


DERIVED: Mapping[str, tuple[Callable[[JudgedQuery], str], tuple[str, ...]]] = {
    "part_number": (_part_number, ("with a part number", "without")),
    "phrasing": (_phrasing, ("keywords", "need", "question")),
    "language": (lambda query: guess_language(query.text), ()),
    "length": (_length, ("1 word", "2 words", "3-4 words", "5 words or more")),
}
"""Families that are seen in the text, with the order of their values (those that are not named follow by name).

`part_number`: a word, or both words of a query like `lj 4250`, is written like a part number (`looks_like_part_number`)
and is not a number with a unit; or the only word holds a digit. `phrasing`: a question (ends in `?`, or three words or
more that begin with a question word), else a need (four words or more with an article, pronoun, conjunction or verb as
people use them in sentences), else keywords. `language`: see `guess_language`. `length`: words between white space.
"""


def default_segments(queries: Sequence[JudgedQuery]) -> tuple[str, ...]:
    """What is shown if nobody says: the column `class`, the frequency if there is a column for it, all of DERIVED."""
    columns = {name for query in queries for name in query.columns}
    frequency = ("frequency",) if columns.intersection(_FREQUENCY_COLUMNS) else ()
    return (*(("class",) if "class" in columns else ()), *frequency, *DERIVED)


def segmented(queries: Sequence[JudgedQuery], names: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The queries' ids by segment, for each family of `names`.

    A name is `frequency`, a column of the queries file (its values are the segments, by name), or one of DERIVED; a
    column wins over a derived family of the same name. `frequency` wants numbers in a column of that name (or count,
    searches, volume): head are the most frequent queries with which half of all searches are reached, torso those up to
    80 %, tail the rest; equally frequent ones stay together. Raises InvalidInput for an unknown name or a frequency
    that is no number.
    """
    columns = {name for query in queries for name in query.columns}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in dict.fromkeys(names):
        order: tuple[str, ...] = ()
        if name == "frequency" and columns.intersection(_FREQUENCY_COLUMNS):
            values, order = _bands(queries), ("head", "torso", "tail")
        elif name in columns:
            values = [query.columns.get(name, "").strip() or _NOT_GIVEN for query in queries]
        elif name in DERIVED:
            value_of, order = DERIVED[name]
            values = [value_of(query) for query in queries]
        else:
            known = ", ".join(sorted({*columns, *DERIVED}))
            raise InvalidInput(
                f"There is no segment {name!r}.",
                hint=f"Columns of the queries file and what is seen in the text: {known}; frequency needs a column.",
                field="segments",
            )
        qids: dict[str, list[str]] = {}
        for query, value in zip(queries, values, strict=True):
            qids.setdefault(value, []).append(query.qid)
        known_first = [*(value for value in order if value in qids), *sorted(set(qids) - set(order))]
        found[name] = {value: tuple(qids[value]) for value in known_first}
    return found


def _bands(queries: Sequence[JudgedQuery]) -> list[str]:
    numbers = [_frequency(query) for query in queries]
    total = sum(numbers)
    band_of: dict[float, str] = {}
    before = 0.0
    for number, group in groupby(sorted(numbers, reverse=True)):
        share = before / total if total else 1.0
        band_of[number] = "head" if share < _HEAD else "torso" if share < _TORSO else "tail"
        before += sum(group)
    return [band_of[number] for number in numbers]


def _frequency(query: JudgedQuery) -> float:
    text = next((query.columns[name] for name in _FREQUENCY_COLUMNS if name in query.columns), "")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise InvalidInput(
            f"The frequency of query {query.qid!r} is {text!r}, not a number of searches.",
            hint="Fill the column in, or leave frequency out of --segments.",
            field="segments",
        )
    return number
