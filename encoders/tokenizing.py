"""Texts to token ids with a `tokenizer.json`, cut after a stated number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer, normalizers

from multirecall.core.errors import EncoderError

__all__ = ["TokenizerFile"]

_CHARS_PER_TOKEN = 32
"""Tokens are about 4 characters long. A text is tokenised whole only if this many per token did not fill the limit."""


class TokenizerFile:
    """A tokenizer read from its file. Safe for several threads: nothing changes after the constructor.

    `max_tokens` counts the special tokens; 0 means no limit. With `lowercase` texts become lower case first.
    """

    def __init__(self, file: Path, *, max_tokens: int, special_tokens: bool, lowercase: bool = False) -> None:
        """Raises EncoderError if the file cannot be read."""
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the tokenizers package raises Exception itself, nothing narrower
            raise EncoderError(
                f"The tokenizer {file} cannot be read: {error}", hint="Fetch the model again.", file=str(file)
            ) from error
        tokenizer.no_padding()
        if max_tokens:
            tokenizer.enable_truncation(max_tokens)
        else:
            tokenizer.no_truncation()
        if lowercase:
            steps = [normalizers.Lowercase(), *([tokenizer.normalizer] if tokenizer.normalizer else [])]
            tokenizer.normalizer = normalizers.Sequence(steps)
        self._tokenizer = tokenizer
        self._special_tokens = special_tokens
        self._max_chars = max_tokens * _CHARS_PER_TOKEN

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, in the order of the texts."""
        shortened = [self._shortened(text) for text in texts]
        encodings = self._encode(shortened)
        ids: list[list[int]] = [encoding.ids for encoding in encodings]
        # A text that was shortened and still did not fill the limit (long runs of spaces, one endless word) may
        # have more tokens to give.
        for at, (text, short) in enumerate(zip(texts, shortened, strict=True)):
            if len(short) < len(text) and not encodings[at].overflowing:
                ids[at] = self._encode([text])[0].ids
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        return str(self._tokenizer.decode(list(ids)))

    def id_of(self, token: str) -> int | None:
        """The id of a token, None if it has none."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    @property
    def unknown_token(self) -> str | None:
        """The token for what the vocabulary lacks, None if the kind of vocabulary has none."""
        return getattr(self._tokenizer.model, "unk_token", None)

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        if len(texts) == 1:  # without the way through the pool of threads that batches take
            return [self._tokenizer.encode(texts[0], add_special_tokens=self._special_tokens)]
        encodings: list[Encoding] = self._tokenizer.encode_batch_fast(texts, add_special_tokens=self._special_tokens)
        return encodings

    def _shortened(self, text: str) -> str:
        """The text cut to what surely fills the limit: tokenising 2 MB to keep 256 tokens takes seconds."""
        if not self._max_chars or len(text) <= self._max_chars:
            return text
        cut = text.rfind(" ", self._max_chars // 2, self._max_chars)
        return text[: cut if cut > 0 else self._max_chars]
