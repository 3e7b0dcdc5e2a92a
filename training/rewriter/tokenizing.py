"""The tokenizer of a model from scratch: byte-level BPE over what it will read and write. No text is unknown to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["END", "PAD", "learn_tokenizer"]

PAD, END = "<pad>", "</s>"


def learn_tokenizer(texts: Iterable[str], *, vocab: int) -> Any:
    """A `tokenizers.Tokenizer`: lower-cases, splits at word ends, learns up to `vocab` tokens, ends texts with `END`.

    Ids: 0 is `PAD`, 1 is `END`. A small corpus gives fewer tokens than asked for.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        min_frequency=2,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return tokenizer
