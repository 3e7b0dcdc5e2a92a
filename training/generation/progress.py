"""What makes training resumable: one checkpoint file that is replaced whole, and curves that go with it.

Random numbers are a function of seed, phase and step (`step_seed`), so the generator's state needs no storing: a run
that goes on from a checkpoint draws what the uninterrupted one would have drawn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.draws import stream

__all__ = ["OnRow", "Progress", "step_seed"]

OnRow = Callable[[Mapping[str, Any]], None]
"""Told every row of the curves."""
_CHECKPOINT, _CURVES = "checkpoint.safetensors", "curves.jsonl"


def step_seed(seed: int, phase: str, step: int) -> int:
    """The seed of everything random in one step."""
    return stream(seed, f"{phase}/{step}") >> 1


class Progress:
    """Where a training run stands. `folder` is its own; None keeps nothing on disk but tells `on_row`."""

    def __init__(
        self,
        folder: Path | None,
        *,
        mark: str,
        save_every: int = 100,
        resume: bool = False,
        on_row: OnRow | None = None,
    ) -> None:
        """`mark` names recipe and data; `resume` goes on from a checkpoint of the same mark, if there is one.
        Phases have names and follow each other: the last one begun is the one that the checkpoint stands in.

        Raises InvalidInput if the checkpoint belongs to another mark.
        """
        self._folder = folder
        self._mark = mark
        self._save_every = save_every
        self._on_row = on_row
        self.rows: list[dict[str, Any]] = []
        self._done: dict[str, int] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if resume:
                self._find(folder)
            else:
                for file in (folder / _CURVES, *folder.glob("*.safetensors")):
                    file.unlink(missing_ok=True)

    def _find(self, folder: Path) -> None:
        from safetensors import safe_open

        path = folder / _CHECKPOINT
        if not path.exists():
            return
        with safe_open(path, framework="pt") as file:
            said = json.loads(file.metadata()["progress"])
        if said["mark"] != self._mark:
            raise InvalidInput(
                f"{path} belongs to another recipe or other data.", hint="Train without --resume.", field="resume"
            )
        self._done = {name: steps for name, steps in said["done"].items() if name != "phase at"}  # of older files
        self.rows = said["rows"]

    def done(self, phase: str) -> int:
        """Steps of a phase that are behind us."""
        return self._done.get(phase, 0)

    def restore(self, phase: str, model: Any, optimiser: Any) -> int:
        """Puts a checkpoint's weights and optimiser state in place, if it stands in this phase; returns steps done."""
        steps = self.done(phase)
        if steps and self._folder is not None and phase == next(reversed(self._done)):
            from safetensors.torch import load_file

            tensors = load_file(self._folder / _CHECKPOINT)
            with_grad = {name: p for name, p in model.named_parameters() if p.requires_grad}
            for name, parameter in with_grad.items():
                parameter.data.copy_(tensors[f"model.{name}"])
            state: dict[int, dict[str, Any]] = {}
            for name, tensor in tensors.items():
                if name.startswith("optimiser."):
                    _, index, key = name.split(".", 2)
                    state.setdefault(int(index), {})[key] = tensor
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        return steps

    def step(self, phase: str, step: int, last: int, model: Any, optimiser: Any, row: Mapping[str, Any]) -> None:
        """Notes a finished step (counted from 1), and writes a checkpoint when one is due."""
        full = {"phase": phase, "step": step, **row}
        self.rows.append(full)
        if self._on_row is not None:
            self._on_row(full)
        self._done[phase] = step
        if self._folder is not None and (step % self._save_every == 0 or step == last):
            self._save(self._folder, model, optimiser)

    def _save(self, folder: Path, model: Any, optimiser: Any) -> None:
        from safetensors.torch import save_file

        tensors = {f"model.{n}": p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
        for index, entry in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{key}": value.clone() for key, value in entry.items()}
        said = json.dumps({"mark": self._mark, "done": self._done, "rows": self.rows})
        partial = folder / f"{_CHECKPOINT}.partial"
        save_file(tensors, partial, metadata={"progress": said})
        os.replace(partial, folder / _CHECKPOINT)

    def keep(self, name: str, model: Any) -> None:
        """Keeps the trained weights as they are now under a name, in the folder if there is one."""
        tensors = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
        if self._folder is None:
            self._kept[name] = tensors
            return
        from safetensors.torch import save_file

        partial = self._folder / f"{name}.safetensors.partial"
        save_file(tensors, partial)
        os.replace(partial, self._folder / f"{name}.safetensors")

    def put_back(self, name: str, model: Any) -> bool:
        """Puts the weights of that name back into the model; False, and nothing changed, if none were kept."""
        tensors = self._kept.get(name)
        if self._folder is not None and (file := self._folder / f"{name}.safetensors").exists():
            from safetensors.torch import load_file

            tensors = load_file(file)
        if tensors is None:
            return False
        for n, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.data.copy_(tensors[n])
        return True

    def write_curves(self, path: Path) -> None:
        """All rows as JSON lines."""
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
