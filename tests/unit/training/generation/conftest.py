from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TEXTS = ["red wool socks", "black laptop 16 gb", "warm slippers", "a tent for two", "red tent", "laptop bag black"]


@pytest.fixture(scope="session")
def seq2seq(torch: Any) -> Callable[..., Any]:
    """A T5 of a few thousand weights, the same for the same arguments."""
    from multirecall.training.generation.backbones import Backbone, open_policy

    def made(*, width: int = 16, layers: int = 1, max_tokens: int = 12, seed: int = 4) -> Any:
        sizes = Backbone(vocab=300, d_model=width, d_ff=2 * width, heads=2, layers=layers, dropout=0.0)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return open_policy(sizes, TEXTS, max_tokens=max_tokens, tokens=("<sep>", "<a_1>", "<a_2>"))

    return made


@pytest.fixture(scope="session")
def causal(torch: Any, seq2seq: Callable[..., Any]) -> Callable[..., Any]:
    import transformers

    from multirecall.training.generation.policy import Causal

    def made() -> Any:
        tokenizer = seq2seq().tokenizer
        tokenizer.padding_side = "left"
        config = transformers.LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(5)
            return Causal(transformers.LlamaForCausalLM(config), tokenizer, max_tokens=12, prompt="ask {query}:")

    return made
