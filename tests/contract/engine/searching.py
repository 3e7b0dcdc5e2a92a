"""Search: order, ties, totals, windows, vectors, several requests at once, deadlines."""

from __future__ import annotations

import time

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidFilter, InvalidInput, UnsupportedFeature
from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet, Sort
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import MAX_K, Engine, EngineRequest, Everything, FieldBoosts, Text, Vector
from multirecall.engines.scoring import MAX_WORDS
from tests.contract.asking import LIMIT_S, found, ids, put, search, text_ids
from tests.contract.shop import CROWD, CROWD_WITH_VECTOR, DIM, QUERY_VECTOR, crowd_products, shop_products
from tests.support.records import product, unit

__all__ = ["DeadlineContract", "LexicalContract", "SearchContract", "VectorContract"]

NEAREST = Vector(field="dense", vector=QUERY_VECTOR)


class SearchContract:
    @pytest.mark.parametrize("clause", [Everything(), Text(text="gadget")], ids=["everything", "text"])
    @pytest.mark.parametrize("k", [1, 7, 1000])
    def test_equal_scores_come_in_id_order_also_at_the_cut(self, crowd: Engine, clause: Text, k: int) -> None:
        result = search(crowd, clause, k)
        assert ids(result) == [f"c{n:05d}" for n in range(k)]
        assert len({hit.score for hit in result.hits}) == 1

    @pytest.mark.parametrize("clause", [Everything(), Text(text="gadget")], ids=["everything", "text"])
    def test_totals_are_exact_far_beyond_k(self, crowd: Engine, clause: Text) -> None:
        assert search(crowd, clause, 3).total == CROWD
        below = Range(field="price_minor", lt=10_050)
        assert search(crowd, clause, 3, filter=below).total == 10_050

    def test_the_largest_window_can_be_asked_for(self, crowd: Engine) -> None:
        assert len(search(crowd, Everything(), MAX_K).hits) == MAX_K

    @pytest.mark.parametrize("clause", [Everything(), Text(text="thing")], ids=["everything", "text"])
    def test_no_hits_wanted_gives_total_and_facets(self, shop: Engine, clause: Text) -> None:
        result = search(shop, clause, 0, facets=(Facet(field="currency"),))
        assert result.hits == ()
        assert result.total == 12
        assert [(c.value, c.count) for c in result.facets[0].counts] == [("EUR", 7), ("USD", 2)]

    def test_more_wanted_than_there_are_gives_all(self, shop: Engine) -> None:
        for clause, expected in ((Everything(), 12), (Text(text="thing"), 12), (NEAREST, 11)):
            assert len(search(shop, clause, 5000).hits) == expected

    def test_everything_scores_one_in_id_order(self, shop: Engine) -> None:
        result = search(shop, Everything(), 50)
        assert ids(result) == [f"p{n:02d}" for n in range(1, 13)]
        assert {hit.score for hit in result.hits} == {1.0}

    def test_an_empty_index_answers(self, empty: Engine) -> None:
        for clause in (Everything(), Text(text="lamp"), NEAREST):
            assert found(empty, clause) == []
        result = search(empty, Everything(), facets=(Facet(field="brand"), Facet(field="price_minor", edges=(5.0,))))
        assert result.total == 0
        assert result.facets[0].counts == ()
        assert [c.count for c in result.facets[1].counts] == [0, 0]

    def test_requests_are_answered_in_their_order(self, shop: Engine) -> None:
        clauses = [Text(text="paper"), NEAREST, Everything(), Text(text="zebra"), Text(text="paper")]
        requests = [EngineRequest(clause=c, k=3, filter=Term(field="brand", value="Bosch")) for c in clauses]
        results = shop.search_many(requests, Deadline.after(LIMIT_S))
        assert [ids(r) for r in results] == [found(shop, r.clause, 3, filter=r.filter) for r in requests]
        assert ids(results[0]) == ["p11"]
        assert ids(results[3]) == []
        assert [r.total for r in results] == [1, None, 3, 0, 1]
        assert all(r.took_ms >= 0 for r in results)

    def test_no_requests_give_no_results(self, shop: Engine) -> None:
        assert shop.search_many([], Deadline.after(LIMIT_S)) == []

    def test_stored_values_come_with_the_hits_when_asked_for(self, shop: Engine) -> None:
        asked = ("brand", "price_minor", "in_stock", "popularity")
        for clause in (Everything(), Text(text="thing"), NEAREST):
            hits = {h.id: h.fields for h in search(shop, clause, 50, fields=asked).hits}
            assert hits["p01"] == {"brand": "HP", "price_minor": 24999, "in_stock": True, "popularity": 12.5}
            assert hits["p09"] == {}
            assert all(not hit.fields for hit in search(shop, clause, 5).hits)
        with pytest.raises(InvalidFilter, match="nonsense"):
            search(shop, Everything(), fields=("nonsense",))

    def test_asking_twice_gives_the_same_answer(self, shop: Engine) -> None:
        for clause in (Text(text="printer thing mystery"), NEAREST):
            assert search(shop, clause, 12).hits == search(shop, clause, 12).hits


class LexicalContract:
    def test_a_rare_code_counts_for_more_than_a_common_one(self, empty: Engine) -> None:
        # OpenSearch scores keywords 1 whatever their rarity unless the mapping says otherwise.
        put(empty, *(product(f"c{n}", "Adapter", identifiers=("006",)) for n in range(9)))
        put(empty, product("z", "Adapter", identifiers=("90321",)))
        result = search(empty, Text(text="006 90321", codes=("006", "90321")))
        assert ids(result)[0] == "z"
        assert result.hits[0].score > 2 * result.hits[1].score

    def test_unknown_words_find_nothing(self, shop: Engine) -> None:
        result = search(shop, Text(text="zebra xylophone"))
        assert (result.hits, result.total) == ((), 0)

    @pytest.mark.parametrize("text", ["", "   ", "?!", "-- ()"])
    def test_no_words_find_nothing(self, shop: Engine, text: str) -> None:
        result = search(shop, Text(text=text))
        assert (result.hits, result.total) == ((), 0)

    def test_words_may_stand_in_different_fields(self, shop: Engine) -> None:
        assert text_ids(shop, "hp toner", min_match=1.0) == ["p02"]
        assert text_ids(shop, "toner office hp black", min_match=1.0) == ["p02"]
        assert text_ids(shop, "hp toner")[0] == "p02"
        assert set(text_ids(shop, "hp toner")) == {"p01", "p02", "p07"}

    def test_min_match_is_the_share_of_words_rounded_up(self, empty: Engine) -> None:
        words = ("lamp", "chair", "table", "carpet")
        put(empty, *(product(f"{n}", " ".join(words[:n])) for n in range(5)))
        shares = {0.0: 1, 0.25: 1, 0.26: 2, 0.5: 2, 0.51: 3, 0.75: 3, 0.76: 4, 1.0: 4}
        for share, least in shares.items():
            result = search(empty, Text(text="lamp chair table carpet", min_match=share))
            assert set(ids(result)) == {f"{n}" for n in range(least, 5)}, share
            assert result.total == 5 - least

    def test_more_and_rarer_words_score_higher(self, empty: Engine) -> None:
        put(empty, product("1", "lamp"), product("2", "chair"), product("3", "lamp chair"), product("4", "chair desk"))
        assert text_ids(empty, "lamp chair")[0] == "3"
        assert text_ids(empty, "lamp desk chair")[:1] != ["2"]
        put(
            empty,
            *(product(f"x{n}", "common") for n in range(20)),
            product("y1", "common one"),
            product("y2", "rare one"),
        )
        assert text_ids(empty, "common rare")[0] == "y2"

    def test_a_boost_weighs_a_field_and_zero_leaves_it_out(self, empty: Engine) -> None:
        put(empty, product("t", "lamp", description="chair"), product("d", "chair", description="lamp"))
        assert text_ids(empty, "lamp", boosts=FieldBoosts(title=5, description=1)) == ["t", "d"]
        assert text_ids(empty, "lamp", boosts=FieldBoosts(title=1, description=5)) == ["d", "t"]
        assert text_ids(empty, "lamp", boosts=FieldBoosts(title=0)) == ["d"]
        assert text_ids(empty, "lamp", boosts=FieldBoosts(description=0)) == ["t"]
        nothing = FieldBoosts(title=0, brand=0, category=0, description=0, attributes_text=0, codes=0)
        assert text_ids(empty, "lamp", boosts=nothing, codes=("lamp",)) == []

    def test_a_word_counts_by_its_best_field(self, empty: Engine) -> None:
        """A word in every field must not beat two words in one: that is what summing over fields would do."""
        everywhere = product("1", "lamp", brand="lamp", category=("lamp",), description="lamp", attributes={"lamp": 1})
        fillers = [product(f"{word}{n}", f"{word} chair") for word in ("lamp", "desk") for n in range(4)]
        put(empty, everywhere, product("2", "lamp desk"), *fillers)
        even = FieldBoosts(title=1, brand=1, category=1, description=1, attributes_text=1)
        assert text_ids(empty, "lamp desk", boosts=even)[0] == "2"

    def test_codes_are_found_with_and_without_words(self, shop: Engine) -> None:
        assert text_ids(shop, "", codes=("lj4250",)) == ["p01"]
        assert text_ids(shop, "zebra", codes=("lj4250", "nosuch1")) == ["p01"]
        assert text_ids(shop, "zebra yak", codes=("lj4250",), min_match=1.0) == ["p01"]
        assert set(text_ids(shop, "toner", codes=("19mm",))) == {"p02", "p06"}
        assert text_ids(shop, "", codes=("lj4250",), boosts=FieldBoosts(codes=0)) == []
        assert text_ids(shop, "", codes=("lj",)) == []

    def test_a_code_lifts_its_product(self, empty: Engine) -> None:
        put(empty, product("a", "printer 4250"), product("b", "printer", identifiers=("LJ-4250",)))
        assert text_ids(empty, "printer", codes=("lj4250",))[0] == "b"

    def test_words_beyond_the_most_are_not_looked_for(self, shop: Engine) -> None:
        others = " ".join(f"w{n}" for n in range(MAX_WORDS - 1))
        assert text_ids(shop, f"{others} toner") == ["p02"]
        assert text_ids(shop, f"{others} one toner") == []
        assert text_ids(shop, f"toner {others} one two", min_match=1 / MAX_WORDS) == ["p02"]
        assert text_ids(shop, "", codes=(*(f"x{n}" for n in range(MAX_WORDS)), "lj4250")) == []

    def test_repeated_words_count_once_for_min_match(self, shop: Engine) -> None:
        assert text_ids(shop, "toner toner toner nothing", min_match=0.5) == ["p02"]


class VectorContract:
    def test_scores_are_cosines_best_first(self, shop: Engine) -> None:
        hits = search(shop, NEAREST, 50).hits
        expected = {
            row.id: float(row.vectors["dense"] @ QUERY_VECTOR) for row in shop_products() if "dense" in row.vectors
        }
        assert min(expected.values()) < 0 < max(expected.values())
        assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)

    def test_cosine_runs_from_minus_one_to_one(self, empty: Engine) -> None:
        axes = {"same": QUERY_VECTOR, "opposite": -QUERY_VECTOR, "right": unit(0, 0, 1, 0, 0, 0, 0, 0)}
        put(empty, *(product(name, vectors={"dense": axis}) for name, axis in axes.items()))
        hits = search(empty, NEAREST).hits
        assert [hit.id for hit in hits] == ["same", "right", "opposite"]
        assert [hit.score for hit in hits] == pytest.approx([1.0, 0.0, -1.0], abs=1e-4)

    @pytest.mark.parametrize("k", [1, 10, 100])
    def test_near_enough_to_the_nearest(self, crowd: Engine, k: int) -> None:
        rows = [row for row in crowd_products() if row.vectors]
        cosines = np.stack([row.vectors["dense"] for row in rows]) @ QUERY_VECTOR
        best = {rows[i].id for i in np.argsort(-cosines)[:k]}
        hits = found(crowd, NEAREST, k)
        assert len(hits) == k
        floor = 1.0 if crowd.capabilities.exact_vectors else 0.9
        assert len(best & set(hits)) >= floor * k

    def test_all_products_with_a_vector_can_be_reached(self, crowd: Engine) -> None:
        hits = found(crowd, Vector(field="dense", vector=QUERY_VECTOR, n_candidates=5000), 5000)
        assert len(hits) == len(set(hits)) == CROWD_WITH_VECTOR

    def test_more_candidates_are_allowed(self, crowd: Engine) -> None:
        for n_candidates in (1, 50, 10_000):
            wide = Vector(field="dense", vector=QUERY_VECTOR, n_candidates=n_candidates)
            assert len(found(crowd, wide, 20)) == 20

    def test_facets_count_among_the_hits(self, crowd: Engine) -> None:
        hits = search(crowd, NEAREST, 40, facets=(Facet(field="in_stock"), Facet(field="price_minor", edges=(600.0,))))
        numbers = [int(hit.id[1:]) for hit in hits.hits]
        even = sum(n % 2 == 0 for n in numbers)
        assert {c.value: c.count for c in hits.facets[0].counts} == {True: even, False: 40 - even}
        low = sum(n < 600 for n in numbers)
        assert [c.count for c in hits.facets[1].counts] == [low, 40 - low]

    def test_another_dimension_raises_and_names_both(self, shop: Engine) -> None:
        with pytest.raises(InvalidInput, match=r"(?s)(3.*8|8.*3)"):
            search(shop, Vector(field="dense", vector=unit(1, 2, 3)))

    def test_an_unknown_vector_field_raises_and_names_those_there_are(self, shop: Engine) -> None:
        with pytest.raises(InvalidInput, match=r"(?s)image.*dense"):
            search(shop, Vector(field="image", vector=QUERY_VECTOR))

    def test_a_vector_without_direction_raises(self, shop: Engine) -> None:
        with pytest.raises(InvalidInput, match="zero"):
            search(shop, Vector(field="dense", vector=np.zeros(DIM, np.float32)))

    def test_a_vector_search_cannot_be_sorted(self, shop: Engine) -> None:
        with pytest.raises(UnsupportedFeature, match="sort"):
            search(shop, NEAREST, sort=(Sort(field="price_minor"),))


class DeadlineContract:
    def test_a_spent_deadline_answers_at_once_that_it_is_late(self, crowd: Engine) -> None:
        requests = [EngineRequest(clause=clause, k=10) for clause in (Everything(), Text(text="gadget"), NEAREST)]
        started = time.monotonic()
        results = crowd.search_many(requests, Deadline.after(0.0))
        assert time.monotonic() - started < 0.5
        assert [r.status for r in results] == [RouteStatus.TIMED_OUT] * 3
        assert all(r.error for r in results)

    def test_a_wrong_request_is_wrong_however_late(self, shop: Engine) -> None:
        late = Deadline.after(0.0)
        with pytest.raises(InvalidFilter):
            shop.search_many([EngineRequest(clause=Everything(), k=1, filter=Term(field="x", value=1))], late)

    def test_no_deadline_is_a_deadline(self, shop: Engine) -> None:
        [result] = shop.search_many([EngineRequest(clause=Everything(), k=1)], Deadline.never())
        assert result.status is RouteStatus.OK

    def test_a_short_deadline_is_kept_or_the_result_says_so(self, crowd: Engine) -> None:
        requests = [EngineRequest(clause=Text(text="gadget thing"), k=MAX_K)] * 4
        for budget_s in (0.001, 0.01, 0.1):
            started = time.monotonic()
            results = crowd.search_many(requests, Deadline.after(budget_s))
            assert time.monotonic() - started < budget_s + 3.0
            for result in results:
                assert result.status in (RouteStatus.OK, RouteStatus.PARTIAL, RouteStatus.TIMED_OUT), result.error
                assert result.status is not RouteStatus.OK or len(result.hits) == MAX_K
