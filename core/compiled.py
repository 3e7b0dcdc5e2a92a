"""compiled: a function over arrays as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["compiled", "lowest_bit", "part"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compiled at its first call, for some tenths of a second to a second; other threads run meanwhile, and beside it.

    The code is kept for other processes beside the source, in `NUMBA_CACHE_DIR`, or in the user's cache folder, where
    it is then read in a tenth of the time. Bounds are not checked: the caller answers for them.
    A division by 0 gives what numpy makes of it.
    """
    try:
        kept: Callable[Arguments, Result] = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no such folder can be written to: each process compiles for itself
        kept = numba.njit(nogil=True, error_model="numpy")(function)
    return kept


def part(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A part of a `compiled` function, which only such functions can call: half the time to compile."""
    without_wrappers: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: Callable[Arguments, Result] = numba.njit(nogil=True, error_model="numpy", **without_wrappers)(function)
    return made


def _count_zeros(typing: Any, bits: Any) -> Any:
    """What numba is to put where `lowest_bit` stands: the instruction that counts the zeros below the first bit."""

    def instruction(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return bits(bits), instruction


lowest_bit: Any = intrinsic(_count_zeros)
"""Within compiled code: the place of the lowest bit that is set in an integer other than 0."""
