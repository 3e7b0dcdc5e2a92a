"""How long the steps of a tuning will take here: a few parts of each kind of work are done and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, IndexInfo
from multirecall.recall.rewriters.vocabulary import VOCABULARY_FIELDS
from multirecall.wiring.gate import ask
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.wiring.towers import base_kind
from multirecall.wiring.tuning_encoder import FOLDS
from multirecall.wiring.tuning_settings import TuneOptions
from multirecall.wiring.tuning_work import TIMEOUT_S

__all__ = ["Rates", "estimates", "measured_rates"]

_PRODUCTS, _SEARCHES, _TEXTS = 400, 6, 24
_TRANSFORMER_S, _STATIC_S = 1e-2, 2e-4  # for a product's text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Seconds for one product read, one search, and one product text encoded; `encoder` is that of the index."""

    read_s: float
    search_s: float
    encode_s: float
    encoder: str


def measured_rates(settings: Settings, url: str, engine: Engine, index: IndexInfo) -> Rates:
    """Reads, searches and encodes a little; takes a second or two beside opening the encoder."""
    began = time.perf_counter()
    records = list(islice(engine.scan(VOCABULARY_FIELDS, index=index.name), _PRODUCTS))
    read_s = (time.perf_counter() - began) / max(1, len(records))
    titles = [str(record.get("title") or "") for record in records]
    texts = [title for title in titles if any(c.isalnum() for c in title)][:_TEXTS]
    with opened_searcher(settings, engine_url=url, timeout_s=TIMEOUT_S) as opened:
        short = [" ".join(text.split()[:3]) for text in texts[: _SEARCHES + 1]]
        for text in short[:1]:
            ask(opened.searcher, text, 100, TIMEOUT_S)  # the first search opens files
        began = time.perf_counter()
        for text in short[1:]:
            ask(opened.searcher, text, 100, TIMEOUT_S)
        search_s = (time.perf_counter() - began) / max(1, len(short) - 1)
        encoder: Encoder | None = next(iter(opened.searcher.encoders.values()), None)
        encode_s = 0.0
        if encoder is not None and texts:
            began = time.perf_counter()
            encoder.encode_products(texts)
            encode_s = (time.perf_counter() - began) / len(texts)
    spec = index.schema.vectors[0].encoder if index.schema.vectors else "none"
    return Rates(read_s=read_s, search_s=search_s, encode_s=encode_s, encoder=spec)


def estimates(rates: Rates, options: TuneOptions, *, products: int, judged: int) -> Mapping[str, float]:
    """Seconds by step. `judged` queries of the user (0: none). The factors were fitted to runs of
    docs/results/tuning.md; half or twice as long is no surprise."""
    sample = min(options.sample, products)
    asked = judged or options.queries
    learns = options.epochs * 1.3 * (judged or options.queries)  # groups and their misspelt copies
    encoders = FOLDS if judged else 1
    if base_kind(options.base) == "onnx":
        text_s = rates.encode_s if rates.encoder.startswith("onnx") else _TRANSFORMER_S
        trains, once = learns * 3 / 32 * 200 * text_s, 20 * (judged or options.queries) * 2 * text_s
    else:
        text_s = _STATIC_S
        trains, once = learns * 15 / 32 * 0.1, 5.0
    learned, folds = (judged, 5) if judged else (options.queries, 2)
    return {
        "read": products * rates.read_s,
        "queries": products * 2.5 * rates.read_s + sample * 1e-4,
        "rewriters": products * 3 * rates.read_s,
        "pairs": (options.queries + 5 * options.pair_queries) * rates.search_s / 2
        + min(products, 40 * (options.queries + options.pair_queries)) * rates.encode_s / 2,  # judge S reads titles
        "encoder": once + (encoders + bool(judged)) * trains,
        "trial": sample * (encoders * text_s + (encoders + 1) * 10 * rates.read_s) + 2 * asked * rates.search_s,
        "blender": learned * (2 * rates.search_s + 0.12 * (folds + 1)) + options.rounds * (folds + 1) * 0.06,
        "compare": 3 * asked * rates.search_s + 10,
        "proposal": 0.1,
    }
