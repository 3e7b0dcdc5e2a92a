from __future__ import annotations

from dataclasses import dataclass

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, InvalidInput
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.rewriters.chain import RewriteChain, joined_fingerprint
from multirecall.recall.rewriting import JoinsRewriters, Rewriter

NEVER = Deadline.never()


@dataclass(frozen=True)
class Replaces:
    """Replaces one word by another, as sure as it is told."""

    name: str
    word: str
    by: str
    confidence: float = 0.5
    is_model: bool = False

    @property
    def fingerprint(self) -> str:
        return joined_fingerprint((self.word, self.by, str(self.confidence)))

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        deadline.check(self.name)
        if self.word not in query.text.split():
            return ()
        text = " ".join(self.by if word == self.word else word for word in query.text.split())
        return (Rewriting(text=text, by=self.name, confidence=self.confidence, log=(f"{self.word} → {self.by}",)),)


def query(text: str) -> Query:
    return Query(raw=text, text=text, size=7)


def test_repairs_follow_each_other_and_make_one_text() -> None:
    chain = RewriteChain(
        repairs=(Replaces("units", "zoll", "inch", 0.9), Replaces("spelling", "mouce", "mouse", 0.8)),
    )
    assert isinstance(chain, Rewriter)
    assert isinstance(chain, JoinsRewriters)
    (repaired,) = chain.rewrite(query("zoll mouce"), NEVER)
    assert repaired == Rewriting(
        text="inch mouse", by="units+spelling", confidence=0.9 * 0.8, log=("zoll → inch", "mouce → mouse")
    )


def test_alternatives_are_asked_for_the_query_and_for_its_repaired_text() -> None:
    chain = RewriteChain(
        repairs=(Replaces("spelling", "mouce", "mouse", 0.8),),
        alternatives=(Replaces("synonyms", "usb", "cable", 0.5), Replaces("languages", "mouse", "maus", 0.6)),
    )
    found = {one.text: one for one in chain.rewrite(query("usb mouce"), NEVER)}
    assert found["cable mouce"].confidence == 0.5
    assert found["cable mouse"].confidence == 0.8 * 0.5
    assert found["usb maus"].by == "spelling+languages"
    assert found["usb maus"].log == ("mouce → mouse", "mouse → maus")
    assert [one.text for one in chain.rewrite(query("usb mouce"), NEVER)] == [
        "usb mouse", "cable mouce", "usb maus", "cable mouse",
    ]  # fmt: skip


def test_a_model_is_asked_once_for_the_repaired_text() -> None:
    chain = RewriteChain(
        repairs=(Replaces("spelling", "mouce", "mouse", 0.8),),
        alternatives=(Replaces("model", "usb", "wired", 0.5, is_model=True),),
    )
    assert [one.text for one in chain.rewrite(query("usb mouce"), NEVER)] == ["usb mouse", "wired mouse"]
    assert [one.text for one in chain.rewrite(query("usb mouse"), NEVER)] == ["wired mouse"]
    assert chain.is_model
    assert not chain.without_models().is_model


def test_equal_texts_are_merged_and_the_own_text_is_dropped() -> None:
    said = (("a", "Wi-Fi", 0.4), ("b", "wi fi", 0.7), ("c", "WIFI", 0.9))
    chain = RewriteChain(alternatives=tuple(Replaces(name, "wifi", text, sure) for name, text, sure in said))
    assert [(one.text, one.by) for one in chain.rewrite(query("wifi"), NEVER)] == [("wi fi", "b")]


def test_of_equal_texts_the_repaired_one_stays_if_it_is_about_as_sure() -> None:
    def texts(sure: float) -> list[tuple[str, float]]:
        chain = RewriteChain(
            repairs=(Replaces("units", "15,6", "15.6", sure),), alternatives=(Replaces("languages", "rot", "red", 0.9),)
        )
        return [(one.text, one.confidence) for one in chain.rewrite(query("rot 15,6"), NEVER)]

    assert texts(0.95) == [("rot 15.6", 0.95), ("red 15.6", 0.95 * 0.9)]
    assert texts(0.5) == [("red 15,6", 0.9), ("rot 15.6", 0.5)]


def test_a_repair_may_change_the_spaces_alone() -> None:
    chain = RewriteChain(repairs=(Replaces("compounds", "powerbank", "power bank", 0.7),))
    assert [one.text for one in chain.rewrite(query("powerbank"), NEVER)] == ["power bank"]


def test_the_surest_n_are_kept_ties_by_text() -> None:
    chain = RewriteChain(alternatives=tuple(Replaces(name, "x", name, 0.5) for name in ("d", "b", "a", "c")), n=3)
    assert [one.text for one in chain.rewrite(query("x"), NEVER)] == ["a", "b", "c"]


def test_one_that_fails_takes_nothing_from_the_others() -> None:
    @dataclass(frozen=True)
    class Broken(Replaces):
        def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
            raise DeadlineExceeded("Too late.")

    chain = RewriteChain(
        repairs=(Broken("units", "x", "y"), Replaces("spelling", "x", "z")),
        alternatives=(Broken("model", "x", "y", is_model=True), Replaces("synonyms", "z", "w")),
    )
    answer = chain.rewrite_all(query("x"), NEVER)
    assert [one.text for one in answer.rewritings] == ["z", "w"]
    assert answer.failed == {"units": "Too late.", "model": "Too late."}


def test_a_late_model_does_not_keep_the_others_waiting() -> None:
    now = 0.0
    deadline = Deadline.after(1.0, clock=lambda: now)

    @dataclass(frozen=True)
    class Slow(Replaces):
        def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
            nonlocal now
            now = 2.0
            return super().rewrite(query, deadline)

    chain = RewriteChain(alternatives=(Slow("model", "x", "y", is_model=True), Replaces("synonyms", "x", "z")))
    answer = chain.rewrite_all(query("x"), deadline)
    assert [one.text for one in answer.rewritings] == ["z"]
    assert set(answer.failed) == {"model"}


def test_alternatives_see_the_codes_of_the_repaired_text_and_the_same_request() -> None:
    seen: list[Query] = []

    @dataclass(frozen=True)
    class Sees(Replaces):
        def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
            seen.append(query)
            return ()

    RewriteChain(
        repairs=(Replaces("units", "tb", "2tb"),), alternatives=(Sees("synonyms", "", ""),)
    ).rewrite(query("disk tb"), NEVER)  # fmt: skip
    assert [one.text for one in seen] == ["disk tb", "disk 2tb"]
    assert "2tb" in seen[1].codes
    assert seen[1].size == 7


def test_the_fingerprint_is_over_all_that_the_answers_depend_on() -> None:
    def made(word: str = "x", n: int = 4, as_repair: bool = False) -> RewriteChain:
        one = (Replaces("a", word, "y"),)
        return RewriteChain(repairs=one if as_repair else (), alternatives=() if as_repair else one, n=n)

    prints = {made().fingerprint, made(word="z").fingerprint, made(n=3).fingerprint, made(as_repair=True).fingerprint}
    assert len(prints) == 4
    assert made().fingerprint == made().fingerprint
    assert joined_fingerprint(("ab", "c")) != joined_fingerprint(("a", "bc"))


def test_a_chain_keeps_one_or_more() -> None:
    with pytest.raises(InvalidInput, match="n=0"):
        RewriteChain(n=0)
