"""A searcher that follows what is live: each page from one index, none lost while indexes come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from multirecall.core.errors import EngineUnavailable, FingerprintMismatch, InvalidInput, NotFound
from multirecall.core.query import Query
from multirecall.engines.base import IndexInfo
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.fusion import RRF
from multirecall.recall import LexicalRoute
from multirecall.search import Searcher, understand
from multirecall.search.live import LiveSearcher
from multirecall.search.page import Page
from tests.support.records import upsert

QUERY = understand("lamp")
WAIT_S = 20.0


@pytest.fixture
def engine() -> Iterator[ExactEngine]:
    with ExactEngine("shop") as engine:
        yield engine


def add_index(engine: ExactEngine, word: str, *, live: bool = True) -> str:
    """A new index whose only product is called `Lamp <word>`."""
    index = engine.create(Schema())
    assert all(result.ok for result in engine.write([upsert("1", f"Lamp {word}")], index=index))
    engine.refresh(index=index)
    if live:
        engine.swap(index)
    return index


def title(page: Page) -> str:
    [hit] = page.hits
    return str(hit.product["title"])


class Opened(Searcher):
    """A lexical searcher held to one index; `searching` is called in the middle of each search."""

    def __init__(self, engine: ExactEngine, index: str, searching: Callable[[], None] = lambda: None) -> None:
        super().__init__(engine, routes=[LexicalRoute()], fusion=RRF(), encoders={}, timeout_s=30.0, index=index)
        self.index, self.searching, self.closed = index, searching, 0

    def search(self, query: Query, *, timeout_s: float | None = None, explain: bool = False) -> Page:
        if self.closed:
            raise AssertionError("searched after it was closed")
        self.searching()
        return super().search(query, timeout_s=timeout_s, explain=explain)

    def close(self) -> None:
        self.closed += 1
        super().close()


class Opening:
    """Opens generations and remembers them; `fails` are raised instead, one after another."""

    def __init__(self, engine: ExactEngine) -> None:
        self.engine, self.made, self.fails = engine, [], []
        self.searching: Callable[[], None] = lambda: None

    def __call__(self, info: IndexInfo) -> Searcher:
        if self.fails:
            raise self.fails.pop(0)
        self.made.append(Opened(self.engine, info.name, self.searching))
        return self.made[-1]


def eventually(reached: Callable[[], bool]) -> None:
    """Fails unless it becomes true within WAIT_S."""
    until = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < until
        pause.wait(0.005)


def test_before_the_first_index_a_search_says_so_and_the_next_one_is_answered(engine: ExactEngine) -> None:
    with LiveSearcher(engine, Opening(engine)) as live:
        assert live.generation == ""
        with pytest.raises(NotFound):
            live.search(QUERY)
        first = add_index(engine, "one")
        assert (title(live.search(QUERY)), live.generation) == ("Lamp one", first)


def test_it_goes_over_to_what_goes_live_and_closes_what_was_before(engine: ExactEngine) -> None:
    first = add_index(engine, "one")
    opening = Opening(engine)
    with LiveSearcher(engine, opening) as live:
        assert (live.generation, title(live.search(QUERY))) == (first, "Lamp one")
        second = add_index(engine, "two")
        assert title(live.search(QUERY)) == "Lamp one"  # not looked yet
        live.follow()
        assert (live.generation, title(live.search(QUERY))) == (second, "Lamp two")
        live.follow()
        assert [one.closed for one in opening.made] == [1, 0]
    assert [one.closed for one in opening.made] == [1, 1]


def test_it_looks_by_itself_in_the_background(engine: ExactEngine) -> None:
    add_index(engine, "one")
    with LiveSearcher(engine, Opening(engine), look_every_s=0.0) as live:
        add_index(engine, "two")
        eventually(lambda: title(live.search(QUERY)) == "Lamp two")


def test_it_does_not_look_again_before_its_time(engine: ExactEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_index(engine, "one")
    with LiveSearcher(engine, Opening(engine), look_every_s=3600.0) as live:
        monkeypatch.setattr(live, "follow", lambda: pytest.fail("looked"))
        add_index(engine, "two")
        assert title(live.search(QUERY)) == "Lamp one"


def test_a_search_that_runs_ends_on_the_index_it_began_with(engine: ExactEngine) -> None:
    add_index(engine, "one")
    opening = Opening(engine)
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        inside.set()
        assert go_on.wait(WAIT_S)

    opening.searching = hold
    pages: list[Page] = []
    with LiveSearcher(engine, opening) as live:
        running = threading.Thread(target=lambda: pages.append(live.search(QUERY)))
        running.start()
        assert inside.wait(WAIT_S)
        opening.searching = lambda: None
        add_index(engine, "two")
        live.follow()
        assert title(live.search(QUERY)) == "Lamp two"
        assert opening.made[0].closed == 0  # somebody is in it
        go_on.set()
        running.join(WAIT_S)
        assert [title(page) for page in pages] == ["Lamp one"]
        assert opening.made[0].closed == 1


def test_an_index_that_is_gone_costs_one_more_try_and_no_error(engine: ExactEngine) -> None:
    first = add_index(engine, "one")
    with LiveSearcher(engine, Opening(engine), look_every_s=3600.0) as live:
        add_index(engine, "two")
        engine.drop(first)
        assert title(live.search(QUERY)) == "Lamp two"


def test_not_found_is_tried_again_once_only(engine: ExactEngine) -> None:
    add_index(engine, "one")
    opening = Opening(engine)
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise NotFound("no such thing")

    opening.searching = fail
    with LiveSearcher(engine, opening, look_every_s=3600.0) as live, pytest.raises(NotFound):
        live.search(QUERY)
    assert len(tries) == 2


@pytest.mark.parametrize(
    "error", [FingerprintMismatch("another model"), EngineUnavailable("gone"), RuntimeError("broken")]
)
def test_an_index_that_cannot_be_opened_leaves_the_old_one_and_every_page_says_so(
    engine: ExactEngine, error: Exception
) -> None:
    add_index(engine, "one")
    opening = Opening(engine)
    with LiveSearcher(engine, opening, look_every_s=3600.0) as live:
        second = add_index(engine, "two")
        opening.fails = [error]
        with pytest.raises(type(error)):
            live.follow()
        for _ in range(2):
            page = live.search(QUERY)
            assert title(page) == "Lamp one"
            assert page.notes[-1] == f"Index {second} is live, but could not be opened here: {error}"
        live.follow()  # it can be opened now
        page = live.search(QUERY)
        assert (title(page), page.notes) == ("Lamp two", ())


def test_a_failure_in_the_background_is_logged_and_tried_again(
    engine: ExactEngine, caplog: pytest.LogCaptureFixture
) -> None:
    add_index(engine, "one")
    opening = Opening(engine)
    with LiveSearcher(engine, opening, look_every_s=0.0) as live:
        opening.fails = [RuntimeError("out of memory")]
        add_index(engine, "two")
        eventually(lambda: title(live.search(QUERY)) == "Lamp two")
    assert "out of memory" in caplog.text


def test_going_back_clears_the_note(engine: ExactEngine) -> None:
    first = add_index(engine, "one")
    opening = Opening(engine)
    with LiveSearcher(engine, opening, look_every_s=3600.0) as live:
        add_index(engine, "two")
        opening.fails = [EngineUnavailable("gone")]
        with pytest.raises(EngineUnavailable):
            live.follow()
        engine.swap(first)
        live.follow()
        assert live.search(QUERY).notes == ()


def test_after_close_a_search_is_an_error_and_nothing_is_opened(engine: ExactEngine) -> None:
    add_index(engine, "one")
    opening = Opening(engine)
    live = LiveSearcher(engine, opening, look_every_s=3600.0)
    live.close()
    live.close()
    add_index(engine, "two")
    live.follow()
    assert len(opening.made) == 1
    with pytest.raises(InvalidInput, match="closed"):
        live.search(QUERY)


def test_many_threads_never_see_an_error_or_a_mixed_page(engine: ExactEngine) -> None:
    """Each index is dropped as soon as the next one but one is live, while eight threads search."""
    add_index(engine, "0")
    opening = Opening(engine)
    problems: list[BaseException] = []
    seen: set[str] = set()
    ended = threading.Event()

    def shopper(live: LiveSearcher) -> None:
        try:
            while not ended.is_set():
                seen.add(title(live.search(QUERY)))
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            problems.append(error)

    with LiveSearcher(engine, opening, look_every_s=0.0) as live:
        threads = [threading.Thread(target=shopper, args=(live,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        old = []
        for number in range(1, 20):
            old.append(add_index(engine, str(number)))
            eventually(lambda: f"Lamp {number}" in seen or bool(problems))  # noqa: B023 - called at once
            if len(old) > 2:
                engine.drop(old.pop(0))
        ended.set()
        for thread in threads:
            thread.join(WAIT_S)
    assert problems == []
    assert seen == {f"Lamp {number}" for number in range(20)}
    assert all(one.closed == 1 for one in opening.made)


def test_a_searcher_is_made_anew_when_what_it_is_made_of_has_changed_and_settled(engine: ExactEngine) -> None:
    add_index(engine, "red")
    opening, parts = Opening(engine), ["one"]

    def made_of() -> str | None:
        return parts[0] or None

    with LiveSearcher(engine, opening, look_every_s=3600.0, made_of=made_of) as live:
        for _ in range(3):
            live.follow()
        assert len(opening.made) == 1
        for half in ("half", "whole"):
            parts[0] = half
            live.follow()
            assert len(opening.made) == 1, "it may still be being written"
        live.follow()
        assert len(opening.made) == 2
        assert opening.made[0].closed == 1
        assert title(live.search(QUERY)) == "Lamp red"
        parts[0] = ""  # gone: what is there answers on
        for _ in range(3):
            live.follow()
        assert len(opening.made) == 2
