"""A blender that learns from the queries' rewritings, and what becomes of it where there are none."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.core.ranking import RouteStatus
from multirecall.engines.analysis import terms
from multirecall.engines.embedded import EmbeddedEngine
from multirecall.fusion.blender_model import CARD_FILE, BlenderModel
from multirecall.search.understand import understand
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.blender.cross_validation import examples_of
from multirecall.training.blender.examples import REWRITINGS, Featuriser
from multirecall.training.blender.growing import Growing
from multirecall.training.blender.storing import save_blender
from multirecall.training.blender.training import TrainedBlender, train_blender
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from tests.support.judged_shop import judged_shop
from tests.support.pools import TERMS, rewritten_pools

QUICK = Growing(rounds=20, patience=20, least_rows=5, leaves=4)
TYPED, MEANT = "mechanical tastatur", "mechanical keyboard"


@pytest.fixture(scope="module")
def pools() -> list[JudgedPool]:
    return rewritten_pools(16, seed=1)


@pytest.fixture(scope="module")
def trained(pools: list[JudgedPool]) -> TrainedBlender:
    analyse = partial(terms, language="english")
    return train_blender(pools, analyse=analyse, language="english", terms=TERMS, growing=QUICK, n_folds=2)


def test_what_only_rewritings_tell_is_learned_from_them(trained: TrainedBlender) -> None:
    assert trained.model.reads_rewritings
    figure = trained.report.overall.figure("blender", "nDCG@10").mean
    others = [trained.report.overall.figure(name, "nDCG@10").mean for name in ("dense", "lexical", "RRF")]
    assert figure is not None
    assert figure > 0.99 > max(other or 0.0 for other in others)


def test_without_rewritings_there_are_no_features_of_them(pools: list[JudgedPool]) -> None:
    plain = [replace(pool, query=replace(pool.query, rewritings=())) for pool in pools]
    model = train_blender(plain, analyse=str.split, language="none", terms=TERMS, growing=QUICK, n_folds=2).model
    assert not model.features.rewritings
    assert not model.reads_rewritings


def test_a_stored_model_knows_that_it_reads_them(trained: TrainedBlender) -> None:
    files = trained.model.to_files()
    again = BlenderModel.from_files(files)
    assert again.features == trained.model.features
    assert again.reads_rewritings
    card = json.loads(files[CARD_FILE])
    del card["rewritings"]  # as models of before have it: then these features are none of its
    with pytest.raises(InvalidSettings, match="features"):
        BlenderModel.from_files({**files, CARD_FILE: json.dumps(card)})


def test_an_example_without_rewritings_lacks_their_features_alone(
    pools: list[JudgedPool], trained: TrainedBlender
) -> None:
    featuriser = Featuriser(features=trained.model.features, analyse=str.split, terms=TERMS)
    full, without = featuriser.example(pools[0]), featuriser.example(pools[0], without=(REWRITINGS,))
    of_rewritings = np.array([name.startswith("rewritten.") for name in trained.model.features.names])
    assert np.isnan(without.matrix[:, of_rewritings]).all()
    assert not np.isnan(full.matrix[:, of_rewritings]).all(axis=0).any()
    np.testing.assert_array_equal(full.matrix[:, ~of_rewritings], without.matrix[:, ~of_rewritings])


def test_with_dropout_every_query_is_learned_without_its_rewritings_too(
    pools: list[JudgedPool], trained: TrainedBlender
) -> None:
    featuriser = Featuriser(features=trained.model.features, analyse=str.split, terms=TERMS)
    plain = [replace(pools[0], query=replace(pools[0].query, rewritings=())), *pools[1:3]]
    left_out = [example.without for example in examples_of(plain, featuriser, QUICK)]
    routes = [(), ("dense",), ("lexical",)]
    assert left_out == [*routes, *[*routes, (REWRITINGS,)] * 2]
    assert {e.without for e in examples_of(plain, featuriser, replace(QUICK, dropout=0.0))} == {()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, trained: TrainedBlender) -> Settings:
    folder = tmp_path_factory.mktemp("shop")
    settings = judged_shop(folder, queries=10)
    save_blender(trained.model, folder / "blender")
    (folder / "synonyms.txt").write_text("tastatur => keyboard\n", encoding="utf-8")
    update = {"fusion": f"blender:{folder / 'blender'}", "synonyms": folder / "synonyms.txt", "rewriters": "synonyms"}
    return settings.model_copy(update=update)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each call to the engine had."""
    made: list[int] = []
    search_many = EmbeddedEngine.search_many

    def counted(self, requests, *given, **named):  # type: ignore[no-untyped-def]
        made.append(len(requests))
        return search_many(self, requests, *given, **named)

    monkeypatch.setattr(EmbeddedEngine, "search_many", counted)
    return made


def test_a_search_compares_products_with_what_was_meant_and_asks_the_engine_no_more(
    shop: Settings, calls: list[int]
) -> None:
    query = understand(TYPED)
    with opened_searcher(shop, fusion="weighted_sum") as opened:
        opened.searcher.search(query)
        without = [*calls]
    calls.clear()
    with opened_searcher(shop, routes="lexical,dense") as opened:
        page = opened.searcher.search(query, explain=True)
    assert (page.degraded, page.notes) == ({}, ())
    assert calls == without
    assert [one.text for one in page.rewritings] == [MEANT]
    assert [trace.rewritings for trace in page.routes] == [(), ()]
    assert "rewrite" in page.timings_ms
    top = page.hits[0]
    assert "keyboard" in top.product["title"].casefold()
    assert top.explanation is not None
    shares = {share.name: share for share in top.explanation.shares}
    assert shares["rewritten.title.coverage"].value == 1.0
    assert sum(share.contribution for name, share in shares.items() if name.startswith("rewritten.")) > 0.0


def test_with_the_route_the_query_is_rewritten_once(shop: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from multirecall.recall.rewriters.synonyms import Synonyms

    asked: list[str] = []
    rewrite = Synonyms.rewrite
    monkeypatch.setattr(
        Synonyms, "rewrite", lambda self, query, deadline: asked.append(query.text) or rewrite(self, query, deadline)
    )
    with opened_searcher(shop, routes="lexical,rewrite", fusion="weighted_sum", rewritings=True) as opened:
        answer = opened.searcher.rank(understand(TYPED), 10)
    assert asked == [TYPED]
    assert answer.query.rewritings == answer.rankings[-1].rewritings != ()
    assert answer.rankings[-1].status is RouteStatus.OK


def test_a_shop_without_rewriters_says_what_is_missing_and_answers(shop: Settings) -> None:
    with opened_searcher(shop.model_copy(update={"rewriters": ""})) as opened:
        page = opened.searcher.search(understand(MEANT))
    assert page.hits
    assert page.degraded == {}
    assert any("MULTIRECALL_REWRITERS" in note for note in page.notes)


def test_the_order_hangs_on_the_rewriters(shop: Settings) -> None:
    """So a kept answer must not outlive a change of the synonyms."""
    with opened_searcher(shop) as opened:
        before = opened.searcher.fingerprint
    with opened_searcher(shop.model_copy(update={"synonyms": None})) as opened:
        assert opened.searcher.fingerprint != before
    with (
        opened_searcher(shop, fusion="rrf") as one,
        opened_searcher(shop.model_copy(update={"synonyms": None}), fusion="rrf") as other,
    ):
        assert one.searcher.fingerprint == other.searcher.fingerprint
