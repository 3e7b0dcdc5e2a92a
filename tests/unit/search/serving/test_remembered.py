"""Answers of a language model are kept; a late one is kept for the next search; a broken model is left alone."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError
from multirecall.recall.rewriters.generator import Generated, Generator
from multirecall.search.breaker import Breaker
from multirecall.search.serving.remembered import RememberedGenerator
from tests.support.deployments import eventually

SOON_S = 0.02
PATIENT_S = 20.0


class Model:
    """Answers once its gate is open; fails while it is told to."""

    name = "model"
    fingerprint = "0123456789abcdef"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.asked: list[str] = []
        self.deadlines: list[Deadline] = []

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        self.asked.extend(texts)
        self.deadlines.append(deadline)
        self.gate.wait(PATIENT_S)
        if self.broken:
            raise EncoderError("The model is broken.")
        return [Generated(text=f"{text} cable", log_probability=-0.5) for text in texts]


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.gate.set()


@pytest.fixture
def remember(model: Model) -> Iterator[Callable[..., RememberedGenerator]]:
    made: list[RememberedGenerator] = []

    def make(**options: Any) -> RememberedGenerator:
        made.append(RememberedGenerator(model, **{"max_bytes": 10**6, "wait_s": PATIENT_S, **options}))
        return made[-1]

    yield make
    model.gate.set()
    for one in made:
        one.close()


Remember = Callable[..., RememberedGenerator]


def soon() -> Deadline:
    return Deadline.after(SOON_S)


def patient() -> Deadline:
    return Deadline.after(PATIENT_S)


def test_an_answer_is_asked_for_once(model: Model, remember: Remember) -> None:
    made = remember()
    assert isinstance(made, Generator)
    assert (made.name, made.fingerprint) == (model.name, model.fingerprint)
    first = made.generate(["a", "b", "a"], patient())
    assert [one.text for one in first] == ["a cable", "b cable", "a cable"]
    assert made.generate(["a", "b", "a"], patient()) == first
    assert sorted(model.asked) == ["a", "b"]
    assert made.counters.snapshot() == {"hit_memory": 2, "asked": 2, "answered": 2}
    assert made.nbytes > 0


def test_a_search_goes_on_without_a_late_model_and_the_next_one_has_the_answer(
    model: Model, remember: Remember
) -> None:
    made = remember()
    model.gate.clear()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="The next search may have its answer"):
        made.generate(["a"], soon())
    assert time.monotonic() - started < 2.0
    assert (made.pending, made.counters["late"]) == (1, 1)
    model.gate.set()
    eventually(lambda: made.pending == 0)
    assert made.generate(["a"], Deadline.after(0.0)) == [Generated(text="a cable", log_probability=-0.5)]
    assert model.asked == ["a"]


def test_it_waits_no_longer_than_it_is_told_to_however_much_time_is_left(model: Model, remember: Remember) -> None:
    made = remember(wait_s=SOON_S)
    model.gate.clear()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        made.generate(["a"], patient())
    assert time.monotonic() - started < 2.0


def test_a_model_that_was_always_slower_is_not_waited_for_until_it_is_quicker(model: Model, remember: Remember) -> None:
    made = remember(n_threads=8)
    model.gate.clear()
    for n in range(8):
        with pytest.raises(DeadlineExceeded):
            made.generate([f"q{n}"], soon())
    model.gate.set()
    eventually(lambda: made.pending == 0)
    model.gate.clear()
    with pytest.raises(DeadlineExceeded, match="longer than a search can wait"):
        made.generate(["q"], soon())
    assert made.pending == 1, "it is worked on all the same"
    model.gate.set()
    eventually(lambda: made.pending == 0)
    assert made.generate(["q"], soon())[0].text == "q cable"


def test_equal_questions_at_one_time_are_asked_once(model: Model, remember: Remember) -> None:
    made = remember()
    model.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(made.generate, ["a"], patient()) for _ in range(8)]
        eventually(lambda: model.asked)
        model.gate.set()
        assert {one.result()[0].text for one in waiting} == {"a cable"}
    assert model.asked == ["a"]


def test_what_may_wait_is_bounded(model: Model, remember: Remember) -> None:
    made = remember(max_pending=3, n_threads=1)
    model.gate.clear()
    for n in range(5):
        with pytest.raises(DeadlineExceeded if n < 3 else EncoderError, match=r"late|too many"):
            made.generate([f"q{n}"], soon())
    assert (made.pending, made.counters["refused"]) == (3, 2)
    model.gate.set()
    eventually(lambda: made.pending == 0)
    assert made.generate(["q4"], patient())[0].text == "q4 cable"


def test_a_broken_model_is_left_alone_for_a_while(model: Model, remember: Remember) -> None:
    now = [0.0]
    made = remember(breaker=Breaker("the model", failures=2, open_s=5.0, clock=lambda: now[0]))
    model.broken = True
    for _ in range(2):
        with pytest.raises(EncoderError, match="The model is broken"):
            made.generate(["a"], patient())
    with pytest.raises(EncoderError, match="failed too often lately"):
        made.generate(["a"], patient())
    assert len(model.asked) == 2
    assert (made.counters["failed"], made.counters["refused"]) == (2, 1)
    model.broken, now[0] = False, 6.0
    assert made.generate(["a"], patient())[0].text == "a cable"


def test_an_empty_answer_is_kept_as_any_other(
    model: Model, remember: Remember, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remember()
    monkeypatch.setattr(model, "generate", lambda texts, deadline: model.asked.extend(texts) or [Generated(text="")])
    assert [made.generate(["a"], patient())[0].text for _ in range(3)] == ["", "", ""]
    assert model.asked == ["a"]


def test_memory_is_bounded_and_none_is_possible(model: Model, remember: Remember) -> None:
    made = remember(max_bytes=2_000)
    for n in range(20):
        made.generate([f"q{n}"], patient())
    assert 0 < made.nbytes <= 2_000
    forgets = remember(max_bytes=0)
    assert forgets.generate(["x"], patient()) == forgets.generate(["x"], patient())
    assert model.asked.count("x") == 2


def test_filling_asks_for_what_is_not_known_together(model: Model, remember: Remember) -> None:
    made = remember()
    made.generate(["b"], patient())
    assert made.fill(["a", "b", "c", "a"], patient()) == (1, 2)
    assert made.fill(["a", "b", "c"], patient()) == (3, 0)
    assert model.asked == ["b", "a", "c"]


def test_closed_it_takes_nothing_more(remember: Remember) -> None:
    made = remember()
    made.close()
    with pytest.raises(EncoderError, match="is closed"):
        made.generate(["a"], patient())
    assert made.pending == 0


def test_closing_drops_what_waits_and_tells_the_model_that_its_time_is_over(model: Model, remember: Remember) -> None:
    made = remember(n_threads=1)
    model.gate.clear()
    for text in ("a", "b"):
        with pytest.raises(DeadlineExceeded):
            made.generate([text], soon())
    eventually(lambda: model.asked)
    made.close()
    assert model.deadlines[0].expired
    model.gate.set()
    eventually(lambda: made.pending == 0)
    assert model.asked == ["a"]


def test_a_model_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import threading
from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded
from multirecall.search.serving.remembered import RememberedGenerator

class Hangs:
    name = fingerprint = "hangs"
    def generate(self, texts, deadline):
        threading.Event().wait(600)

made = RememberedGenerator(Hangs(), max_bytes=0)
try:
    made.generate(["a"], Deadline.after(0.01))
except DeadlineExceeded:
    made.close()
    print("late", flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=True)
    assert ended.stdout == "late\n"
