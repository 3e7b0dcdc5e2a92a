"""Training by torch: losses by closed form and finite differences, resuming, the artefact. Tiny models."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings, MissingExtra
from multirecall.encoders.opening import open_encoder
from multirecall.engines.opening import open_engine
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.training.generation.progress import Progress
from multirecall.training.rewriter.backbones import open_policy
from multirecall.training.rewriter.data import Example
from multirecall.training.rewriter.grpo import advantages, grpo_loss, spans_of, text_advantages
from multirecall.training.rewriter.recipes import Backbone, Recipe, Reinforced, Supervised, open_recipe
from multirecall.training.rewriter.rewards.keeping import KeepJudge, Pair, learn_keep_judge
from multirecall.training.rewriter.sft import fine_tune, rate_at
from multirecall.training.rewriter.training import Lessons, lessons_of, train_rewriter

pytestmark = pytest.mark.usefixtures("learning")


def test_advantages_have_the_golden_value(torch: Any) -> None:
    found = advantages(torch.tensor([[0.9, 0.5, 0.7, 0.3], [0.4, 0.4, 0.4, 0.4]], dtype=torch.float64))
    assert found[0].tolist() == pytest.approx([1.3416, -0.4472, 0.4472, -1.3416], abs=5e-5)
    assert found[0, 0].item() == pytest.approx(0.3 / (math.sqrt(0.05) + 1e-6))
    assert found[1].tolist() == [0, 0, 0, 0]


def test_the_advantages_of_texts(torch: Any) -> None:
    """Two lists of two texts: what a text adds, and half of what the one behind it adds."""
    parts = torch.tensor([[[0.4, 0.2], [0.0, 0.6]]], dtype=torch.float64)
    earned = [[0.4 + 0.5 * 0.2, 0.2], [0.0 + 0.5 * 0.6, 0.6]]
    apart = [[(earned[0][i] - earned[1][i]) / 2 for i in (0, 1)], [(earned[1][i] - earned[0][i]) / 2 for i in (0, 1)]]
    spread = math.sqrt(sum(value**2 for row in apart for value in row) / 4)
    found = text_advantages(parts, discount=0.5)
    assert found[0].tolist() == [pytest.approx([value / (spread + 1e-6) for value in row]) for row in apart]
    # a lone text has the advantage of its list
    alone = torch.tensor([[[0.9], [0.5], [0.7], [0.3]]], dtype=torch.float64)
    assert text_advantages(alone, discount=0.5)[0, :, 0].tolist() == advantages(alone[..., 0])[0].tolist()


def test_the_loss_by_its_closed_form(torch: Any) -> None:
    """Two lists of two and one tokens; ratios 1.5 (cut at 1.2 for a gain, kept for a loss) and 0.5."""
    log = math.log
    old = torch.tensor([[log(0.2), log(0.4)], [log(0.4), 0.0]])
    new = torch.tensor([[log(0.3), log(0.4)], [log(0.2), 0.0]])
    reference = torch.tensor([[log(0.3), log(0.2)], [log(0.2), 0.0]])
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    gains = torch.tensor([2.0, -1.0])
    apart = log(0.2 / 0.4)
    distance = math.exp(apart) - apart - 1
    first = ((-1.2 * 2.0) + (-1.0 * 2.0 + 0.04 * distance)) / 2
    second = -min(0.5 * -1.0, 0.8 * -1.0)
    found = grpo_loss(new, old, reference, mask, gains, clip=0.2, beta=0.04)
    assert found.item() == pytest.approx((first + second) / 2, rel=1e-5)
    each = gains.unsqueeze(1).expand(2, 2)  # an advantage for every token, here all alike
    assert grpo_loss(new, old, reference, mask, each, clip=0.2, beta=0.04).item() == pytest.approx(found.item())


def test_with_one_inner_epoch_the_gradient_is_that_of_reinforce_with_a_baseline(torch: Any) -> None:
    """And it agrees with finite differences of the loss."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(5, (4, 3, 1), generator=generator)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]], dtype=torch.float64)
    gains = advantages(torch.tensor([[0.9, 0.5, 0.7, 0.3]], dtype=torch.float64))[0]
    old = logits.detach().log_softmax(-1).gather(-1, labels)[..., 0]
    reference = old + 0.3 * torch.randn(4, 3, generator=generator, dtype=torch.float64)

    def loss(at: Any, beta: float) -> Any:
        return grpo_loss(
            at.log_softmax(-1).gather(-1, labels)[..., 0], old, reference, mask, gains, clip=0.2, beta=beta
        )

    chosen = logits.log_softmax(-1).gather(-1, labels)[..., 0]
    plain = -((chosen * mask).sum(1) / mask.sum(1) * gains).mean()
    (expected,) = torch.autograd.grad(plain, logits)
    (found,) = torch.autograd.grad(loss(logits, 0.0), logits)
    torch.testing.assert_close(found, expected)

    (full,) = torch.autograd.grad(loss(logits, 0.04), logits)
    step = 1e-6
    for index in ((0, 0, 1), (1, 1, 4), (2, 0, 0), (3, 2, 3), (2, 2, 2)):
        nudge = torch.zeros_like(logits)
        nudge[index] = step
        slope = (loss(logits.detach() + nudge, 0.04) - loss(logits.detach() - nudge, 0.04)) / (2 * step)
        assert full[index].item() == pytest.approx(slope.item(), abs=1e-8)


def test_the_rate_rises_then_falls() -> None:
    settings = Supervised(steps=10, rate=1.0, warmup=4)
    rates = [rate_at(step, settings) for step in range(1, 11)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7])


def test_the_keep_judge_learns_what_it_is_shown_and_can_be_stored(torch: Any) -> None:
    encoder = open_encoder("hashing?dim=32")
    things = [f"thing{i} part{i}" for i in range(12)]
    pairs = [
        Pair(query=f"need{i}", rewrite=text, keeps=i == j) for i in range(12) for j, text in enumerate(things)
        for _ in range(10 if i == j else 1)
    ]  # fmt: skip
    judge = learn_keep_judge(pairs, encoder, seed=1, epochs=120)
    asked = [(pair.query, pair.rewrite) for pair in pairs]
    scores = judge.score(asked)
    right = sum((s >= 0.5) == pair.keeps for s, pair in zip(scores, pairs, strict=True))
    assert right / len(pairs) > 0.95
    again = KeepJudge.from_tensors(judge.tensors(), encoder)
    assert again.score(asked[:3]) == pytest.approx(scores[:3])


def tiny(seed: int = 5) -> Recipe:
    return Recipe(
        name="test",
        backbone=Backbone(vocab=400, d_model=16, d_ff=16, heads=2, layers=1),
        supervised=Supervised(steps=6, batch=4, warmup=2, copies=1),
        reinforced=Reinforced(updates=4, prompts=2, group=2),
        n=2,
        max_tokens=8,
        save_every=2,
        seed=seed,
    )


@pytest.fixture(scope="module")
def taught(shop: str) -> Lessons:
    stock = {"laptop": {"colour": ("black", "silver"), "memory": ("16 gb ram", "32 gb ram")}}
    concepts = [
        Concept(key=f"c{i}", kind="scene", say=(f"day {i}",), find=("black laptop", f"{i} laptop", "tent"))
        for i in range(6)
    ]
    with open_engine(shop) as engine:
        return lessons_of(concepts, engine, tiny(), assortment=stock)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize(("phase", "at"), [("sft", 5), ("rl", 3)])
def test_a_resumed_run_has_the_weights_of_one_that_was_not_interrupted(
    torch: Any, shop: str, taught: Lessons, tmp_path: Path, phase: str, at: int
) -> None:
    from safetensors.torch import load_file

    def interrupt(row: Any) -> None:
        if (row["phase"], row["step"]) == (phase, at):
            raise Interrupted

    encoder = open_encoder("hashing?dim=16")
    with open_engine(shop) as engine:
        whole = train_rewriter(taught, engine, encoder, tiny(), out=tmp_path / "whole")
        with pytest.raises(Interrupted):
            train_rewriter(taught, engine, encoder, tiny(), out=tmp_path / "broken", on_row=interrupt)
        assert not (tmp_path / "broken").exists()  # nothing half-written under its name
        with pytest.raises(InvalidInput, match="another recipe"):
            train_rewriter(taught, engine, encoder, tiny(seed=6), out=tmp_path / "broken", resume=True)
        train_rewriter(taught, engine, encoder, tiny(), out=tmp_path / "broken", resume=True)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    curves = [(tmp_path / name / "curves.jsonl").read_text() for name in ("whole", "broken")]
    assert curves[0] == curves[1]
    assert len(curves[0].splitlines()) == 6 + 4
    assert {entry.name for entry in tmp_path.iterdir()} == {"whole", "broken"}  # no work in progress left
    card = json.loads((tmp_path / "whole" / "card.json").read_text())
    assert card["figures"] == whole.card["figures"]
    assert (card["shape"], card["n"], card["separator"]) == ("seq2seq", 2, "|")


def test_the_artefact_is_what_transformers_loads(torch: Any, shop: str, taught: Lessons, tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    recipe = replace(tiny(), reinforced=replace(tiny().reinforced, updates=1, cycle=0.2), pseudo_titles=True)
    with open_engine(shop) as engine:
        train_rewriter(taught, engine, open_encoder("hashing?dim=16"), recipe, out=tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "model")
    inputs = tokenizer(["Day 3 | Ärger"], return_tensors="pt")
    assert inputs["input_ids"][0, -1].item() == tokenizer.eos_token_id
    assert tokenizer.decode(inputs["input_ids"][0], skip_special_tokens=True).strip() == "day 3 | ärger"
    model.generate(**{k: inputs[k] for k in ("input_ids", "attention_mask")}, max_new_tokens=4)


def test_a_folder_with_something_else_is_left_alone(shop: str, taught: Lessons, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with open_engine(shop) as engine, pytest.raises(InvalidSettings, match="no rewriter"):
        train_rewriter(taught, engine, open_encoder("hashing?dim=16"), tiny(), out=tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("absent", ["torch", "safetensors.torch"])
def test_without_the_extra_the_error_holds_the_command(
    shop: str, taught: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    import multirecall.training.generation.extras as extras

    def without(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", without)
    with open_engine(shop) as engine, pytest.raises(MissingExtra) as caught:
        train_rewriter(taught, engine, open_encoder("hashing?dim=16"), tiny(), out=tmp_path / "model")
    assert "pip install 'multirecall[train]'" in caught.value.hint
    assert not (tmp_path / "model").exists()


def test_recipes_by_name() -> None:
    assert open_recipe("small").backbone.pretrained == ""
    assert open_recipe("some/model").backbone == Backbone(pretrained="some/model", lora_rank=16)
    assert open_recipe("smollm2", lora_rank=0).backbone.lora_rank == 0
    for wrong in ("small", "tiny"):
        with pytest.raises(InvalidInput, match="LoRA"):
            open_recipe(wrong, lora_rank=4)
    with pytest.raises(InvalidInput, match="name"):
        open_recipe(" ")
    assert Reinforced().rate == Supervised().rate / 10
    with pytest.raises(InvalidInput, match="group"):
        Reinforced(group=1)


def test_a_model_from_scratch_learns_a_few_lists_by_heart(torch: Any) -> None:
    """Fine-tuning, then decoding: a shifted label or a wrong start token would not get here."""
    lists = ("lamp | torch", "office chair | desk", "rain jacket | umbrella", "tent | red bag")
    taught = [Example(query=f"need {i}", rewrites=rewrites) for i, rewrites in enumerate(lists)]
    recipe = Recipe(
        name="test",
        backbone=Backbone(vocab=400, d_model=32, d_ff=32, heads=2, layers=1, dropout=0.0),
        supervised=Supervised(steps=80, batch=8, rate=1e-2, warmup=8, embeddings=10.0, smoothing=0.0),
        max_tokens=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        policy = open_policy(recipe, [text for e in taught for text in (e.query, e.rewrites)] * 2)
    fine_tune(policy, taught, recipe.supervised, seed=1, progress=Progress(None, mark=""))
    belongs = spans_of(policy)(policy.output_ids("lamp | torch | tent"))
    opened = [i for i in range(1, len(belongs)) if belongs[i] != belongs[i - 1]]
    assert belongs[0] == 0
    assert [belongs[i] for i in opened] == [1, 2, 3]
    assert [policy.text(policy.output_ids("lamp | torch | tent")[i : i + 1]) for i in opened[:2]] == ["|", "|"]
    written = [policy.text(group[0]) for group in policy.sample([e.query for e in taught], each=1, greedy=True)]
    assert written == [e.rewrites for e in taught]
