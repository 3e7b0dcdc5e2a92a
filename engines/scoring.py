"""The lexical score that all engines give, and its numbers: one definition, computed as each engine can.

    Score(p) = sum over distinct words w of best(s(w, title, p), s(w, brand, p), …, and the code spelt like w, if any)
             + sum over the other codes c of s(c, p)

    best(a, b, …)  = max + TIE_BREAKER * (sum - max)
    s(w, f, p)     = boost_f * idf(df_w) * tf / (tf + K1 * (1 - B + B * length_f(p) / mean length_f))
    s(c, p)        = boost_codes * share(c) * idf(df_c) / (1 + K1 * (1 - B + B / mean number of codes))
    idf(df)        = ln(1 + (N - df + 0.5) / (df + 0.5))

`df_w` is the largest number of products that hold the word in one of the searched fields: a word must not weigh more
in the field in which it is rare by chance ("cross fields"). A code counts once, however many codes a product has.
BM25 as in Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework", with Lucene's idf, which is never
negative. Fields of boost 0 are left out. The shape and the numbers were chosen on judged queries
(`docs/results/lexical-shape.md`).
"""

from __future__ import annotations

from multirecall.engines.analysis import split_words, stem
from multirecall.engines.base import Text

__all__ = ["K1", "MAX_WORDS", "PLAIN_CODE_SHARE", "TIE_BREAKER", "B", "code_share", "is_common", "sought"]

K1 = 1.2
B = 0.75

TIE_BREAKER = 0.05
"""Share of the score of a word's other fields that is added to its best one."""

PLAIN_CODE_SHARE = 0.25
"""What a code without a digit scores against one with: `usbc` must find USB-C, but `ups` is a word first."""

MAX_WORDS = 40
"""Different words, and codes, of a text that are looked for: nobody types so many, and OpenSearch refuses more than
1,024 clauses. Further ones are not found and do not count for `min_match` either."""


COMMON_WORD_SHARE = 0.001
COMMON_WORD_MIN = 20
"""A word that at least this share of the products hold, and at least so many, is no typo. Engines whose capability
`spares_common_words` is set look for nothing near it: on the Icecat queries nDCG@10 of typo-tolerant search rose from
.574 to .579 and its time fell to a third."""


def is_common(holding: int, n_products: int) -> bool:
    """Whether a word that `holding` of the products hold is too common to be a typo."""
    return holding >= max(COMMON_WORD_MIN, COMMON_WORD_SHARE * n_products)


def sought(clause: Text, language: str) -> tuple[dict[str, str], list[str]]:
    """What a clause looks for: its words, as typed (folded) by their stem, and its codes; each once, in order.

    "toner toners" is one word to look for, as the index holds it. No words if no text field has a boost, no codes
    if the codes have none.
    """
    boosts = clause.boosts
    words: dict[str, str] = {}
    if max(boosts.title, boosts.brand, boosts.category, boosts.description, boosts.attributes_text) > 0:
        for typed in split_words(clause.text):
            words.setdefault(stem(typed, language), typed)
            if len(words) == MAX_WORDS:
                break
    codes = [code for code in dict.fromkeys(clause.codes) if _is_unicode(code)] if boosts.codes > 0 else []
    return words, codes[:MAX_WORDS]


def code_share(code: str) -> float:
    """1 for a code with a digit, `PLAIN_CODE_SHARE` for one that looks like a word."""
    return 1.0 if any(char.isdigit() for char in code) else PLAIN_CODE_SHARE


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
