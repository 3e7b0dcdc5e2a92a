"""Steps of a long work as values, and the state in a folder by which it goes on where it was stopped."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import InvalidInput, InvalidSettings, InvalidSource
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.storing import write_atomically

__all__ = ["Action", "OnStep", "Planned", "Result", "State", "Step", "plan", "run_planned"]

OnStep = Callable[[str, int | None], Callable[[], None]]
"""(what begins, how many parts it has; None: none to count): gives what to call after each part."""

Result = Mapping[str, Any]
"""What a step found, as JSON values; files that it wrote are named in it."""

_FILE, _LOCK = "state.json", ".lock"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `inputs` are all that its result depends on beside the steps that it `needs` (they must be there) and
    `uses` (taken if they are there). `unavailable` says why it cannot run here; it is then skipped. `run` gets the
    results of the steps before by name."""

    name: str
    description: str
    run: Callable[[Mapping[str, Result], OnStep], Result]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    estimate_s: float = 0.0
    unavailable: str = ""


class Action(StrEnum):
    RUN = "run"
    KEEP = "keep"  # done before, and nothing that it depends on has changed
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is to become of a step, and why if it is skipped."""

    step: Step
    action: Action
    fingerprint: str
    why: str = ""


class State:
    """`state.json` of a folder: result, fingerprint and seconds of every finished step. Whole or absent.

    A context manager that keeps other processes out of the folder until its end, or that of its process.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises InvalidSettings if it cannot be written or is in use, InvalidSource for a file that
        is no state."""
        self.folder = folder
        self._file = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / _LOCK).open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise InvalidSettings(
                f"Another process tunes in {folder}.", hint="Wait for it, or choose another folder.", field="out"
            ) from None
        except OSError as error:
            raise InvalidSettings(f"Cannot write {folder}: {error.strerror or error}.", field="out") from None
        try:
            held = orjson.loads(self._file.read_bytes()) if self._file.exists() else {"steps": {}}
            self._steps: dict[str, dict[str, Any]] = dict(held["steps"])
        except OSError as error:
            self.close()
            raise InvalidSettings(f"Cannot read {self._file}: {error.strerror or error}.", field="out") from None
        except (ValueError, KeyError, TypeError) as error:
            self.close()
            raise InvalidSource(
                f"{self._file} is no state of a tuning: {error}.", hint="Choose another folder.", field="out"
            ) from None

    def close(self) -> None:
        """Lets others into the folder; a second call does nothing."""
        self._lock.close()

    def __enter__(self) -> State:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def fingerprint(self, name: str) -> str:
        """Under which the step was finished last; empty if it never was."""
        return str(self._steps.get(name, {}).get("fingerprint", ""))

    def result(self, name: str) -> Result:
        found: Result = self._steps[name]["result"]
        return found

    def took_s(self, name: str) -> float:
        """Seconds that it took; 0 if it never was finished."""
        return float(self._steps.get(name, {}).get("took_s", 0.0))

    def finish(self, name: str, mark: str, result: Result, took_s: float) -> None:
        """Keeps it: a kill after this does not lose it. Raises InvalidSettings if it cannot be written."""
        self._steps[name] = {"fingerprint": mark, "result": dict(result), "took_s": round(took_s, 2)}
        body = orjson.dumps({"version": _VERSION, "steps": self._steps}, option=orjson.OPT_INDENT_2)
        try:
            write_atomically(self._file, body)
        except OSError as error:
            raise InvalidSettings(f"Cannot write {self._file}: {error.strerror or error}.", field="out") from None


def plan(
    steps: Sequence[Step],
    state: State,
    *,
    skip: Collection[str] = (),
    only: Collection[str] = (),
    start: str | None = None,
) -> list[Planned]:
    """What is to be done, in the order of the steps.

    A step is kept if it was finished under the fingerprint that it has now. `skip` leaves steps out; `only` runs those
    again, and takes of the others what there is, current or not; `start` runs that step and all behind it again. What
    needs a step that is skipped is skipped as well.
    Raises InvalidInput for a name that is no step's, and for one to run without what it needs.
    """
    names = [step.name for step in steps]
    unknown = sorted({*skip, *only, *([start] if start else [])} - set(names))
    if unknown:
        raise InvalidInput(f"There is no step {unknown[0]!r}.", hint=f"Steps: {', '.join(names)}.", field="step")
    both = sorted(set(skip) & {*only, *([start] if start else [])})
    if both:
        raise InvalidInput(f"Step {both[0]!r} is both to run and to be skipped.", field="step")
    again = set(names[names.index(start) :]) if start else set()
    planned: list[Planned] = []
    marks: dict[str, str] = {}
    for step in steps:
        why = "asked for" if step.name in skip else step.unavailable
        missing = [name for name in step.needs if not marks[name]]
        if missing and step.name in {*only, start}:
            raise InvalidInput(
                f"Step {step.name!r} needs {missing[0]!r}, which was never done.",
                hint=f"Run {missing[0]!r} first.",
                field="step",
            )
        why = why or (f"needs {missing[0]}" if missing else "")
        before = {name: marks[name] for name in (*step.needs, *step.uses)}
        now = fingerprint({"v": _VERSION, "step": step.name, "of": dict(step.inputs), "after": before})
        held = state.fingerprint(step.name)
        if why:
            action, mark = Action.SKIP, ""
        elif only and step.name not in only:
            action, mark, why = (Action.KEEP, held, "") if held else (Action.SKIP, "", "not among those to run")
        elif step.name in only or step.name in again or held != now:
            action, mark = Action.RUN, now
        else:
            action, mark = Action.KEEP, now
        marks[step.name] = mark
        planned.append(Planned(step=step, action=action, fingerprint=mark, why=why))
    return planned


def run_planned(
    planned: Sequence[Planned],
    state: State,
    *,
    on_step: OnStep,
    on_done: Callable[[Planned, float], None] = lambda planned, took_s: None,
) -> dict[str, Result]:
    """The results of all steps that are not skipped, by name; each is kept when it is there, so that what interrupts
    loses at most one step. `on_done` is told each step that was run, with its seconds. Raises what the steps raise."""
    results: dict[str, Result] = {}
    for one in planned:
        step = one.step
        if one.action is Action.RUN:
            began = time.monotonic()
            found = step.run({name: results[name] for name in (*step.needs, *step.uses) if name in results}, on_step)
            took_s = time.monotonic() - began
            state.finish(step.name, one.fingerprint, found, took_s)
            results[step.name] = state.result(step.name)
            on_done(one, took_s)
        elif one.action is Action.KEEP:
            results[step.name] = state.result(step.name)
    return results
