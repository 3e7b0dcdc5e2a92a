"""A course of stages on one tower: each goes on from the last, and what every one of them taught is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from multirecall.training.dense.base import Tower
from multirecall.training.dense.stages import Stage, StageResult, Watch, put_back, train_stage, values_of
from multirecall.training.dense.training import write_encoder
from multirecall.training.graded.groups import GradedGroup

__all__ = ["Course", "OnStage"]

OnStage = Callable[[str, int, int], None]
"""(stage, steps done, steps in all), after each step; may raise to stop."""


class Course:
    """Runs stages and keeps, in `work`, where each stands: the same calls after a kill go on to the same weights."""

    def __init__(
        self,
        tower: Tower,
        texts: Mapping[str, str],
        *,
        seed: int = 0,
        kinds: Mapping[str, str] = MappingProxyType({}),
        work: Path | None = None,
        watch: Watch | None = None,
        on_step: OnStage = lambda stage, done, steps: None,
    ) -> None:
        """A tower that was prepared for all texts that any stage may meet; `texts` by product id."""
        self.tower = tower
        self.texts = texts
        self.seed = seed
        self.identity = ""
        self.results: list[StageResult] = []
        self._kinds = kinds
        self._work = work
        self._watch = watch
        self._on_step = on_step
        self._values: list[dict[str, Tensor]] = []
        if work is not None:
            work.mkdir(parents=True, exist_ok=True)

    def run(self, stage: Stage, groups: Sequence[GradedGroup], *, judged: Sequence[GradedGroup] = ()) -> StageResult:
        """Trains the next stage; `judged` are more judgments of its queries. Blocks; raises as `train_stage` does."""
        result, self.identity = train_stage(
            self.tower,
            groups,
            self.texts,
            stage,
            seed=self.seed,
            judged=judged,
            before=self.identity,
            kinds=self._kinds,
            checkpoint=None if self._work is None else self._work / f"{stage.name}.safetensors",
            watch=self._watch,
            on_step=lambda done, steps: self._on_step(stage.name, done, steps),
        )
        self.results.append(result)
        self._values.append(values_of(self.tower))
        return result

    def go_to(self, stage: int) -> None:
        """Puts the weights behind a stage (its place; -1 the last) back into the tower."""
        put_back(self.tower, self._values[stage])

    def write(self, card: Mapping[str, Any], folder: Path, *, files: Mapping[str, str] = MappingProxyType({})) -> str:
        """Writes the encoder, every earlier stage's below it (`stage-1`, …), the card and `files` (texts by name).

        Whole or not at all, as `write_encoder`, whose specification it returns; then `work` goes.
        """

        def beside(made: Path) -> None:
            for at in range(len(self._values) - 1):
                (made / f"stage-{at + 1}").mkdir()
                self.go_to(at)
                self.tower.write(made / f"stage-{at + 1}")
            self.go_to(-1)
            for name, content in files.items():
                (made / name).write_text(content, encoding="utf-8")

        spec = write_encoder(self.tower, card, folder, beside=beside)
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        return spec
