"""Drawing by our own loop: the same as transformers' where nothing is random, the right shares where something is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from multirecall.training.rewriter import grpo
from multirecall.training.rewriter.backbones import open_policy
from multirecall.training.rewriter.drawing import chooser, draw
from multirecall.training.rewriter.grpo import reinforce
from multirecall.training.rewriter.policy import Causal, Policy
from multirecall.training.rewriter.progress import Progress
from multirecall.training.rewriter.recipes import Backbone, Recipe, Reinforced
from multirecall.training.rewriter.rewards.combining import Reward

QUERIES = ["cold feet", "a stiff spine in the morning", "dark"]


pytestmark = pytest.mark.usefixtures("learning")


RECIPE = Recipe(
    name="test",
    backbone=Backbone(vocab=300, d_model=16, d_ff=16, heads=2, layers=1, dropout=0.0),
    reinforced=Reinforced(updates=2, prompts=2, group=3, rate=1e-2, warmup=1, inner=2),
    max_tokens=9,
)


def seq2seq(torch: Any) -> Policy:
    torch.manual_seed(4)
    return open_policy(RECIPE, QUERIES)


def causal(torch: Any) -> Policy:
    import transformers

    tokenizer = seq2seq(torch).tokenizer
    tokenizer.padding_side = "left"
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(5)
    return Causal(transformers.LlamaForCausalLM(config).eval(), tokenizer, max_tokens=9)


@pytest.mark.parametrize("made", [seq2seq, causal])
def test_the_likeliest_outputs_are_those_of_transformers(torch: Any, made: Any) -> None:
    import transformers

    policy = made(torch)
    inputs = policy.tokenizer([policy.prompt.replace("{query}", q) for q in QUERIES], padding=True, return_tensors="pt")
    config = transformers.GenerationConfig(
        do_sample=False, max_new_tokens=9, eos_token_id=policy.end, pad_token_id=0,
        decoder_start_token_id=getattr(policy.model.config, "decoder_start_token_id", None),
    )  # fmt: skip
    asked = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    theirs = policy.model.generate(**asked, generation_config=config)
    theirs = theirs[:, inputs["input_ids"].shape[1] if isinstance(policy, Causal) else 1 :].tolist()
    theirs = [row[: row.index(policy.end) + 1] if policy.end in row else row for row in theirs]
    assert policy.sample(QUERIES, each=2, greedy=True) == [[row, row] for row in theirs]


@pytest.mark.parametrize("made", [seq2seq, causal])
def test_rows_that_go_on_have_the_logits_that_they_have_alone(torch: Any, made: Any) -> None:
    policy = made(torch)
    first, second = torch.tensor([5, 6, 7]), torch.tensor([9, 8])

    def begun(queries: list[str]) -> Any:
        return policy._decoding(policy._inputs(queries), 1)

    with torch.no_grad():
        together = begun(QUERIES)
        together.start()
        together.step(first)
        together.keep([0, 2])
        found = together.step(second)
        for row, query in enumerate((QUERIES[0], QUERIES[2])):
            alone = begun([query])
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


@pytest.mark.parametrize("discount", [None, 0.3])
def test_an_update_in_parts_is_the_update_in_one(
    torch: Any, monkeypatch: pytest.MonkeyPatch, discount: float | None
) -> None:
    def by_length(lists: Any) -> list[Reward]:
        parts = [tuple(float(len(query) + len(text)) for text in made) for query, made in lists]
        return [Reward(relevance=0, alignment=0, diversity=0, similarity=0, total=sum(p), parts=p) for p in parts]

    settings = replace(RECIPE.reinforced, discount=discount)

    weights = []
    for part in (64, 2):
        monkeypatch.setattr(grpo, "_PART", part)
        policy = seq2seq(torch)
        before = [p.detach().clone() for p in policy.trained()]
        progress = Progress(None, mark="")
        reinforce(policy, QUERIES, by_length, settings, n=5, seed=1, progress=progress)
        assert any(not torch.equal(a, b) for a, b in zip(before, policy.trained(), strict=True))
        weights.append(policy.trained())
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_the_rate_of_reinforcement_rises_to_its_full_height(torch: Any) -> None:
    moved = []
    for warmup in (0, 4):
        policy = seq2seq(torch)
        before = [p.detach().clone() for p in policy.trained()]
        settings = replace(RECIPE.reinforced, updates=1, warmup=warmup, inner=1)
        reinforce(
            policy,
            QUERIES,
            lambda lists: [
                Reward(relevance=0, alignment=0, diversity=0, similarity=0, total=float(i), parts=())
                for i in range(len(lists))
            ],
            settings,
            n=5,
            seed=1,
            progress=Progress(None, mark=""),
        )
        moved.append(max(float((a - b).detach().abs().max()) for a, b in zip(before, policy.trained(), strict=True)))
    assert moved[1] == pytest.approx(moved[0] / 4, rel=1e-3)
