import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.holm import holm


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([3 * 0.01, 2 * 0.03, 2 * 0.03])
    assert holm([]) == []
    assert holm([0.9]) == [0.9]


def rejected_step_by_step(p_values: list[float], alpha: float) -> set[int]:
    """Holm's procedure as he wrote it: the smallest p against alpha / m, the next against alpha / (m - 1), … until one
    fails; all before it are rejected."""
    rejected: set[int] = set()
    for at in sorted(range(len(p_values)), key=lambda at: p_values[at]):
        if not p_values[at] * (len(p_values) - len(rejected)) < alpha:
            break
        rejected.add(at)
    return rejected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.999))
def test_adjusted_values_below_alpha_are_those_that_the_procedure_rejects(p_values: list[float], alpha: float) -> None:
    adjusted = holm(p_values)
    assert {at for at, p in enumerate(adjusted) if p < alpha} == rejected_step_by_step(p_values, alpha)
    assert all(given <= p <= 1.0 for given, p in zip(p_values, adjusted, strict=True))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(InvalidInput):
        holm([0.1, p])
