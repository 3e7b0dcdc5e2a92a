"""Input from the wild: nothing a shopper types and nothing a catalogue holds breaks an engine or loses a neighbour."""

from __future__ import annotations

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Term
from multirecall.core.query import Facet
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Delete, Engine, EngineRequest, Everything, Text, Update, Upsert, WriteStatus
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from tests.contract.asking import LIMIT_S, found, ids, put, search, text_ids
from tests.support.records import product, upsert

__all__ = ["WILD", "HostileProductContract", "HostileQueryContract"]

OPERATORS = [
    '"', '""', '"printer', "AND OR (", "\\", "\\\\", "title:", "title:printer", "*", "?", "p*", "~", "printer~2",
    "[* TO *]", "{!xmlparser}", "/.*/", "-printer", "+printer -printer", "NOT printer", "printer AND", "&& ||", "^5",
    "printer^1000", "<script>alert(1)</script>", "'; DROP TABLE products; --", "${jndi:ldap://x}", "{{7*7}}", "%00",
    '{"match_all": {}}', ": : :", "((((((((((", "\t\n\r",
]  # fmt: skip

STRANGE = [
    "🖨️", "👩‍👩‍👧‍👦 🧪", "مرحبا بالعالم", "\u202eretnirp\u202c", "שלום", "日本語のプリンター", "\u0000",
    "a\u0000b", "\ud800", "\udfff\ud800x",
    "\u200b\u200d", "\ufeffprinter", "e\u0301\u0301\u0301", "ﷺ", "𝓹𝓻𝓲𝓷𝓽𝓮𝓻", "\U0010ffff", "the and of a to in", "a",
    "x" * 1000, "word " * 200, "printer " * 125, "1" * 1000, "?" * 1000, "🧪" * 1000,
    " ".join(f"w{n}" for n in range(250)),
]  # fmt: skip

AMONG_OPERATORS = ["-printer", "NOT printer", "printer~2", '"printer', "+printer", "(printer", "printer\\"]


WILD = [
    upsert("first", "lamp"),
    upsert("nul", "a\u0000b lamp"),
    upsert("controls", "\u0001\u001b[31m lamp \u0085\u2028"),
    upsert("bidi", "\u202eretnirp lamp"),
    upsert("bom", "\ufeff lamp"),
    upsert("emoji", "🧪👩‍👩‍👧‍👦 lamp", brand="🧪", category=("👩‍👩‍👧‍👦",)),
    upsert("astral", "𝓵𝓪𝓶𝓹 \U0010ffff lamp"),
    upsert("markup", "<b>lamp</b> &amp; <script>alert('x')</script>"),
    upsert("one-word", "lamp", description="x" * 100_000),
    upsert("giant-tokens", "x" * 40_000 + " lamp " + "y" * 300),
    upsert("no-text", "", description="lamp"),
    upsert("brand", "lamp", brand="B" * 40_000),
    upsert("attributes", "lamp", attributes={"note": "n" * 40_000, "n" * 300: "x", "": "no name", "a.b.": "dots"}),
    upsert("attribute-names", "lamp", attributes={f"attribute {n}": n for n in range(500)}),
    upsert("codes", "lamp", identifiers=tuple(f"code-{n}" for n in range(300))),
    upsert("url", "lamp", url="https://x.example/" + "y" * 40_000),
    upsert("large-numbers", "lamp", price_minor=2**53, popularity=1e300, updated_at=-62135596800.0),
    upsert("last", "lamp"),
]
"""Products that catalogues really hold; each says "lamp" somewhere."""

IDS = [
    "製品" * 150, "a b", "a/b?c=d&e#f", "../../etc/passwd", "-1", "_id", "*", "\\", '"', "ключ", "🧪", " lead",
    "x" * 512, "0", "null", "a,b", "%2F", "A", "a",
]  # fmt: skip


class HostileQueryContract:
    @pytest.mark.parametrize("text", OPERATORS + STRANGE, ids=lambda t: f"{t[:20]!a}-{len(t)}")
    @pytest.mark.parametrize("fuzzy", [False, True])
    def test_any_text_is_only_text(self, shop: Engine, text: str, fuzzy: bool) -> None:
        clause = Text(text=text, codes=(text[:40],), fuzzy=fuzzy and shop.capabilities.typo_tolerance, min_match=0.5)
        result = search(shop, clause, 50)
        assert result.total == len(result.hits)

    @pytest.mark.parametrize("text", ["*", "p*", "title:", "[* .. *]", "/.*/", '{"match_all": {}}', "?", "~"])
    def test_no_character_is_an_operator(self, shop: Engine, text: str) -> None:
        assert text_ids(shop, text) == []

    @pytest.mark.parametrize(
        "text", ["-printer", "NOT printer", "printer~2", '"printer', "+printer", "(printer", "printer\\"]
    )
    def test_a_word_among_operators_is_still_found(self, shop: Engine, text: str) -> None:
        assert set(text_ids(shop, text)) >= {"p01", "p11"}

    def test_strange_filter_values_match_only_themselves(self, shop: Engine) -> None:
        for value in [*OPERATORS, *STRANGE]:
            assert shop.count(Term(field="brand", value=value)) == 0
            assert shop.count(Term(field="attributes.colour", value=value)) == 0

    def test_strange_attribute_names_have_no_values(self, shop: Engine) -> None:
        for name in ["*", "colour*", "a.b.c", "col our", "colour=", "🧪", '"', "\\", "_id", "x" * 300]:
            assert shop.count(Term(field=f"attributes.{name}", value="Red")) == 0
            [facet] = search(shop, Text(text="thing"), 0, facets=(Facet(field=f"attributes.{name}"),)).facets
            assert facet.counts == ()

    def test_a_hostile_request_harms_no_other(self, shop: Engine) -> None:
        requests = [EngineRequest(clause=Text(text=text), k=5) for text in ("printer", *OPERATORS, *STRANGE, "printer")]
        results = shop.search_many(requests, Deadline.after(LIMIT_S))
        assert all(r.status is RouteStatus.OK for r in results), [r.error for r in results if r.error]
        assert ids(results[0]) == ids(results[-1]) == text_ids(shop, "printer", 5)


class HostileProductContract:
    @pytest.mark.parametrize("hostile", WILD, ids=lambda u: u.id)
    def test_whatever_a_catalogue_holds_goes_in_and_comes_back(self, wild: Engine, hostile: Upsert) -> None:
        assert hostile.id in text_ids(wild, "lamp")
        [record] = wild.fetch([hostile.id])
        assert record is not None
        assert record.get("title", "") == hostile.product.fields["title"]
        assert record.get("brand") == hostile.product.fields.get("brand")
        assert record.get("attributes") == hostile.product.fields.get("attributes")
        assert record.get("price_minor") == hostile.product.fields.get("price_minor")

    def test_no_neighbour_of_a_hostile_product_is_lost(self, wild: Engine) -> None:
        assert set(text_ids(wild, "lamp")) == {u.id for u in WILD}
        assert wild.count() == len(WILD)

    def test_two_megabytes_of_description_are_searchable_to_the_end(self, empty: Engine) -> None:
        text = "word " * 400_000 + "needle"
        put(empty, product("big", "lamp", description=text), product("small", "lamp"))
        assert text_ids(empty, "needle") == ["big"]
        [record] = empty.fetch(["big"], ["description"])
        assert record == {"description": text}

    def test_any_text_can_be_an_id(self, empty: Engine) -> None:
        put(empty, *(product(name, "lamp", price_minor=5) for name in IDS), product("other", "lamp"))
        assert set(text_ids(empty, "lamp")) == {*IDS, "other"}
        assert empty.fetch(IDS, ["id", "price_minor"]) == [{"id": name, "price_minor": 5} for name in IDS]
        for name in IDS:
            assert found(empty, Everything(), filter=Term(field="id", value=name)) == [name]
        statuses = put(empty, *(Update(id=name, fields={"price_minor": 6}) for name in IDS))
        assert statuses == [WriteStatus.UPDATED] * len(IDS)
        assert empty.fetch(IDS, ["price_minor"]) == [{"price_minor": 6}] * len(IDS)
        assert put(empty, *(product(name, "chair") for name in IDS)) == [WriteStatus.UPDATED] * len(IDS)
        assert text_ids(empty, "lamp") == ["other"]
        assert put(empty, *(Delete(id=name) for name in IDS)) == [WriteStatus.DELETED] * len(IDS)
        assert [r["id"] for r in empty.scan([])] == ["other"]

    def test_a_lone_surrogate_in_a_text_is_refused_alone(self, empty: Engine) -> None:
        results = list(empty.write([upsert("1", "lamp"), upsert("bad", "lamp \ud800"), upsert("2", "lamp")]))
        assert [(r.ok, r.status) for r in results] == [
            (True, WriteStatus.CREATED), (False, WriteStatus.REJECTED), (True, WriteStatus.CREATED),
        ]  # fmt: skip
        assert "title" in results[1].error
        empty.refresh()
        assert text_ids(empty, "lamp") == ["1", "2"]

    def test_values_too_long_for_filters_stay_searchable(self, empty: Engine) -> None:
        long = "Longbrand " + "x" * MAX_KEYWORD_CHARS
        whole = "y" * MAX_KEYWORD_CHARS
        put(empty, product("long", brand=long), product("whole", brand=whole))
        assert text_ids(empty, "longbrand") == ["long"]
        assert empty.count(Term(field="brand", value=long)) == 0
        assert empty.count(Term(field="brand", value=whole)) == 1
        [facet] = search(empty, Text(text="product"), 0, facets=(Facet(field="brand"),)).facets
        assert [c.value for c in facet.counts] == [whole]
