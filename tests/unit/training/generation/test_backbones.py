"""Pretrained models from a folder, with tokens of their own for codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from tests.unit.training.generation.conftest import TEXTS

pytestmark = pytest.mark.usefixtures("learning")


@pytest.mark.parametrize("kind", ["seq2seq", "causal"])
def test_a_pretrained_model_gets_new_tokens_and_learns_to_write_them(
    torch: Any, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    from multirecall.training.generation.backbones import Backbone, open_policy
    from multirecall.training.generation.progress import Progress
    from multirecall.training.generation.sft import FineTuning, Task, fine_tune, held_out_loss

    made: Callable[..., Any] = request.getfixturevalue(kind)
    first = made()
    first.save(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(6)
        policy = open_policy(
            Backbone(pretrained=str(tmp_path)), [], max_tokens=6, prompt="find {query}:", tokens=("<b_1>", "<b_2>")
        )
    before = len(first.tokenizer)
    assert policy.prompt == ("{query}" if kind == "seq2seq" else "find {query}:")
    assert policy.output_ids("<b_1> <b_2>") == [before, before + 1, policy.end]
    assert policy.model.config.vocab_size == before + 2
    taught = [(TEXTS[0], policy.output_ids("<b_1> <b_2>")), (TEXTS[1], policy.output_ids("<b_2> <b_1>"))]
    settings = FineTuning(steps=40, batch=4, rate=2e-2, warmup=2, embeddings=1.0, smoothing=0.0)
    untaught = held_out_loss(policy, taught)
    fine_tune(policy, [Task(lessons=taught)], settings, seed=1, progress=Progress(None, mark=""))
    assert held_out_loss(policy, taught) < 0.5 * untaught


def test_adapters_with_new_tokens_are_refused(tmp_path: Path) -> None:
    from multirecall.training.generation.backbones import Backbone, open_policy

    with pytest.raises(InvalidInput, match="new tokens"):
        open_policy(Backbone(pretrained=str(tmp_path), lora_rank=4), [], max_tokens=6, tokens=("<b_1>",))
