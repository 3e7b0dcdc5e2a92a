"""Knowledge: recognises a concept's wording in a query and says what to ask the shop for instead."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import snowballstemmer

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.dictionary import words_of
from multirecall.recall.rewriters.knowledge import Concept

__all__ = ["Knowledge"]

_STOP_TEXT = """
a about after all am an and any are as at be because been but by can could d did do does for from get gets getting go
goes had has have he her him his how i if in into is it its just keep keeps let like ll make makes me my need needs of
off on one or our out own put s set she should so some something somebody someone t that the their them then there these
they thing things this those to too up us use used using ve very want was way we were what when where which while who
will with would you your m re
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_NEGATIONS = "no not non without never nobody nothing none stop avoid t dont doesnt isnt"
_ALTERNATIVES = """
alternative alternatives instead cheaper cheap cheapest than like replace replacement replacing substitute generic
similar another other budget affordable less save brand make not equivalent rival expensive better
"""
_SIGNS = {"negation": frozenset(_NEGATIONS.split()), "alternative": frozenset(_ALTERNATIVES.split())}
"""Words of which one must be in the query, for concepts of that kind, unless a wording is there in full."""
_REFUSALS = frozenset({"no", "not", "without", "never", "instead", "altern", "cheaper", "cheap", "like", "better"})
_UNIT_TEXT = "inch in cm mm m gb tb mb w v hz mah g kg ml l x port"
_UNITS = frozenset(_UNIT_TEXT.split())
_SAME = {
    "laptop": "notebook", "notebook": "notebook", "macbook": "notebook", "pc": "computer", "desktop": "computer",
    "tv": "television", "telly": "television", "display": "screen", "monitor": "screen", "wifi": "internet",
    "photo": "picture", "photograph": "picture", "image": "picture", "cell": "phone", "mobile": "phone",
    "smartphone": "phone", "iphone": "phone", "cord": "cable", "wire": "cable", "lead": "cable", "beamer": "projector",
    "kid": "child", "kids": "child", "children": "child", "earphones": "headphones", "earbuds": "headphones",
    "paper": "paper", "papers": "paper", "documents": "paper", "colleagues": "colleague", "films": "film",
    "movie": "film", "movies": "film", "songs": "music", "tunes": "music", "noisy": "noise", "loud": "noise",
    "silent": "quiet", "quietly": "quiet", "silently": "quiet", "electricity": "power", "stolen": "steal",
    "theft": "steal", "thieves": "steal", "hurts": "pain", "hurt": "pain", "aches": "pain", "ache": "pain",
    "sore": "pain", "aching": "pain", "stream": "streaming", "travelling": "travel", "traveling": "travel",
    "trip": "travel", "journey": "travel", "overheats": "hot", "overheating": "hot", "heat": "hot", "warm": "hot",
    "connect": "connect", "plug": "connect", "hook": "connect", "attach": "connect",
}  # fmt: skip
_LEAST = 0.3
_WELL_KNOWN = 0.9
_KEYWORDS = 3  # so many words and no little one among them name a product rather than a need
_PER_CONCEPT = 4
_MOST = 4
_UNHEARD = 0.6  # weight of a query's word that no concept has, in shares of the heaviest: a name, or another subject

_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    stem: str = _stemmer.stemWord(_SAME.get(word, word))
    return _SAME.get(stem, stem)


def _content(text: str) -> tuple[str, ...]:
    """The stems of a text's words that say something, in order, each once. Numbers and units say nothing of a need."""
    words = (word for word in words_of(text) if word not in _STOP_WORDS and word not in _UNITS)
    return tuple(dict.fromkeys(_stem(word) for word in words if not word[0].isdigit()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Wording:
    concept: int
    stems: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The rewriter over concepts; those said first win where two fit as well.

    A wording fits a query by the weights of their common words against those of each: rare words weigh more, words of
    the concept's other wordings count half. It must share two words with the query, or be one word as the query is. Of
    three words or fewer without a little one (`hdmi cable`) only the whole counts: they mostly name a product. Answers
    with what up to two concepts find, the better one first.
    """

    concepts: tuple[Concept, ...]
    fingerprint: str = field(init=False)
    _weights: Mapping[str, float] = field(init=False, repr=False, compare=False)
    _wordings: Sequence[_Wording] = field(init=False, repr=False, compare=False)
    _by_stem: Mapping[str, Sequence[int]] = field(init=False, repr=False, compare=False)
    _all_stems: Sequence[frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        all_stems = [frozenset(s for text in concept.say for s in _content(text)) for concept in self.concepts]
        counts = Counter(stem for stems in all_stems for stem in stems)
        n = len(self.concepts)
        weights = {stem: math.log((n + 1) / (count + 0.5)) for stem, count in counts.items()}
        wordings: list[_Wording] = []
        by_stem: dict[str, list[int]] = defaultdict(list)
        for number, concept in enumerate(self.concepts):
            for text in concept.say:
                stems = frozenset(_content(text))
                for stem in stems:
                    by_stem[stem].append(len(wordings))
                wordings.append(_Wording(concept=number, stems=stems, weight=sum(weights[s] for s in stems)))
        told = (text for c in self.concepts for text in (c.kind, c.key, str(len(c.say)), *c.say, *c.find))
        for name, value in (
            ("fingerprint", joined_fingerprint(("knowledge 1", *told))),
            ("_weights", weights),
            ("_wordings", tuple(wordings)),
            ("_by_stem", dict(by_stem)),
            ("_all_stems", tuple(all_stems)),
        ):
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        return "knowledge"

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """Best first, four at most; empty if no concept's wording is in the query."""
        own = " ".join(words_of(query.text))
        found: dict[str, Rewriting] = {}
        for number, score, heard in self._fitting(query.text)[:2]:
            concept = self.concepts[number]
            for rank, text in enumerate(concept.find[:_PER_CONCEPT]):
                if " ".join(words_of(text)) == own:
                    continue
                confidence = _WELL_KNOWN * score * 0.9**rank
                said = f"{concept.kind}.{concept.key} ({', '.join(sorted(heard))})"
                rewriting = Rewriting(text=text, by=self.name, confidence=confidence, log=(said,))
                if text not in found or found[text].confidence < confidence:
                    found[text] = rewriting
        return tuple(sorted(found.values(), key=lambda one: -one.confidence))[:_MOST]

    def _fitting(self, text: str) -> list[tuple[int, float, frozenset[str]]]:
        """Concepts, how well they fit (0 to 1) and by which stems: those near the best one, best first."""
        stems = frozenset(_content(text))
        if not stems or not self._weights:
            return []
        words = frozenset(words_of(text))
        is_short = len(words) <= _KEYWORDS and words.isdisjoint(_STOP_WORDS) and words.isdisjoint(_REFUSALS)
        silent = {kind for kind, signs in _SIGNS.items() if signs.isdisjoint(words)}
        unheard = _UNHEARD * max(self._weights.values())
        weights = {stem: self._weights.get(stem, unheard) for stem in stems}
        whole = sum(weights.values())
        best: dict[int, tuple[float, frozenset[str]]] = {}
        for at in {at for stem in stems for at in self._by_stem.get(stem, ())}:
            wording = self._wordings[at]
            common = wording.stems & stems
            if len(common) < 2 and (len(stems) > 1 or len(wording.stems) > 1):
                continue
            in_full = len(common) == len(wording.stems)
            if is_short and not (in_full and len(common) == len(stems)):
                continue
            if common <= _REFUSALS or (self.concepts[wording.concept].kind in silent and not in_full):
                continue
            heard = sum(weights[stem] for stem in common)
            also = sum(weights[stem] for stem in (self._all_stems[wording.concept] & stems) - common)
            precision = (heard + 0.5 * also) / whole
            recall = heard / wording.weight
            score = 2 * precision * recall / (precision + recall)
            if score > best.get(wording.concept, (0.0, common))[0]:
                best[wording.concept] = (min(score, 1.0), common)
        ranked = sorted(((c, score, common) for c, (score, common) in best.items()), key=lambda one: (-one[1], one[0]))
        if not ranked or ranked[0][1] < _LEAST:
            return []
        return [one for one in ranked if one[1] >= max(_LEAST, 0.8 * ranked[0][1])]
