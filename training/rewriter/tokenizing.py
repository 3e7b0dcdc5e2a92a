"""What stands in `multirecall.training.generation.tokenizing`, under its former place."""

from multirecall.training.generation.tokenizing import END, PAD, learn_tokenizer

__all__ = ["END", "PAD", "learn_tokenizer"]
