"""Where a training stands, as one file: weights, Adam's moments and the step. Whole or absent; no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from multirecall.encoders.storing import write_atomically

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    file: Path, identity: str, step: int, parameters: Mapping[str, Tensor], optimiser: torch.optim.Adam
) -> None:
    """Puts the state after `step` steps in the place of the last one. Raises OSError."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"value/{name}"] = parameter.detach()
        for moment in ("exp_avg", "exp_avg_sq"):
            if parameter in optimiser.state:
                tensors[f"{moment}/{name}"] = optimiser.state[parameter][moment]
    content = save(tensors, metadata={"of": json.dumps({"identity": identity, "step": step})})
    write_atomically(file, content)


def load_checkpoint(file: Path, identity: str, parameters: Mapping[str, Tensor], optimiser: torch.optim.Adam) -> int:
    """Takes the state up and returns its step; 0, and nothing changed, if there is none of this very training.

    A checkpoint of other data, settings or weights (another `identity`) is not taken up, nor is a damaged one.
    """
    try:
        with safe_open(str(file), framework="pt") as opened:
            of = json.loads((opened.metadata() or {}).get("of", "{}"))
            if of.get("identity") != identity:
                return 0
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dict
    except (FileNotFoundError, SafetensorError, ValueError):
        return 0
    step = int(of["step"])
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"value/{name}"])
            optimiser.state[parameter] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"exp_avg/{name}"],
                "exp_avg_sq": tensors[f"exp_avg_sq/{name}"],
            }
    return step
