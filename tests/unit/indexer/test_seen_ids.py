from __future__ import annotations

import random

from multirecall.indexer.seen_ids import SeenIds


def test_the_first_place_comes_back_as_with_a_dictionary() -> None:
    draw = random.Random(7)
    seen = SeenIds()
    first: dict[str, int] = {}
    for place in range(20_000):  # several growths of the table
        product_id = f"p{draw.randrange(9_000)}"
        assert seen.first_place(product_id, place) == first.get(product_id)
        first.setdefault(product_id, place)
    assert len(seen) == len(first)
