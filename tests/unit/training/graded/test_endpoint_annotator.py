from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multirecall.core.errors import DeadlineExceeded, EncoderError, InvalidInput, InvalidSource
from multirecall.recall.rewriters.endpoint import ChatEndpoint
from multirecall.training.graded.endpoint_annotator import EndpointAnnotator
from multirecall.training.graded.policy_prompt import PolicyPrompt
from multirecall.training.graded.remembering import RememberingAnnotator
from tests.support.chat_server import ChatServer, answer, completion, hang

TEXTS = {"p1": "HP toner, black", "p2": 'desk "oak"', "p3": "garden hose"}
PAIRS = [("toner", "p1"), ("toner", "p2"), ("toner", "gone"), ("hose", "p3")]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def _annotator(server: ChatServer, **values: Any) -> EndpointAnnotator:
    endpoint = ChatEndpoint(
        server.url, model="m", prompt=PolicyPrompt(n_levels=3), of="annotator", setting="MULTIRECALL_ANNOTATE"
    )
    return EndpointAnnotator(endpoint, TEXTS, n_levels=3, **values)


def _by_product(said: dict[str, dict[str, Any] | str]) -> Any:
    """Answers by the product of the pair: a text, or a whole body."""

    def behave(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
        product = json.loads(request["messages"][-1]["content"])["product"]
        one = said[product]
        body = json.dumps(completion(one) if isinstance(one, str) else one).encode()
        answer(None, body=body)(handler, request, ended)

    return behave


def test_levels_are_read_and_products_without_a_text_are_not_asked_for(server: ChatServer) -> None:
    sure = completion("Grade: 0.", logprobs=[np.log(0.8), np.log(0.8)])
    server.behave = _by_product({TEXTS["p1"]: "2", TEXTS["p2"]: sure, TEXTS["p3"]: "<think>2 or 0? 1</think>1"})
    found = _annotator(server, trust=0.9).grade(PAIRS)
    assert found[0] == pytest.approx([0.05, 0.05, 0.9])
    assert found[1] == pytest.approx([0.8, 0.1, 0.1])
    assert np.isnan(found[2]).all()
    assert found[3] == pytest.approx([0.05, 0.9, 0.05])
    messages = server.seen[0][2]["messages"]
    assert "policy" in messages[0]["content"]
    assert [json.loads(one["content"])["query"] for one in messages[1::2]][-1] in ("toner", "hose")
    assert len(server.seen) == 3


@pytest.mark.parametrize("garbage", ["", "exact", "3", "12", "1 or 2", "2.5", "I think that\n0 or maybe 1"])
def test_what_is_no_level_says_nothing(server: ChatServer, garbage: str) -> None:
    server.behave = answer(garbage)
    assert np.isnan(_annotator(server).grade(PAIRS[:1])).all()


def test_a_server_that_fails_once_costs_its_batch_and_no_more(server: ChatServer) -> None:
    pairs = [*[("busy", "p1")] * 8, *[("toner", "p1")] * 2]

    def behave(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
        busy = json.loads(request["messages"][-1]["content"])["query"] == "busy"
        answer("2", status=503 if busy else 200)(handler, request, ended)

    server.behave = behave
    found = _annotator(server).grade(pairs)
    assert np.isnan(found).all(axis=1).tolist() == [True] * 8 + [False] * 2


def test_a_server_that_keeps_failing_ends_it(server: ChatServer) -> None:
    server.behave = answer("no", status=401)
    with pytest.raises(EncoderError, match=r"annotator .* answered 401.*MULTIRECALL_ANNOTATE_API_KEY"):
        _annotator(server).grade([("toner", "p1")] * 40)
    assert len(server.seen) <= 24
    server.behave = hang
    with pytest.raises(DeadlineExceeded, match="annotator"):
        _annotator(server, timeout_s=0.05, max_failures=1).grade(PAIRS)


def test_what_was_graded_is_not_asked_again(server: ChatServer, tmp_path: Path) -> None:
    server.behave = _by_product({TEXTS["p1"]: "2", TEXTS["p2"]: "nothing", TEXTS["p3"]: "0"})
    file = tmp_path / "grades.jsonl"
    first = RememberingAnnotator(_annotator(server), file).grade(PAIRS)
    assert len(server.seen) == 3
    with file.open("ab") as cut_off:
        cut_off.write(b'{"by": "x", "que')
    again = RememberingAnnotator(_annotator(server), file)
    np.testing.assert_array_equal(again.grade(PAIRS), first)
    assert len(server.seen) == 4  # only that which it could not say
    other = EndpointAnnotator(
        ChatEndpoint(server.url, model="other", prompt=PolicyPrompt(n_levels=3)), TEXTS, n_levels=3
    )
    RememberingAnnotator(other, file).grade(PAIRS)
    assert len(server.seen) == 7
    file.write_bytes(b"{}\n")
    with pytest.raises(InvalidSource, match="line 1 is no grade"):
        RememberingAnnotator(other, file)


def test_a_policy_of_ones_own_takes_the_place_of_ours() -> None:
    own = PolicyPrompt(n_levels=2, policy=("0 no", "1 yes"))
    assert len(own.chat("x")) == 2
    assert "0 no\n1 yes" in own.chat("x")[0]["content"]
    for wrong in (PolicyPrompt, lambda **v: PolicyPrompt(policy=("0 no", "yes"), **v)):
        with pytest.raises(InvalidInput, match="a line for each"):
            wrong(n_levels=2)


class _Counting:
    """Says the same of every pair; keeps the queries of each call."""

    n_levels = 2
    fingerprint = "0" * 16

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def grade(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        self.asked.append([query for query, _ in pairs])
        return np.tile([0.25, 0.75], (len(pairs), 1))


def test_pairs_of_one_query_are_asked_together(tmp_path: Path) -> None:
    counting = _Counting()
    pairs = [(query, str(n)) for query in ("a", "b", "c") for n in range(60)]
    assert RememberingAnnotator(counting, tmp_path / "kept").grade(pairs).shape == (180, 2)
    assert [(call[0], call[-1], len(call)) for call in counting.asked] == [("a", "b", 120), ("c", "c", 60)]
