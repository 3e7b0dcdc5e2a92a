"""Steps are run once, again when what they depend on changes, and go on where they were stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings, InvalidSource
from multirecall.training.tuning.steps import OnStep, Result, State, Step, plan, run_planned


class Chain:
    """Three steps; `done` lists what ran, `stop_at` is interrupted."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.stop_at = ""

    def steps(self, size: int = 1, unavailable: str = "") -> list[Step]:
        return [
            Step(name="read", description="", run=self.run("read"), inputs={"size": size}),
            Step(name="learn", description="", run=self.run("learn"), needs=("read",), unavailable=unavailable),
            Step(name="try", description="", run=self.run("try"), needs=("learn",)),
            Step(name="tell", description="", run=self.run("tell"), needs=("read",), uses=("learn", "try")),
        ]

    def run(self, name: str):  # type: ignore[no-untyped-def]
        def run(results: Mapping[str, Result], on_step: OnStep) -> Result:
            if name == self.stop_at:
                raise KeyboardInterrupt
            self.done.append(name)
            return {"after": sorted(results)}

        return run


def go(chain: Chain, folder: Path, size: int = 1, unavailable: str = "", **options: object) -> dict[str, Result]:
    with State(folder) as state:
        planned = plan(chain.steps(size, unavailable), state, **options)  # type: ignore[arg-type]
        return run_planned(planned, state, on_step=lambda what, n: lambda: None)


def test_a_second_run_does_nothing_and_knows_the_results(tmp_path: Path) -> None:
    chain = Chain()
    first = go(chain, tmp_path)
    assert chain.done == ["read", "learn", "try", "tell"]
    assert go(chain, tmp_path) == first
    assert len(chain.done) == 4
    assert first["tell"] == {"after": ["learn", "read", "try"]}


def test_what_was_interrupted_goes_on_there(tmp_path: Path) -> None:
    chain = Chain()
    chain.stop_at = "try"
    with pytest.raises(KeyboardInterrupt):
        go(chain, tmp_path)
    chain.stop_at = ""
    go(chain, tmp_path)
    assert chain.done == ["read", "learn", "try", "tell"]


def test_a_changed_input_runs_its_step_and_all_that_rest_on_it(tmp_path: Path) -> None:
    chain = Chain()
    go(chain, tmp_path)
    go(chain, tmp_path, size=2)
    assert chain.done[4:] == ["read", "learn", "try", "tell"]


def test_leaving_a_step_out_leaves_out_what_needs_it_and_tells_those_who_use_it(tmp_path: Path) -> None:
    chain = Chain()
    results = go(chain, tmp_path, skip=["learn"])
    assert chain.done == ["read", "tell"]
    assert results["tell"] == {"after": ["read"]}
    go(chain, tmp_path)  # now it is there, so what was told without it is told again
    assert chain.done[2:] == ["learn", "try", "tell"]


def test_a_step_that_cannot_run_here_is_left_out_with_its_reason(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        planned = plan(Chain().steps(unavailable="no torch"), state)
    assert [(one.action.value, one.why) for one in planned] == [
        ("run", ""),
        ("skip", "no torch"),
        ("skip", "needs learn"),
        ("run", ""),
    ]


def test_only_runs_one_step_again_and_takes_the_others_as_they_are(tmp_path: Path) -> None:
    chain = Chain()
    go(chain, tmp_path)
    go(chain, tmp_path, size=2, only=["try"])
    assert chain.done[4:] == ["try"]


def test_from_runs_a_step_and_all_behind_it_again(tmp_path: Path) -> None:
    chain = Chain()
    go(chain, tmp_path)
    go(chain, tmp_path, start="try")
    assert chain.done[4:] == ["try", "tell"]


def test_wrong_names_and_impossible_orders_are_errors_that_say_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no step 'lern'.*Steps: read, learn"):
        go(Chain(), tmp_path, skip=["lern"])
    with pytest.raises(InvalidInput, match="'try' needs 'learn'"):
        go(Chain(), tmp_path, only=["try"])
    with pytest.raises(InvalidInput, match="both"):
        go(Chain(), tmp_path, skip=["try"], start="try")


def test_a_state_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[]")
    with pytest.raises(InvalidSource, match=r"state\.json"):
        State(tmp_path)


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with State(tmp_path), pytest.raises(InvalidSettings, match="Another process"):
        State(tmp_path)
    State(tmp_path).close()
