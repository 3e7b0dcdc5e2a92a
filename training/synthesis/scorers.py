"""The two judges of a candidate: B, learned from labelled pairs by words and ranks; S, a general model of meaning.

They look at different things, so that what both accept is rarely wrong: B sees words, categories and ranks and learned
from grades; S sees vectors (or a cross-encoder's score) and learned nothing from this shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput, MissingExtra
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.fingerprint import fingerprint
from multirecall.engines.analysis import terms
from multirecall.training.synthesis.retrieve import Candidate, Find

__all__ = ["FEATURES", "CrossEncoderScore", "Example", "LearnedScore", "MeaningScore", "Scorer", "learn_score"]

Floats = NDArray[np.float64]

FEATURES = (
    "intent", "finds", "bm25_share", "bm25_rank", "dense_rank", "cosine", "words_in_title", "words_in_text",
    "leaf_in_words", "query_in_text", "n_words",
)  # fmt: skip
_ROUNDS = 120
_MAX_REMEMBERED = 50_000  # texts: some 100 MB


class Scorer(Protocol):
    """Judges candidates of a query; higher is better, 0 to 1."""

    @property
    def fingerprint(self) -> str: ...

    def score(self, query: str, candidates: Sequence[Candidate]) -> Floats:
        """One number per candidate, in their order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A candidate of a query, and whether it is good (exact or substitute)."""

    query: str
    candidate: Candidate
    good: bool


class LearnedScore:
    """B: P(good) by LightGBM over words, ranks and categories of the product's finds."""

    def __init__(self, booster: Any, language: str) -> None:
        self._booster = booster
        self._stems = _Stems(language)
        self._fingerprint = fingerprint({"scorer": "learned", "model": booster.model_to_string(), "by": language})

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def score(self, query: str, candidates: Sequence[Candidate]) -> Floats:
        if not candidates:
            return np.zeros(0)
        rows = _features(query, candidates, self._stems)
        return np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)


def learn_score(examples: Sequence[Example], *, language: str = "english", seed: int = 0) -> LearnedScore:
    """B from labelled pairs. Raises InvalidInput unless there are 20 good and 20 bad ones."""
    good = sum(example.good for example in examples)
    if min(good, len(examples) - good) < 20:
        raise InvalidInput(
            f"The relevance scorer learns from 20 good and 20 bad pairs, got {good} and {len(examples) - good}.",
            hint="Judge more pairs, or let the catalogue label them.",
            field="examples",
        )
    import lightgbm

    by_query: dict[str, list[Example]] = {}
    for example in examples:
        by_query.setdefault(example.query, []).append(example)
    stems = _Stems(language)
    rows = np.concatenate(
        [_features(query, [one.candidate for one in some], stems) for query, some in by_query.items()]
    )
    labels = np.array([one.good for some in by_query.values() for one in some], dtype=np.float64)
    parameters = {
        "objective": "binary", "learning_rate": 0.08, "num_leaves": 15, "min_data_in_leaf": 20, "lambda_l2": 1.0,
        "num_threads": 1, "seed": seed, "deterministic": True, "force_row_wise": True, "verbosity": -1,
    }  # fmt: skip
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels), num_boost_round=_ROUNDS)
    return LearnedScore(booster, language)


class MeaningScore:
    """S without torch: how near the product's title and category are to what was sought, by any encoder.

    The nearest of its finds counts: `1/2 + cosine/2` between the rewriting, as the reading of the query, and the title.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._products: dict[str, Float32Array] = {}
        self._texts: dict[str, Float32Array] = {}

    @property
    def fingerprint(self) -> str:
        return fingerprint({"scorer": "meaning", "encoder": self._encoder.fingerprint})

    def score(self, query: str, candidates: Sequence[Candidate]) -> Floats:
        self._learn(self._products, [_shown(one) for one in candidates], products=True)
        self._learn(self._texts, [find.rewriting.text for one in candidates for find in one.finds], products=False)
        cosines = [
            max(float(self._texts[find.rewriting.text] @ self._products[_shown(one)]) for find in one.finds)
            for one in candidates
        ]
        return 0.5 + 0.5 * np.array(cosines, dtype=np.float64)

    def _learn(self, known: dict[str, Float32Array], texts: Sequence[str], *, products: bool) -> None:
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            encode = self._encoder.encode_products if products else self._encoder.encode_queries
            known.update(zip(fresh, encode(fresh), strict=True))


class CrossEncoderScore:
    """S by a cross-encoder of sentence-transformers, by name or path: reads the query, its rewriting and the title.

    Needs the extra `train`. Scores outside 0 to 1 are brought there by the logistic function.
    """

    def __init__(self, model: str) -> None:
        """Raises MissingExtra without sentence-transformers."""
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise MissingExtra(
                "A cross-encoder needs sentence-transformers, which is not installed.",
                hint="Run `pip install 'multirecall[train]'`, or leave the cross-encoder out.",
                package="sentence-transformers",
            ) from error
        self._model: Any = CrossEncoder(model, trust_remote_code=False)
        self._name = model

    @property
    def fingerprint(self) -> str:
        return fingerprint({"scorer": "cross-encoder", "model": self._name})

    def score(self, query: str, candidates: Sequence[Candidate]) -> Floats:
        if not candidates:
            return np.zeros(0)
        texts = [(f"{query}. {one.best.rewriting.text}", _shown(one)) for one in candidates]
        scores = np.asarray(self._model.predict(texts, show_progress_bar=False), dtype=np.float64).reshape(len(texts))
        within = bool((scores >= 0.0).all() and (scores <= 1.0).all())
        return scores if within else 1.0 / (1.0 + np.exp(-np.clip(scores, -60.0, 60.0)))


def _shown(candidate: Candidate) -> str:
    return f"{candidate.about.title}. {candidate.about.leaf}" if candidate.about.leaf else candidate.about.title


def _features(query: str, candidates: Sequence[Candidate], stems: _Stems) -> Floats:
    """Shape (candidates, FEATURES). The words are those of the find whose words fit the product best."""
    asked = stems(query)
    n_rewritings = len({find.rewriting.text for one in candidates for find in one.finds})
    return np.array([_row(one, asked, stems, n_rewritings) for one in candidates], dtype=np.float64)


class _Stems:
    """Distinct stems of a text; remembered, since the same products are candidates of query after query."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._known: dict[str, frozenset[str]] = {}

    def __call__(self, text: str) -> frozenset[str]:
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            found = self._known[text] = frozenset(terms(text, self._language))
        return found


def _row(candidate: Candidate, asked: frozenset[str], stems: _Stems, n_rewritings: int) -> list[float]:
    about = candidate.about
    title, leaf, text = stems(about.title), stems(about.leaf), stems(about.text)

    def words(find: Find) -> tuple[float, float, float, int]:
        said = stems(find.rewriting.text)
        return (_share(leaf, said), _share(said, text), _share(said, title | leaf), len(said))

    leaf_in, in_text, in_title, n_words = max(words(find) for find in candidate.finds)
    return [
        max(find.rewriting.confidence for find in candidate.finds),
        len(candidate.finds) / max(1, n_rewritings),
        max(find.bm25 for find in candidate.finds),
        max(_reciprocal(find.bm25_rank) for find in candidate.finds),
        max(_reciprocal(find.dense_rank) for find in candidate.finds),
        max(find.cosine for find in candidate.finds),
        in_title,
        in_text,
        leaf_in,
        _share(asked, text),
        float(n_words),
    ]


def _share(of: frozenset[str], within: frozenset[str]) -> float:
    return len(of & within) / len(of) if of else 0.0


def _reciprocal(rank: int) -> float:
    return 1.0 / rank if rank else 0.0
