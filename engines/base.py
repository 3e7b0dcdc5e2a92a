"""Engine: where products are stored and searched. One Protocol; the adapters are opened by URL (`opening.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, InvalidQuery
from multirecall.core.filters import Filter
from multirecall.core.query import Facet, Sort
from multirecall.core.ranking import NO_FIELDS, FieldValue, RouteStatus
from multirecall.engines.schema import Schema
from multirecall.engines.writes import (
    Delete,
    Deleted,
    Float32Array,
    IndexedProduct,
    Kept,
    Update,
    Upsert,
    Write,
    WriteResult,
    WriteStatus,
)

__all__ = [
    "MAX_K",
    "MAX_VALUES",
    "Capabilities",
    "Clause",
    "Delete",
    "Deleted",
    "Engine",
    "EngineHit",
    "EngineRequest",
    "EngineResult",
    "Everything",
    "FacetCount",
    "FacetCounts",
    "FieldBoosts",
    "Float32Array",
    "Holding",
    "IndexInfo",
    "IndexedProduct",
    "Kept",
    "TellsCommits",
    "TellsHedges",
    "Text",
    "Update",
    "Upsert",
    "Vector",
    "Write",
    "WriteResult",
    "WriteStatus",
]

MAX_K = 10_000
"""Most hits one request may ask for; the servers' default result window."""

MAX_VALUES = 1_000
"""Most values one Holding clause may name; the servers take 1,024 clauses."""


# ---------------------------------------------------------------- searching


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldBoosts:
    """Weight of each text field in the lexical score; 0 leaves the field out.

    The defaults were measured on judged queries (`docs/results/lexical-shape.md`): a title of more than twice the
    description's weight buries products that say the word in the description only, and a code of more than the
    brand's weight lifts products that merely share a number.
    """

    title: float = 2.0
    brand: float = 2.0
    category: float = 1.0
    description: float = 1.5
    attributes_text: float = 0.5
    codes: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Lexical search, scored by BM25 as `engines/scoring.py` defines it.

    Every word of `text` is looked for in all text fields; a word counts by its best field (so "hp toner" finds
    brand HP and title toner). `codes` are looked for in the field `codes`; a code that is spelt like one of the words
    counts with it, by the better of the two, and one without a digit counts less. A product matches if at least
    `min_match` (0 to 1, rounded up, at least one) of the words are found in some field, or if a code is found.
    `fuzzy` also accepts words within the engine's edit distance (1 up to 7 letters, else 2; first letter fixed),
    for less score than an exact match.
    `text` is data: no character in it is an operator. Words and codes beyond `scoring.MAX_WORDS` are not looked for.
    """

    text: str
    codes: tuple[str, ...] = ()
    boosts: FieldBoosts = FieldBoosts()
    min_match: float = 0.0
    fuzzy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vector:
    """Nearest products by cosine in one vector field. `vector`: shape (dim,), float32, length 1.

    `n_candidates` is how many the approximate index looks at (0: the adapter's default for k); the score of a
    hit is the cosine, -1 to 1.
    """

    field: str
    vector: Float32Array
    n_candidates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All products (that pass the filter), each with score 1: browsing without a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Products that hold at least one of `weights`' values in a keyword field (for an attribute: `attributes.<name>`).

    The score is the sum of the weights of the values that a product holds; with `best` the greatest of them. Weights
    are above 0; the servers add them in float32. Field `id` asks for given products. Raises InvalidQuery for no value,
    more than `MAX_VALUES`, or a weight that is not finite and above 0.
    """

    field: str
    weights: Mapping[str, float]
    best: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.weights) <= MAX_VALUES:
            raise InvalidQuery(f"1 to {MAX_VALUES} values can be asked for, got {len(self.weights)}.", field=self.field)
        bad = next((value for value, weight in self.weights.items() if not 0 < weight < np.inf), None)
        if bad is not None:
            raise InvalidQuery(
                f"The weight of {bad!r:.80} must be finite and above 0, got {self.weights[bad]!r}.", field=self.field
            )


Clause = Text | Vector | Everything | Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """One clause with its filter. `k` hits are wanted (0: only total and facets).

    `fields` names stored numeric, boolean or keyword fields, or `match_text`, whose values come back with each hit that
    has them. A brand or a category above `fields.MAX_KEYWORD_CHARS` is no keyword and does not come back;
    categories come back sorted, which is the order of a path's prefixes.
    `sort` replaces the order by score (ties: id ascending); a Vector clause with a sort is unsupported.
    Facets count all products that match the clause and the filter; for a Vector clause: among the k hits. A number
    is counted by range (`edges`); by value it is unsupported.
    """

    clause: Clause
    k: int
    filter: Filter | None = None
    sort: tuple[Sort, ...] = ()
    facets: tuple[Facet, ...] = ()
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.k <= MAX_K:
            raise InvalidQuery(f"k must lie in 0..{MAX_K}, got {self.k}.", field="k")
        if isinstance(self.clause, Vector) and self.k == 0:
            raise InvalidQuery("A vector search needs k of 1 or more.", field="k")
        if isinstance(self.clause, Vector) and not np.all(np.isfinite(self.clause.vector)):
            raise InvalidInput("The query vector holds a value that is not finite.", field="vector")


class EngineHit(NamedTuple):
    """A tuple, as `Hit` is: made by the hundred for every query."""

    id: str
    score: float
    fields: Mapping[str, FieldValue] = NO_FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetCount:
    """One bucket. `value` is the keyword (for attributes without the name), or `None` for a range bucket,
    whose bounds are `gte` and `lt` (None: open)."""

    count: int
    value: str | bool | None = None
    gte: float | None = None
    lt: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetCounts:
    field: str
    counts: tuple[FacetCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResult:
    """Hits in the order rule (score descending, id ascending, or the request's sort).

    `total` is the exact number of matches; None for Vector.
    `status` is ok, partial (some shards), timed_out or failed; then `error` says why.
    """

    hits: tuple[EngineHit, ...] = ()
    total: int | None = None
    facets: tuple[FacetCounts, ...] = ()
    took_ms: float = 0.0
    status: RouteStatus = RouteStatus.OK
    error: str = ""


# ---------------------------------------------------------------- the engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do, as data. A False must raise UnsupportedFeature when asked for.

    `spares_common_words` is no feature but a difference: with `fuzzy`, words that many products hold are taken as
    they are (`engines/scoring.py`, `is_common`). The servers cannot know how many before they search.
    `in_process` says that a round trip costs nothing, so that requests need not wait for each other to share one.
    """

    name: str
    vector_indexes: tuple[str, ...]
    exact_vectors: bool = False
    persistent: bool = True
    concurrent_writers: bool = True
    typo_tolerance: bool = True
    spares_common_words: bool = False
    in_process: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """A physical index. `live` says that the alias points to it; `bytes` is its size on disk (0: unknown)."""

    name: str
    schema: Schema
    count: int
    live: bool
    bytes: int = 0


@runtime_checkable
class TellsCommits(Protocol):
    """An engine that can say, at next to no cost, whether its records may have changed."""

    def commit_seen(self, *, index: str | None = None) -> int:
        """Another number as soon as `fetch` may give another record than before; it means something in this process
        alone. Raises NotFound."""
        ...


@runtime_checkable
class TellsHedges(Protocol):
    """An engine that may ask late reads of a second node."""

    @property
    def hedges(self) -> Mapping[str, int]:
        """How often, by what became of it: `sent`, `won`, `unaffordable`; empty without a second node."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A store of products under one name (the alias), with physical indexes `name-000001`, `name-000002`, ….

    `index=None` means the live index, the one the alias points to. Blocking and safe for several threads;
    a context manager that closes itself. Methods raise EngineUnavailable, EngineAuthError or EngineBusy for the
    store's own trouble, NotFound for an index that is not there, and InvalidInput after `close`.
    """

    @property
    def url(self) -> str:
        """The URL it was opened by, with any password masked."""
        ...

    @property
    def name(self) -> str:
        """The alias name."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def create(self, schema: Schema) -> str:
        """Makes an empty physical index, not live yet; returns its name, one above the highest existing number.

        Raises UnsupportedFeature if the schema asks for a vector index the engine does not have.
        """
        ...

    def write(self, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
        """Applies writes in order and yields one result per write, in the order of the writes.

        Consumes the iterable lazily in bounded chunks. Visible to search after `refresh`, not before. One bad
        product never stops the others. Writes with versions merge as `engines/versions.py` says, whatever their
        order; among several writes of one id without versions the last one wins.
        """
        ...

    def deleted(self, *, index: str | None = None) -> Iterator[Deleted]:
        """The tombstones that versioned deletes have left, as of the last refresh, in no particular order.

        They are no products: no search, count, facet, fetch or scan shows them.
        """
        ...

    def prune_deleted(self, older_than_s: float, *, index: str | None = None) -> int:
        """Forgets the tombstones (as of the last refresh) made that long ago or longer; returns how many.

        After it, a late write of such a product brings the product back. Seen by `deleted` after `refresh`.
        Raises InvalidInput for a negative time.
        """
        ...

    def refresh(self, *, index: str | None = None) -> None:
        """Makes everything written so far visible to search and durable: after it, a kill loses nothing."""
        ...

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        """Answers all requests in one round trip, results in the order of the requests.

        A request that fails alone gives a result with status `failed`; one that is late `timed_out` (with what
        was found so far, if anything). Filters act inside the search: k hits come back if k products match.
        Raises InvalidFilter or UnsupportedFeature for what cannot be honoured, before anything is sent.
        """
        ...

    def fetch(
        self,
        ids: Sequence[str],
        fields: Sequence[str] | None = None,
        *,
        index: str | None = None,
        timeout_s: float | None = None,
    ) -> list[Mapping[str, Any] | None]:
        """The stored records in the order of `ids` (None: no such product); default `STORED_FIELDS`.

        A record holds those of the fields that the product has a value for, as they were written (tuples as lists).
        Vectors come back only if asked for: the field name `vectors.<name>` gives a list of floats. So do versions:
        `record_version` and `field_versions` (`engines/versions.py`). `timeout_s` is the longest wait for a server
        (None: the engine's own), which is then EngineUnavailable; an engine in this process does not wait.
        """
        ...

    def scan(self, fields: Sequence[str], *, index: str | None = None) -> Iterator[Mapping[str, Any]]:
        """All records with `fields` (and always `id`), in no particular order, in bounded memory."""
        ...

    def count(self, filter: Filter | None = None, *, index: str | None = None) -> int:
        """The exact number of products (visible after the last refresh) that pass the filter."""
        ...

    def indexes(self) -> list[IndexInfo]:
        """All physical indexes under this name, by number."""
        ...

    def info(self, *, index: str | None = None) -> IndexInfo:
        """The live index, or the named one. Raises NotFound."""
        ...

    def swap(self, index: str) -> str | None:
        """Points the alias to `index` in one atomic step; returns the index it pointed to before, if any."""
        ...

    def drop(self, index: str) -> None:
        """Deletes a physical index. Raises InvalidInput for the live one."""
        ...

    def close(self) -> None:
        """Releases everything; a second call does nothing."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(self, *exc: object) -> None: ...
