"""A language model behind an OpenAI-compatible address as annotator, by the policy prompt."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, EncoderError
from multirecall.encoders.fingerprint import fingerprint
from multirecall.recall.rewriters.generator import Generated, Generator
from multirecall.training.graded.policy_prompt import VERSION, pair_text

__all__ = ["EndpointAnnotator"]

_log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_BATCH = 8
_ANSWER = re.compile(r"\D*(\d)(?!\d)\D*")
_THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)


class EndpointAnnotator:
    """Grades by what a `ChatEndpoint` with a `PolicyPrompt` answers: eight pairs at once, in their order.

    An answer that holds not one digit of a level says nothing of its pair. A level's probability is that of the answer,
    if the server tells it (`{"logprobs": true}` in the body), else `trust`; the rest is shared by the other levels.
    """

    def __init__(
        self,
        endpoint: Generator,
        texts: Mapping[str, str],
        *,
        n_levels: int,
        trust: float = 0.9,
        timeout_s: float = 60.0,
        max_failures: int = 3,
    ) -> None:
        """`texts` by product id: title and attributes. `max_failures` batches in a row may fail or be late; what was in
        them is left without a grade."""
        self._endpoint = endpoint
        self._texts = texts
        self._n_levels = n_levels
        self._trust = trust
        self._timeout_s = timeout_s
        self._max_failures = max_failures

    @property
    def n_levels(self) -> int:
        return self._n_levels

    @property
    def fingerprint(self) -> str:
        return fingerprint({"annotator": self._endpoint.fingerprint, "policy": VERSION, "levels": self._n_levels})

    def grade(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """As `Annotator.grade`. Raises what the endpoint raised last, if `max_failures` batches in a row failed."""
        found = np.full((len(pairs), self._n_levels), np.nan)
        known = [at for at, (_, product) in enumerate(pairs) if product in self._texts]
        failures = 0
        for start in range(0, len(known), _BATCH):
            places = known[start : start + _BATCH]
            asked = [pair_text(pairs[at][0], self._texts[pairs[at][1]]) for at in places]
            try:
                answers = self._endpoint.generate(asked, Deadline.after(self._timeout_s))
            except (DeadlineExceeded, EncoderError) as error:
                failures += 1
                if failures >= self._max_failures:
                    raise
                _log.warning("%d pairs are left without a grade: %s", len(places), error)
                continue
            failures = 0
            for at, answer in zip(places, answers, strict=True):
                found[at] = self._read(answer)
        return found

    def _read(self, answer: Generated) -> Floats:
        said = _ANSWER.fullmatch(_THINKING.sub("", answer.text))
        level = int(said[1]) if said else self._n_levels
        if level >= self._n_levels:
            return np.full(self._n_levels, np.nan)
        sure = self._trust if answer.log_probability is None else math.exp(min(0.0, answer.log_probability))
        row = np.full(self._n_levels, (1.0 - sure) / (self._n_levels - 1))
        row[level] = sure
        return row
