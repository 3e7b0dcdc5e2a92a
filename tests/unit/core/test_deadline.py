import math

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded, InvalidInput


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_remaining_runs_down_to_zero_and_not_below() -> None:
    clock = Clock()
    deadline = Deadline.after(2.0, clock)
    assert deadline.remaining_s() == 2.0
    clock.now += 1.5
    assert deadline.remaining_s() == 0.5
    assert not deadline.expired
    clock.now += 10.0
    assert deadline.remaining_s() == 0.0
    assert deadline.expired


def test_child_gets_its_share_of_what_is_left_now() -> None:
    clock = Clock()
    deadline = Deadline.after(2.0, clock)
    clock.now += 1.0
    child = deadline.child(0.25)
    assert child.remaining_s() == pytest.approx(0.25 * 1.0)
    clock.now += 0.3
    assert child.expired
    assert not deadline.expired


def test_never_does_not_expire() -> None:
    never = Deadline.never()
    assert never.remaining_s() == math.inf
    assert never.child(0.5).remaining_s() == math.inf
    never.check("the end of time")


def test_check_names_what_was_late() -> None:
    clock = Clock()
    deadline = Deadline.after(1.0, clock)
    clock.now += 1.0
    with pytest.raises(DeadlineExceeded, match="before the engine"):
        deadline.check("the engine")


@pytest.mark.parametrize("budget_s", [-1.0, math.nan])
def test_impossible_budgets_are_refused(budget_s: float) -> None:
    with pytest.raises(InvalidInput):
        Deadline.after(budget_s)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(InvalidInput):
        Deadline.after(1.0).child(share)
