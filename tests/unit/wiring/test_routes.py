"""Routes by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import IndexInfo
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.recall.rewrite import RewriteRoute
from multirecall.wiring.rewriter_models import RewriterModels
from multirecall.wiring.routes import open_routes, route_names
from multirecall.wiring.settings import Settings

INDEX = IndexInfo(name="shop-000001", schema=Schema(), count=0, live=True)


def rewrite_route(**given: Any) -> RewriteRoute:
    settings = Settings(**given)
    with RewriterModels(settings) as models, ExactEngine("shop") as engine:
        (route,) = open_routes(settings, INDEX, ["rewrite"], engine=engine, models=models, k=20).routes
    assert isinstance(route, RewriteRoute)
    return route


def test_rewriters_that_were_not_built_say_which_command_builds_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        rewrite_route(rewriters="spelling", cache_dir=tmp_path)
    assert "multirecall rewriters build" in f"{caught.value.message} {caught.value.hint}"


def test_the_settings_of_the_route_reach_it() -> None:
    route = rewrite_route(rewriters="units", rewrite_merge="parts", rewrite_feedback=5, rewrite_second="units")
    assert (route.k, route.merge, route.feedback, route.vector_field) == (20, "parts", 5, None)
    assert route.second is not None
    assert not route.needs_preparation  # nothing here takes a model
    assert rewrite_route(rewriters="units").second is None


@pytest.mark.parametrize("text", ["lexical,rewriter", "", " , "])
def test_unknown_routes_are_named_with_those_that_are_known(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        route_names(text)
    assert "lexical, dense, rewrite" in caught.value.hint
