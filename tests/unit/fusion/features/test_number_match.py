"""Codes and numbers against a search of each product's codes one by one."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.fusion.features.feature_set import FeatureSet
from tests.support.pools import pool, product, ranking

SET = FeatureSet(routes=("dense", "lexical"))


@pytest.mark.parametrize("letters", ["12", "12a", "1é5"], ids=["digits", "letters", "beyond ASCII"])
@pytest.mark.parametrize("seed", range(5))
def test_codes_against_a_plain_search(seed: int, letters: str) -> None:
    random = np.random.default_rng(seed)

    def code() -> str:
        return "".join(random.choice([*letters], random.integers(1, 8)))

    of_products = [tuple({code() for _ in range(random.integers(0, 4))}) for _ in range(30)]
    asked = tuple({code() for _ in range(3)} | {"5000"})
    products = {f"p{at:02d}": product("thing", codes=codes) for at, codes in enumerate(of_products)}
    scores = dict.fromkeys(products, 1.0)
    text = " ".join(asked)
    of_query = pool(text, [ranking("lexical", scores, products)], codes=asked)
    found = dict(zip(SET.names, SET.matrix(of_query).T, strict=True))

    codes = [code for code in asked if any(char.isdigit() for char in code)]
    longest = max(map(len, codes))
    for at, theirs in enumerate(of_products):
        within = [max([len(code) / len(other) for other in theirs if code in other], default=0.0) for code in codes]
        prefixes = [
            n / len(code)
            for code in codes
            for n in range(4, len(code) + 1)
            if any(other.startswith(code[:n]) for other in theirs)
        ]
        assert found["codes.within"][at] == max(within)
        assert found["codes.matched"][at] == pytest.approx(np.mean([code in theirs for code in codes]))
        assert found["codes.longest"][at] == max([len(c) for c in codes if c in theirs], default=0) / longest
        assert found["codes.prefix"][at] == max(prefixes, default=0.0)
        held = [number in theirs for number in of_query.numbers]
        assert found["numbers.codes"][at] == pytest.approx(np.mean(held))
