"""Our analysis plugin for Elasticsearch against the official analysis module, which OpenSearch brings.

Both come from one code base, so the same settings must give the same tokens, positions and offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.engines import delete_indices, http_address

pytestmark = pytest.mark.integration

TEXT = "L'eau Wi-Fi PowerShot's running foxes café TV 500-42 the fridge a>b <b>x</b> & Straße,x ２ new york city"

STEMMERS = [
    "arabic",
    "armenian",
    "basque",
    "bengali",
    "brazilian",
    "bulgarian",
    "catalan",
    "czech",
    "danish",
    "dutch",
    "english",
    "light_english",
    "lightEnglish",
    "minimal_english",
    "possessive_english",
    "porter",
    "porter2",
    "estonian",
    "finnish",
    "light_finnish",
    "french",
    "light_french",
    "minimal_french",
    "galician",
    "minimal_galician",
    "german",
    "german2",
    "light_german",
    "minimal_german",
    "greek",
    "hindi",
    "hungarian",
    "light_hungarian",
    "indonesian",
    "irish",
    "italian",
    "light_italian",
    "latvian",
    "lithuanian",
    "norwegian",
    "light_norwegian",
    "minimal_norwegian",
    "portuguese",
    "light_portuguese",
    "minimal_portuguese",
    "portuguese_rslp",
    "romanian",
    "russian",
    "light_russian",
    "spanish",
    "light_spanish",
    "sorani",
    "swedish",
    "light_swedish",
    "turkish",
]

FILTERS: dict[str, dict[str, Any]] = {
    "folding": {"type": "asciifolding", "preserve_original": True},
    "delimiter": {"type": "word_delimiter_graph", "preserve_original": True, "catenate_all": True},
    "delimiter_plain": {"type": "word_delimiter_graph", "split_on_numerics": False, "generate_word_parts": False},
    "delimiter_types": {"type": "word_delimiter_graph", "type_table": ["- => ALPHANUM", "\\u002C => ALPHA"]},
    "delimiter_protected": {"type": "word_delimiter_graph", "protected_words": ["Wi-Fi"]},
    "synonyms": {
        "type": "synonym_graph",
        "synonyms": ["tv, television", "fridge => refrigerator", "nyc, new york city"],
    },
    "synonyms_flat": {"type": "synonym", "synonyms": ["tv, television"], "expand": False},
    "synonyms_lenient": {"type": "synonym_graph", "synonyms": ["tv, telly"], "lenient": True},
    "edges": {"type": "edge_ngram", "min_gram": 2, "max_gram": 5, "preserve_original": True},
    "edges_back": {"type": "edge_ngram", "side": "back"},
    "grams": {"type": "ngram", "min_gram": 2, "max_gram": 3},
    "stop_words": {"type": "stop", "stopwords": "_english_"},
    "articles": {"type": "elision", "articles": ["l", "d"], "articles_case": True},
    "short": {"type": "length", "min": 2, "max": 4},
    "once": {"type": "unique"},
    "once_here": {"type": "unique", "only_on_same_position": True},
    "numbers": {"type": "pattern_replace", "pattern": "(\\d+)", "replacement": "<$1>", "all": False},
    "captured": {"type": "pattern_capture", "patterns": ["([a-z]+)-"], "preserve_original": False},
    "pairs": {"type": "shingle"},
    "overrides": {"type": "stemmer_override", "rules": ["running, foxes => run"]},
    "cut": {"type": "truncate", "length": 3},
    "first": {"type": "limit", "max_token_count": 4},
    "kept": {"type": "keep", "keep_words": ["TV", "café"], "keep_words_case": True},
    "snow": {"type": "snowball", "language": "German"},
    "turkish_lower": {"type": "lowercase", "language": "turkish"},
    **{f"stem_{language}": {"type": "stemmer", "language": language} for language in STEMMERS},
}

NAMED = [
    "asciifolding",
    "lowercase",
    "uppercase",
    "porter_stem",
    "kstem",
    "word_delimiter_graph",
    "ngram",
    "edge_ngram",
    "stop",
    "elision",
    "length",
    "unique",
    "flatten_graph",
    "trim",
    "shingle",
    "remove_duplicates",
    "keyword_repeat",
    "german_normalization",
    "german_stem",
    "snowball",
    "reverse",
    "truncate",
    "decimal_digit",
    "cjk_width",
    "scandinavian_folding",
    "scandinavian_normalization",
    "apostrophe",
    "classic",
    "limit",
    "stemmer",
    "arabic_normalization",
]

TOKENIZERS: dict[str, dict[str, Any]] = {
    "groups": {"type": "char_group", "tokenize_on_chars": ["whitespace", "-", "\\n", "punctuation"]},
    "commas": {"type": "pattern", "pattern": ",| "},
    "captures": {"type": "pattern", "pattern": "([a-z]+)", "group": 1, "flags": "CASE_INSENSITIVE"},
    "edges": {"type": "edge_ngram", "min_gram": 1, "max_gram": 3, "token_chars": ["letter", "digit"]},
    "grams": {"type": "ngram", "min_gram": 2, "max_gram": 3, "token_chars": ["custom"], "custom_token_chars": "abcf-"},
    "paths": {"type": "path_hierarchy", "delimiter": ">", "replacement": "/"},
    "paths_back": {"type": "path_hierarchy", "delimiter": ">", "reverse": True, "skip": 1},
    "words": {"type": "whitespace", "max_token_length": 5},
    **{name: {"type": name} for name in ("keyword", "letter", "classic", "uax_url_email", "pattern")},
}

CHAR_FILTERS: dict[str, dict[str, Any]] = {
    "mapped": {"type": "mapping", "mappings": ["& => \\u0020and\\u0020", "ß => ss", "> =>"]},
    "no_hyphen": {"type": "pattern_replace", "pattern": "-", "replacement": ""},
    "html": {"type": "html_strip", "escaped_tags": ["b"]},
}

LANGUAGES = [
    "arabic",
    "armenian",
    "basque",
    "bengali",
    "brazilian",
    "bulgarian",
    "catalan",
    "cjk",
    "czech",
    "danish",
    "dutch",
    "english",
    "estonian",
    "finnish",
    "french",
    "galician",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "latvian",
    "lithuanian",
    "norwegian",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "sorani",
    "spanish",
    "swedish",
    "thai",
    "turkish",
    "keyword",
    "simple",
    "stop",
    "whitespace",
    "standard",
]


ANALYZERS: dict[str, dict[str, Any]] = {
    **{f"f_{name}": {"type": "custom", "tokenizer": "whitespace", "filter": [name]} for name in FILTERS},
    **{f"l_{name}": {"type": "custom", "tokenizer": "whitespace", "filter": ["lowercase", name]} for name in FILTERS},
    **{f"n_{name}": {"type": "custom", "tokenizer": "whitespace", "filter": [name]} for name in NAMED},
    **{f"t_{name}": {"type": "custom", "tokenizer": name} for name in TOKENIZERS},
    **{f"c_{name}": {"type": "custom", "tokenizer": "whitespace", "char_filter": [name]} for name in CHAR_FILTERS},
    "chain": {
        "type": "custom",
        "tokenizer": "whitespace",
        "char_filter": ["html_strip"],
        "filter": ["delimiter", "lowercase", "flatten_graph", "asciifolding", "stem_english"],
    },
    "synonyms_after_folding": {
        "type": "custom",
        "tokenizer": "standard",
        "filter": ["lowercase", "folding", "synonyms", "stem_english"],
    },
    "own_english": {"type": "english", "stopwords": ["foxes"], "stem_exclusion": ["running"]},
}

NORMALIZERS = {
    "sort": {"type": "custom", "char_filter": ["mapped", "no_hyphen"], "filter": ["lowercase", "asciifolding", "trim"]}
}


class Analysis:
    """One index on one server that holds every component under test."""

    def __init__(self, url: str, index: str) -> None:
        self._client = httpx.Client(base_url=http_address(url), timeout=60.0, trust_env=False)
        self._index = index
        analysis = {
            "filter": FILTERS,
            "tokenizer": TOKENIZERS,
            "char_filter": CHAR_FILTERS,
            "analyzer": ANALYZERS,
            "normalizer": NORMALIZERS,
        }
        created = self._client.put(f"/{index}", json={"settings": {"number_of_replicas": 0, "analysis": analysis}})
        assert created.status_code == 200, created.text

    def tokens(self, **request: Any) -> list[dict[str, Any]]:
        answer = self._client.post(f"/{self._index}/_analyze", json={"text": TEXT, **request})
        assert answer.status_code == 200, answer.text
        tokens: list[dict[str, Any]] = answer.json()["tokens"]
        return tokens

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def both(elasticsearch_url: str, opensearch_url: str) -> Iterator[tuple[Analysis, Analysis]]:
    index = "t_analysis_module"
    for url in (elasticsearch_url, opensearch_url):
        delete_indices(url, index)
    pair = Analysis(elasticsearch_url, index), Analysis(opensearch_url, index)
    yield pair
    for analysis, url in zip(pair, (elasticsearch_url, opensearch_url), strict=True):
        analysis.close()
        delete_indices(url, index)


@pytest.mark.parametrize("name", [*ANALYZERS, *LANGUAGES])
def test_analyzer_when_given_the_same_settings_then_the_same_tokens(both: tuple[Analysis, Analysis], name: str) -> None:
    ours, official = (each.tokens(analyzer=name) for each in both)
    assert ours == official


def test_normalizer_when_given_the_same_settings_then_the_same_term(both: tuple[Analysis, Analysis]) -> None:
    ours, official = (each.tokens(normalizer="sort", text=" Café-12 & Straße ") for each in both)
    assert ours == official
    assert [token["token"] for token in ours] == ["cafe12  and  strasse"]


def test_chain_when_used_for_products_then_part_numbers_and_words_are_found(both: tuple[Analysis, Analysis]) -> None:
    terms = {token["token"] for token in both[0].tokens(analyzer="chain", text="Cafés <b>WH-1000XM4</b>")}
    assert {"cafe", "wh-1000xm4", "wh1000xm4", "wh", "1000"} <= terms


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "stemmer", "language": "klingon"}, "klingon"),
        ({"type": "pattern_replace"}, "pattern"),
        ({"type": "synonym_graph"}, "synonyms"),
        ({"type": "edge_ngram", "side": "top"}, "invalid side"),
        ({"type": "ngram", "min_gram": 1, "max_gram": 9}, "max_ngram_diff"),
        ({"type": "stemmer_override", "rules": ["a, b"]}, "a, b"),
        ({"type": "truncate"}, "length"),
        ({"type": "no_such_filter"}, "no_such_filter"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_filter_when_settings_are_wrong_then_creating_the_index_fails(
    elasticsearch_url: str, index_prefix: str, settings: dict[str, Any], message: str
) -> None:
    analyzer = {"type": "custom", "tokenizer": "whitespace", "filter": ["wrong"]}
    analysis = {"filter": {"wrong": settings}, "analyzer": {"a": analyzer}}
    answer = httpx.put(
        f"{http_address(elasticsearch_url)}/{index_prefix}_wrong", json={"settings": {"analysis": analysis}}
    )
    assert answer.status_code == 400
    assert message in answer.text
