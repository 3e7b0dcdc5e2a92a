import pickle

import pytest

from multirecall.core import errors


@pytest.mark.parametrize("name", [n for n in errors.__all__])
def test_errors_survive_pickling_and_carry_data(name: str) -> None:
    kind = getattr(errors, name)
    error = pickle.loads(pickle.dumps(kind("What happened.", hint="What to do.", field="price", count=3)))
    assert type(error) is kind
    assert str(error) == "What happened. What to do."
    assert error.to_dict() == {
        "code": kind.code,
        "message": "What happened.",
        "hint": "What to do.",
        "data": {"field": "price", "count": 3},
    }


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    for name in errors.__all__:
        kind = getattr(errors, name)
        line = next(
            line for line in errors.__doc__.splitlines() if line.replace("│", " ").strip(" ├└─").startswith(name)
        )
        depth = len([k for k in kind.__mro__ if issubclass(k, errors.MultirecallError)]) - 1
        assert (line.index(name) - 4) // 4 == depth, name


def test_exit_codes_are_never_zero() -> None:
    assert all(getattr(errors, name).exit_code > 0 for name in errors.__all__)
