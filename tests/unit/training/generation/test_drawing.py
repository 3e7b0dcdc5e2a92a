"""Drawing by our own loop: the same as transformers' where nothing is random, the right shares where something is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from multirecall.training.generation.drawing import chooser, draw

pytestmark = pytest.mark.usefixtures("learning")
ASKED = ["cold feet", "a stiff spine in the morning", "dark"]


@pytest.fixture(params=["seq2seq", "causal"])
def policy(request: pytest.FixtureRequest) -> Any:
    made: Callable[..., Any] = request.getfixturevalue(request.param)
    return made()


def test_the_likeliest_outputs_are_those_of_transformers(torch: Any, policy: Any) -> None:
    import transformers

    inputs = policy.tokenizer([policy.prompt.replace("{query}", q) for q in ASKED], padding=True, return_tensors="pt")
    config = transformers.GenerationConfig(
        do_sample=False, max_new_tokens=12, eos_token_id=policy.end, pad_token_id=0,
        decoder_start_token_id=getattr(policy.model.config, "decoder_start_token_id", None),
    )  # fmt: skip
    asked = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    theirs = policy.model.generate(**asked, generation_config=config)
    theirs = theirs[:, inputs["input_ids"].shape[1] if policy.shape == "causal" else 1 :].tolist()
    theirs = [row[: row.index(policy.end) + 1] if policy.end in row else row for row in theirs]
    assert policy.sample(ASKED, each=2, greedy=True) == [[row, row] for row in theirs]


def test_rows_that_go_on_have_the_logits_that_they_have_alone(torch: Any, policy: Any) -> None:
    first, second = torch.tensor([5, 6, 7]), torch.tensor([9, 8])

    with torch.no_grad():
        together = policy.begin(ASKED)
        together.start()
        together.step(first)
        together.keep([0, 2])
        found = together.step(second)
        for row, query in enumerate((ASKED[0], ASKED[2])):
            alone = policy.begin([query])
            alone.start()
            alone.step(first[[0, 2]][row : row + 1])
            torch.testing.assert_close(found[row], alone.step(second[row : row + 1])[0], atol=1e-5, rtol=1e-4)


def test_an_output_ends_with_the_end_or_at_the_limit(torch: Any) -> None:
    class Scripted:
        """Row r of the batch says its own line, one id per step."""

        def __init__(self, lines: list[list[int]]) -> None:
            self.lines, self.at, self.sizes = lines, 0, []

        def start(self) -> Any:
            self.sizes.append(len(self.lines))
            said = torch.tensor([line[self.at] for line in self.lines])
            self.at += 1
            return torch.nn.functional.one_hot(said, 10).float()

        def step(self, ids: Any) -> Any:
            assert ids.tolist() == [line[self.at - 1] for line in self.lines]
            return self.start()

        def keep(self, rows: Any) -> None:
            self.lines = [self.lines[row] for row in rows]

    script = Scripted([[3, 4, 1, 0], [1, 0, 0, 0], [5, 6, 7, 8], [2, 1, 0, 0]])
    greedy = chooser(temperature=1.0, top_p=1.0, greedy=True)
    assert draw(script, greedy, end=1, most=4) == [[3, 4, 1], [1], [5, 6, 7, 8], [2, 1]]
    assert script.sizes == [4, 3, 2, 1]  # a finished row is worked on no more


def test_ids_are_drawn_with_their_probability(torch: Any) -> None:
    shares = torch.tensor([0.5, 0.0, 0.3, 0.15, 0.05])
    logits = shares.log().expand(20_000, 5)
    torch.manual_seed(1)

    def counted(**asked: Any) -> Any:
        return torch.bincount(chooser(greedy=False, **asked)(logits), minlength=5) / 20_000

    def close(found: Any, expected: Any) -> None:
        torch.testing.assert_close(found, expected, atol=0.015, rtol=0)  # four deviations of a share of one half
        assert found[expected == 0].sum() == 0

    close(counted(temperature=1.0, top_p=1.0), shares)
    close(counted(temperature=0.5, top_p=1.0), shares**2 / (shares**2).sum())
    close(counted(temperature=1.0, top_p=0.75), torch.tensor([0.625, 0, 0.375, 0, 0]))
    close(counted(temperature=1.0, top_p=0.4), torch.tensor([1.0, 0, 0, 0, 0]))
