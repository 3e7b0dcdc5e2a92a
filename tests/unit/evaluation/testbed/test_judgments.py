from __future__ import annotations

import numpy as np

from multirecall.evaluation.testbed.judgments import judgment_lines
from multirecall.evaluation.testbed.rows import product_id


def test_judgment_lines_equal_lines_written_one_by_one() -> None:
    products = np.array([0, 7, 4250, 999_999], dtype=np.int32)
    expected = "".join(f"q00012\t{product_id(int(i))}\t2\tconstructed\n" for i in products)
    assert judgment_lines("q00012", products, 2) == expected.encode()


def test_judgment_lines_of_no_products_are_empty() -> None:
    assert judgment_lines("q00012", np.zeros(0, dtype=np.int32), 3) == b""
