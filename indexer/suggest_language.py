"""The language of the texts, by their commonest words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from multirecall.indexer.field_stats import FieldStats

__all__ = ["suggest_language"]

_WORDS: Mapping[str, str] = {
    "english": "the and with for of to from your is this that on you are by it or can",
    "german": "und der die das mit für von ist ein eine auf zu den im sie nicht aus dem",
    "french": "le les des et pour avec une est dans du vous sur au aux votre ce qui par",
    "spanish": "el los las para con una del es por su más como este que al lo muy",
    "italian": "il gli per con una del della di che dei alla nel più sono delle",
    "dutch": "de het een en van met voor is op zijn dat te aan niet uw deze naar bij",
    "portuguese": "os as para com uma do da em não por mais dos das seu sua",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_MIN_HITS = 30


def suggest_language(stats: Mapping[str, FieldStats], names: Sequence[str]) -> tuple[str, str]:
    """(language, why). English unless another language's words are clearly more frequent."""
    texts = (v.lower() for name in names if name in stats for v in stats[name].values if isinstance(v, str))
    words = Counter(word for text in texts for word in _WORD.findall(text[:2_000]))
    hits = {language: sum(words[w] for w in known) for language, known in _SETS.items()}
    best = max(hits, key=lambda language: (hits[language], language == "english"))
    if best != "english" and (hits[best] < _MIN_HITS or hits[best] < 1.5 * hits["english"]):
        best = "english"
    if hits[best] < _MIN_HITS:
        return "english", "the default: the texts hold too few common words to tell"
    return best, f"{hits[best]:,} of its common words in the sample"
