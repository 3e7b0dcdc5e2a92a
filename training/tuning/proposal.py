"""The proposal: a file of settings with what won, the figure beside each, and the commands that apply it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from multirecall.training.tuning.deciding import Verdict

__all__ = ["Change", "Proposal", "proposal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an arm stands for: settings by name, and a command that must have run before they fit."""

    arm: str
    settings: Mapping[str, str]
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """`settings` are variables of the environment, `text` the file that holds them. `commands` come first,
    `notes` say what was left out and why."""

    settings: Mapping[str, str]
    commands: tuple[str, ...]
    notes: tuple[str, ...]
    text: str
    arms: tuple[str, ...] = field(default=())


def proposal(changes: Sequence[Change], verdicts: Sequence[Verdict], *, evidence: str) -> Proposal:
    """The changes whose verdict is to propose them, later ones over earlier ones; `evidence` says what decided.

    A fusion is put forward on top of what it was measured with, so the order of `changes` is that of the measurement.
    """
    by_arm = {verdict.arm: verdict for verdict in verdicts}
    settings: dict[str, str] = {}
    why: dict[str, str] = {}
    commands: list[str] = []
    arms: list[str] = []
    notes = [f"{one.arm} is not proposed: {one.why}." for one in verdicts if not one.proposed]
    for change in changes:
        verdict = by_arm.get(change.arm)
        if verdict is None or not verdict.proposed:
            continue
        arms.append(change.arm)
        for name, value in change.settings.items():
            settings[name], why[name] = value, f"{change.arm}: {verdict.why}"
        if change.command:
            commands.append(change.command)
    if "encoder" in arms and len(arms) > 1:
        notes.append(
            "The encoder was measured on its own: rebuild with it first, then run tune again for what comes on top."
        )
    lines = [f"# Proposed by `multirecall tune`. Evidence: {evidence}."]
    if commands:
        lines += ["# Run first:", *(f"#   {command}" for command in commands)]
    for name, value in settings.items():
        lines += [f"# {why[name]}", f"{name}={shlex.quote(value)}"]
    if not settings:
        lines.append("# Nothing won: today's settings stay.")
    lines += [f"# {note}" for note in notes]
    return Proposal(
        settings=settings, commands=tuple(commands), notes=tuple(notes), text="\n".join(lines) + "\n", arms=tuple(arms)
    )
