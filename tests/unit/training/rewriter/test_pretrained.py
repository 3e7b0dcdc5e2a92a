"""The same training for a pretrained model: a tiny causal one from a folder, by adapters and by all weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EncoderError
from multirecall.training.generation.policy import Policy, token_log_probs
from multirecall.training.generation.progress import Progress
from multirecall.training.generation.tokenizing import END, PAD, learn_tokenizer
from multirecall.training.rewriter.backbones import open_policy
from multirecall.training.rewriter.data import Example
from multirecall.training.rewriter.grpo import reinforce
from multirecall.training.rewriter.recipes import Backbone, Recipe, Reinforced, Supervised
from multirecall.training.rewriter.rewards.combining import Reward
from multirecall.training.rewriter.sft import fine_tune

EXAMPLES = [
    Example(query="a stiff spine", rewrites="lumbar office chair | ergonomic chair"),
    Example(query="cold feet", rewrites="slippers | wool socks"),
]


pytestmark = pytest.mark.usefixtures("learning")


@pytest.fixture(scope="module")
def llama(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, 16 wide, random weights."""
    import transformers

    folder = tmp_path_factory.mktemp("llama")
    texts = [text for e in EXAMPLES for text in (e.query, e.rewrites)]
    learned = learn_tokenizer(texts, vocab=400)
    learned.post_processor = None  # a causal tokenizer ends no prompt
    tokenizer: Any = transformers.PreTrainedTokenizerFast(tokenizer_object=learned, pad_token=PAD, eos_token=END)
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def opened(folder: Path, lora_rank: int) -> tuple[Recipe, Policy]:
    recipe = Recipe(
        name="test",
        backbone=Backbone(pretrained=str(folder), lora_rank=lora_rank),
        supervised=Supervised(steps=30, batch=2, rate=2e-2, warmup=2),
        reinforced=Reinforced(updates=1, prompts=1, group=2),
        max_tokens=12,
    )
    return recipe, open_policy(recipe, [])


def test_log_probabilities_do_not_depend_on_the_neighbours_in_the_batch(torch: Any, llama: Path) -> None:
    _, policy = opened(llama, 0)
    queries = [e.query for e in EXAMPLES]
    outputs = [policy.output_ids(e.rewrites)[:n] for e, n in zip(EXAMPLES, (9, 4), strict=True)]
    with torch.no_grad():
        both, mask = token_log_probs(*policy.logits(policy.model, queries, outputs))
        assert mask.sum(1).tolist() == [9, 4]
        for i in range(2):
            alone, _ = token_log_probs(*policy.logits(policy.model, queries[i : i + 1], outputs[i : i + 1]))
            torch.testing.assert_close(both[i, : len(outputs[i])], alone[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_both_phases_and_an_artefact_that_transformers_loads(
    torch: Any, llama: Path, tmp_path: Path, lora_rank: int
) -> None:
    import transformers

    if lora_rank:
        pytest.importorskip("peft", reason="the extra `train` is not installed")
    recipe, policy = opened(llama, lora_rank)
    all_weights = sum(p.numel() for p in policy.model.parameters())
    assert (sum(p.numel() for p in policy.trained()) < all_weights) == bool(lora_rank)
    progress = Progress(None, mark="")
    fine_tune(policy, EXAMPLES, recipe.supervised, seed=1, progress=progress)
    losses = [row["loss"] for row in progress.rows]
    assert losses[-1] < losses[0]

    def by_length(lists: Any) -> list[Reward]:
        return [
            Reward(relevance=0, alignment=0, diversity=0, similarity=0, total=float(len(made)), parts=())
            for _, made in lists
        ]

    reinforce(policy, ["cold feet"], by_length, recipe.reinforced, n=5, seed=1, progress=progress)
    policy.save(tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    again = replace(recipe, backbone=replace(recipe.backbone, pretrained=str(tmp_path), lora_rank=0))
    other = open_policy(again, [])
    greedy = [policy.text(group[0]) for group in policy.sample(["cold feet"], each=1, greedy=True)]
    assert [other.text(group[0]) for group in other.sample(["cold feet"], each=1, greedy=True)] == greedy
    assert sum(p.numel() for p in loaded.parameters()) > 0


def test_a_model_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="could not be loaded"):
        opened(tmp_path / "absent", 0)
