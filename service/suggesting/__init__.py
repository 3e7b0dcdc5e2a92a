"""As-you-type completions, from memory."""

from multirecall.service.suggesting.completions import Completions, Suggestion, SuggestionKind
from multirecall.service.suggesting.reading import read_texts
from multirecall.service.suggesting.suggester import Suggester

__all__ = ["Completions", "Suggester", "Suggestion", "SuggestionKind", "read_texts"]
