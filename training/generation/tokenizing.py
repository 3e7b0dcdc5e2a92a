"""The tokenizer of a model from scratch: byte-level BPE over what it will read and write. No text is unknown to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["END", "PAD", "added", "learn_tokenizer"]

PAD, END = "<pad>", "</s>"


def learn_tokenizer(texts: Iterable[str], *, vocab: int, tokens: Sequence[str] = ()) -> Any:
    """A `tokenizers.Tokenizer`: lower-cases, splits at word ends, learns up to `vocab` tokens, ends texts with `END`.

    Ids: 0 is `PAD`, 1 is `END`; `tokens` come behind all that was learned, in their order. A small corpus gives fewer
    tokens than asked for.
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
    tokenizer.add_tokens(added(tokens))
    return tokenizer


def added(tokens: Sequence[str]) -> list[Any]:
    """Tokens that stand for themselves, as a tokenizer takes them up: case matters, spaces around them do not."""
    from tokenizers import AddedToken

    return [AddedToken(token, normalized=False, lstrip=True, rstrip=True) for token in tokens]
