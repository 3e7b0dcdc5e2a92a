"""The requests whose bodies are kept as golden files, and the schema they are asked of."""

from __future__ import annotations

from multirecall.core.filters import And, Exists, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import EngineRequest, Everything, Holding, Text, Vector
from multirecall.engines.schema import Schema, VectorField
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.elasticsearch import ElasticsearchDialect
from multirecall.engines.servers.opensearch import OpenSearchDialect
from tests.support.records import unit

__all__ = ["DIALECTS", "REQUESTS", "SCHEMA"]

DIALECTS: dict[str, Dialect] = {"elasticsearch": ElasticsearchDialect(), "opensearch": OpenSearchDialect()}

SCHEMA = Schema(
    vectors=(
        VectorField(name="dense", dim=4, encoder="hashing", fingerprint="0" * 16, index="hnsw"),
        VectorField(name="small", dim=4, encoder="hashing", fingerprint="1" * 16, index="int8_hnsw"),
    ),
    numeric_attributes=("width (max.)", "weight"),
)

_FILTER = And(
    parts=(
        Term(field="brand", value="HP"),
        Terms(field="attributes.colour", values=("Black", "White")),
        Or(parts=(Range(field="price_minor", gte=1000, lt=50_000), Exists(field="attributes.weight"))),
        Not(part=Range(field="attributes.width (max.)", gt=19.5)),
    )
)

REQUESTS = {
    "text": EngineRequest(clause=Text(text="HP toner LJ-4250 toners", codes=("lj4250", "4250", "hp")), k=10),
    "text_filtered": EngineRequest(clause=Text(text="toner"), k=10, filter=_FILTER),
    "text_min_match": EngineRequest(clause=Text(text="black hp toner", codes=("4250",), min_match=0.6), k=10),
    "text_fuzzy": EngineRequest(clause=Text(text="tonre", fuzzy=True), k=10),
    "text_empty": EngineRequest(clause=Text(text="?!"), k=10),
    "holding": EngineRequest(clause=Holding(field="attributes.colour", weights={"Black": 0.5, "White": 2.0}), k=10),
    "holding_best_filtered": EngineRequest(
        clause=Holding(field="id", weights={"p1": 3.0, "\ud800": 1.0}, best=True), k=10, filter=_FILTER
    ),
    "everything_sorted_facets": EngineRequest(
        clause=Everything(),
        k=5,
        sort=(Sort(field="price_minor"), Sort(field="attributes.weight", descending=True)),
        facets=(
            Facet(field="brand", size=3),
            Facet(field="attributes.a.b (c)"),
            Facet(field="price_minor", edges=(1000.0, 5000.0)),
        ),
        fields=("price_minor", "category", "attributes.colour"),
    ),
    "vector": EngineRequest(clause=Vector(field="dense", vector=unit(1, 0, 0, 0)), k=10),
    "vector_quantised_filtered": EngineRequest(
        clause=Vector(field="small", vector=unit(0, 1, 0, 1), n_candidates=500), k=10, filter=_FILTER, fields=("brand",)
    ),
}
