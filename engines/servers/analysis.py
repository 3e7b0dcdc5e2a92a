"""Analysis settings: `engines/analysis.py` said with the servers' own analysers.

Only filters of the official distributions, so the settings are the same for the official images and for a server
started from its Maven artifacts.
"""

from __future__ import annotations

from typing import Any

from multirecall.engines.schema import LANGUAGES
from multirecall.engines.scoring import K1, B

__all__ = ["TEXT_ANALYZER", "TEXT_SIMILARITY", "analysis_settings"]

TEXT_ANALYZER = "product_text"
TEXT_SIMILARITY = "product_bm25"

_STEMMERS = {language: language for language in LANGUAGES if language != "none"} | {
    "english": "porter2",  # the servers' "english" is the first Porter stemmer; this is Snowball's, as in `exact`
}


def analysis_settings(language: str) -> dict[str, Any]:
    """The `analysis` and `similarity` blocks of the index settings."""
    filters = ["lowercase", "product_marks", "product_parts", "asciifolding"]
    custom: dict[str, Any] = {
        # An accent written as a character of its own ("e" and U+0301) is no letter that folding knows.
        "product_marks": {"type": "pattern_replace", "pattern": "\\p{M}+", "replacement": ""},
        # The standard tokenizer keeps "19.5v", "usb3.0" and "a_b" whole; product texts need their parts.
        "product_parts": {
            "type": "word_delimiter_graph",
            "split_on_case_change": False,
            "split_on_numerics": False,
            "stem_english_possessive": True,
        },
    }
    if language != "none":
        custom["product_stemmer"] = {"type": "stemmer", "language": _STEMMERS[language]}
        filters.append("product_stemmer")
    return {
        "analysis": {
            "filter": custom,
            "analyzer": {TEXT_ANALYZER: {"type": "custom", "tokenizer": "standard", "filter": filters}},
        },
        "similarity": {TEXT_SIMILARITY: {"type": "BM25", "k1": K1, "b": B}},
    }
