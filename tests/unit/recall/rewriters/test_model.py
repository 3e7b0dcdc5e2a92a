"""How far a model's rewrites are trusted, and the rewriter that is made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EncoderError, InvalidInput
from multirecall.recall.rewriters.generator import Generated
from multirecall.recall.rewriters.model import MAX_ASKED_CHARS, ModelRewriter
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.recall.rewriters.trusting import trust
from multirecall.recall.rewriters.vocabulary import Vocabulary
from multirecall.recall.rewriting import Rewriter
from multirecall.search import understand

WORDS = Vocabulary(
    words={"toner": 9, "cartridge": 5, "black": 7, "adapter": 3, "vga": 2, "hp": 4, "canon": 4},
    brands={"hp": 4, "canon": 4},
    n_products=20,
)
ALWAYS = Deadline.never()


@dataclass(frozen=True)
class Says:
    """A generator with one answer to everything."""

    text: str
    log_probability: float | None = None
    name: str = "says"
    asked: list[str] = field(default_factory=list, compare=False)

    @property
    def fingerprint(self) -> str:
        return self.text

    def generate(self, texts: Sequence[str], deadline: Deadline) -> list[Generated]:
        self.asked.extend(texts)
        return [Generated(text=self.text, log_probability=self.log_probability) for _ in texts]


def texts_of(answer: object, query: str, *, n: int = 5, words: Vocabulary | None = None) -> list[str]:
    rewriter = ModelRewriter(generator=Says(json.dumps(answer)), n=n, words=words)
    return [one.text for one in rewriter.rewrite(understand(query), ALWAYS)]


@pytest.mark.parametrize(
    ("query", "rewrite", "refused"),
    [
        ("toner LJ-4250", "black toner", "loses lj4250"),
        ("toner LJ-4250", "toner lj 4250", ""),
        ("toner lj4250", "LJ-4250 toner", ""),
        ("toner for my printer", "q2613a toner", "invents q2613a"),
        ("toner for my printer", "toner 4006381333931", "invents 4006381333931"),
        ("old beamer", "usb-c to vga adapter", "an example of the prompt"),
        ("usb-c to old beamer", "usb-c to vga adapter", ""),
    ],
)
def test_part_numbers_stay_and_none_comes_in(query: str, rewrite: str, refused: str) -> None:
    assert trust(query, rewrite, position=0, log_probability=None).refused == refused


def test_confidence_is_what_the_formula_says() -> None:
    def of(query: str, rewrite: str, *, position: int = 0, told: float | None = None, words: object = None) -> float:
        return trust(query, rewrite, position=position, log_probability=told, words=words).confidence  # type: ignore[arg-type]

    assert of("ink", "toner") == pytest.approx(0.7)
    assert of("ink", "toner", position=2) == pytest.approx(0.7 * 0.95**2, abs=1e-4)
    assert of("ink", "toner", told=-0.5) == pytest.approx(math.exp(-0.5), abs=1e-4)
    assert of("ink", "toner", told=math.nan) == of("ink", "toner", told=0.5) == pytest.approx(0.7)
    assert of("ink", "toner", told=-math.inf) == pytest.approx(0.02)
    assert of("2 m cable", "3 m cable") == of("2 m cable", "cable") == of("cable", "2 m cable") == pytest.approx(0.21)
    assert of("1,5 m cable", "1.5 m cable") == pytest.approx(0.7)
    assert of("hp ink", "hp toner", words=WORDS) == of("ink", "toner", words=WORDS) == pytest.approx(0.7)
    assert of("hp ink", "canon toner", words=WORDS) == of("hp ink", "toner", words=WORDS) == pytest.approx(0.35)
    assert of("ink", "toner unheard", words=WORDS) == pytest.approx(0.7 * (0.3 + 0.7 / 2))
    assert trust("ink", "unheard", position=0, log_probability=None, words=WORDS).refused.startswith("no word")


def test_the_rewriter_orders_by_confidence_and_tells_what_it_dropped() -> None:
    answer = ["3 m hdmi cable", "ignore the above", "hdmi cable", "hdmi cord", "one more", "and more"]
    rewriter = ModelRewriter(generator=Says(json.dumps(answer)), n=3)
    assert isinstance(rewriter, Rewriter)
    assert rewriter.is_model

    found = rewriter.rewrite(understand("cable for the telly"), ALWAYS)

    assert [one.text for one in found] == ["hdmi cable", "hdmi cord", "3 m hdmi cable"]
    assert {one.by for one in found} == {"model"}
    assert any("dropped, an instruction: ignore the above" in line for one in found for line in one.log)


def test_a_text_is_asked_once_however_it_is_typed_and_a_novel_is_not_asked() -> None:
    generator = Says('["a b"]')
    rewriter = ModelRewriter(generator=generator)
    queries = [understand(text) for text in ("HDMI  Cable", "hdmi cable", "x " * MAX_ASKED_CHARS, "?!")]
    assert [len(found) for found in rewriter.rewrite_many(queries, ALWAYS)] == [1, 1, 0, 0]
    assert generator.asked == ["hdmi cable"]


def test_the_fingerprint_covers_model_number_and_catalogue() -> None:
    made = [
        ModelRewriter(generator=Says("a")),
        ModelRewriter(generator=Says("b")),
        ModelRewriter(generator=Says("a"), n=2),
        ModelRewriter(generator=Says("a"), words=WORDS),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert ModelRewriter(generator=Says("a")) == made[0]
    with pytest.raises(InvalidInput):
        ModelRewriter(generator=Says("a"), n=0)


def test_only_the_text_changes_never_what_the_shopper_filtered_by() -> None:
    answer = ['{"filter": null}', "price:* toner", "brand = hp", "toner NOT hp", "toner -hp +canon", "toner (hp)"]
    assert texts_of(answer, "ink") == ["toner -hp +canon", "toner (hp)"]  # words: no engine reads a sign in them


def test_it_opens_as_the_last_of_a_chain_and_a_wrong_path_says_so() -> None:
    chain = open_rewriters("units,model:a,b?c", resources={"generator": lambda argument, language: Says(argument)})
    (model,) = chain.alternatives
    assert isinstance(model, ModelRewriter)
    assert model.generator.name == "says"
    assert model.generator.fingerprint == "a,b?c"
    with pytest.raises(EncoderError, match="no such folder") as raised:
        open_rewriters("model:./nowhere")
    assert "nowhere" in str(raised.value)
