"""The rule of docs/decisions/0003-versions-merge.md: its table, and that no order of delivery changes the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.engines.base import Delete, IndexedProduct, Kept, Update, Upsert, Write, WriteStatus
from multirecall.engines.versions import (
    Buried,
    Bury,
    Change,
    Leave,
    Remove,
    Replace,
    State,
    Tombstone,
    Versions,
    decide,
)
from tests.support.records import upsert

S = WriteStatus
RECORD = Versions(record=5, fields={"price_minor": 8})
GRAVE = Tombstone(version=5, fields={"price_minor": 8})


def price(version: int | None, **more: Any) -> Update:
    return Update(id="1", fields={"price_minor": 1, **more}, version=version)


def copied(version: int, **kept: int) -> Delete:
    """A tombstone from another index, with fields that were set later, each at its version."""
    return Delete(id="1", version=version, kept={name: Kept(value="new", version=own) for name, own in kept.items()})


def outcome(write: Write, stored: State) -> tuple[Any, ...]:
    """The decision without the words around it: status, versions, and the names that are kept or set."""
    match decide(write, stored):
        case Replace(status=status, versions=v, kept=kept):
            return status, v.record, dict(v.fields), kept
        case Change(status=status, versions=v, names=names):
            return status, v.record, dict(v.fields), names
        case Bury(status=status, tombstone=grave):
            return status, grave.version, dict(grave.fields)
        case Remove(status=status):
            return ("remove", status)
        case Leave(status=status):
            return (status,)


@pytest.mark.parametrize(
    ("write", "stored", "expected"),
    [
        (upsert("1", version=3), None, (S.CREATED, 3, {}, ())),
        (upsert("1", version=4), RECORD, (S.STALE,)),
        (upsert("1", version=5), RECORD, (S.UPDATED, 5, {"price_minor": 8}, ("price_minor",))),
        (upsert("1", version=7), RECORD, (S.UPDATED, 7, {"price_minor": 8}, ("price_minor",))),
        (upsert("1", version=8), RECORD, (S.UPDATED, 8, {}, ())),
        (upsert("1", version=9), RECORD, (S.UPDATED, 9, {}, ())),
        (upsert("1", version=0), Versions(), (S.UPDATED, 0, {}, ())),
        (upsert("1", version=4), GRAVE, (S.STALE,)),
        (upsert("1", version=5), GRAVE, (S.STALE,)),
        (upsert("1", version=6), GRAVE, (S.CREATED, 6, {"price_minor": 8}, ("price_minor",))),
        (upsert("1", version=8), GRAVE, (S.CREATED, 8, {}, ())),
        (price(3), None, (S.MISSING,)),
        (price(4), RECORD, (S.STALE,)),
        (price(7), RECORD, (S.STALE,)),
        (price(8), RECORD, (S.UPDATED, 5, {"price_minor": 8}, ("price_minor",))),
        (price(9), RECORD, (S.UPDATED, 5, {"price_minor": 9}, ("price_minor",))),
        (price(6, in_stock=True), RECORD, (S.UPDATED, 5, {"price_minor": 8, "in_stock": 6}, ("in_stock",))),
        (price(5, in_stock=True), RECORD, (S.UPDATED, 5, {"price_minor": 8}, ("in_stock",))),
        (price(0), Versions(), (S.UPDATED, None, {"price_minor": 0}, ("price_minor",))),
        (Update(id="1", fields={}, version=9), RECORD, (S.STALE,)),
        (price(5), GRAVE, (S.STALE,)),
        (price(6), GRAVE, (S.MISSING,)),
        (Delete(id="1", version=3), None, (S.MISSING, 3, {})),
        (Delete(id="1", version=4), RECORD, (S.STALE,)),
        (Delete(id="1", version=5), RECORD, (S.DELETED, 5, {"price_minor": 8})),
        (Delete(id="1", version=8), RECORD, (S.DELETED, 8, {})),
        (Delete(id="1", version=0), Versions(), (S.DELETED, 0, {})),
        (Delete(id="1", version=4), GRAVE, (S.MISSING,)),
        (Delete(id="1", version=5), GRAVE, (S.MISSING,)),
        (Delete(id="1", version=6), GRAVE, (S.MISSING, 6, {"price_minor": 8})),
        (Delete(id="1", version=9), GRAVE, (S.MISSING, 9, {})),
        (copied(5, price_minor=8), None, (S.MISSING, 5, {"price_minor": 8})),
        (copied(5, price_minor=9), GRAVE, (S.MISSING, 5, {"price_minor": 9})),
        (copied(5, price_minor=8), GRAVE, (S.MISSING,)),
        (copied(4, price_minor=7, in_stock=6), GRAVE, (S.MISSING, 5, {"price_minor": 8, "in_stock": 6})),
        (copied(4, in_stock=5), GRAVE, (S.MISSING,)),
        (copied(6, price_minor=7, in_stock=9), GRAVE, (S.MISSING, 6, {"price_minor": 8, "in_stock": 9})),
        (copied(4, price_minor=7), RECORD, (S.STALE,)),
        (copied(4, price_minor=9), RECORD, (S.UPDATED, 5, {"price_minor": 9}, ("price_minor",))),
        (copied(6, in_stock=7), RECORD, (S.DELETED, 6, {"price_minor": 8, "in_stock": 7})),
        (upsert("1"), None, (S.CREATED, None, {}, ())),
        (upsert("1"), RECORD, (S.UPDATED, None, {}, ())),
        (upsert("1"), GRAVE, (S.UPDATED, None, {}, ())),
        (price(None), None, (S.MISSING,)),
        (price(None), RECORD, (S.UPDATED, 5, {"price_minor": 8}, ("price_minor",))),
        (price(None), GRAVE, (S.MISSING,)),
        (Delete(id="1"), None, (S.MISSING,)),
        (Delete(id="1"), RECORD, ("remove", S.DELETED)),
        (Delete(id="1"), GRAVE, ("remove", S.DELETED)),
    ],
)
def test_the_table(write: Write, stored: State, expected: tuple[Any, ...]) -> None:
    assert outcome(write, stored) == expected


def test_a_version_in_the_record_of_an_unversioned_upsert_is_that_of_the_record() -> None:
    product = upsert("1").product
    written = Upsert(product=type(product)(id="1", fields={**product.fields, "version": 7}))
    assert outcome(written, RECORD) == (S.UPDATED, 7, {}, ())


def test_missing_is_right_for_a_delete_and_wrong_for_an_update() -> None:
    missing = Leave(status=S.MISSING)
    assert missing.result(Delete(id="1")).ok
    assert not missing.result(price(1)).ok
    assert Leave(status=S.STALE).result(price(1)).ok


def test_what_is_shown_as_version_is_the_highest() -> None:
    assert Versions().highest is None
    assert Versions(record=3).highest == 3
    assert Versions(record=3, fields={"price_minor": 4, "in_stock": 9}).highest == 9
    assert Versions(fields={"price_minor": 4}).highest == 4


def test_records_are_merged_from_what_is_written_and_what_is_kept() -> None:
    written = Upsert(product=IndexedProduct(id="1", fields={"title": "a", "in_stock": True}))
    replace = Replace(write=written, status=S.UPDATED, versions=RECORD, kept=("price_minor", "in_stock"))
    assert replace.record({"price_minor": 7, "title": "old"}) == {
        "title": "a", "price_minor": 7, "in_stock": None, "version": 8,
    }  # fmt: skip
    assert Replace(write=written, status=S.CREATED, versions=Versions()).record({}) == {"title": "a", "in_stock": True}
    change = Change(write=price(8, in_stock=True), versions=RECORD, names=("price_minor",))
    assert change.fields == {"price_minor": 1, "version": 8}


# ---------------------------------------------------------------- orders


@dataclass(slots=True)
class Shelf:
    """One product's place, kept by the rule alone."""

    state: State = None
    values: dict[str, Any] = field(default_factory=dict)

    def apply(self, write: Write) -> str:
        decision = decide(write, self.state)
        match decision:
            case Replace():
                self.values = decision.record(self.values)
                self.state = decision.versions
            case Change():
                self.values |= decision.fields
                self.state = decision.versions
            case Bury():
                self.values = dict(decision.buried(self.values).record)
                self.state = decision.tombstone
            case Remove():
                self.values, self.state = {}, None
            case Leave():
                pass
        return decision.status

    def shown(self) -> Any:
        """What anyone can see; the values under a tombstone are for later."""
        return ("deleted", self.state.version) if isinstance(self.state, Tombstone) else (self.state, self.values)


def delivered(writes: Iterable[Write], *, twice: bool = False) -> Shelf:
    """The shelf after all writes, missing updates tried again until nothing changes."""
    shelf, missing = Shelf(), []
    for write in writes:
        if shelf.apply(write) == S.MISSING and isinstance(write, Update):
            missing.append(write)
        if twice:
            before = (shelf.state, dict(shelf.values))
            shelf.apply(write)
            assert (shelf.state, shelf.values) == before
    while True:
        left = [write for write in missing if shelf.apply(write) == S.MISSING]
        if left == missing:
            return shelf
        missing = left


@st.composite
def write_sets(draw: st.DrawFn) -> list[Write]:
    """Writes of one product with versions of their own, some of them repeated."""
    versions = draw(st.lists(st.integers(0, 12), min_size=1, max_size=7, unique=True))
    writes: list[Write] = []
    for version in versions:
        match draw(st.sampled_from(["upsert", "update", "update", "delete"])):
            case "upsert":
                fields = {"price_minor": version, "in_stock": f"stock {version}"}
                writes.append(upsert("1", f"title {version}", version=version, **fields))
            case "update":
                names = draw(st.sets(st.sampled_from(["price_minor", "in_stock", "popularity"]), min_size=1))
                writes.append(Update(id="1", fields={n: f"{n} {version}" for n in sorted(names)}, version=version))
            case _:
                writes.append(Delete(id="1", version=version))
    return writes + draw(st.lists(st.sampled_from(writes), max_size=3))


@given(st.data())
def test_every_order_gives_the_same_and_twice_changes_nothing(data: st.DataObject) -> None:
    writes = data.draw(write_sets())
    by_version = sorted(writes, key=lambda write: write.version or 0)
    expected = delivered(by_version).shown()
    assert delivered(data.draw(st.permutations(writes))).shown() == expected
    assert delivered(data.draw(st.permutations(writes)), twice=True).shown() == expected


@given(st.data())
def test_a_tombstone_copied_at_any_moment_changes_nothing_that_all_writes_give(data: st.DataObject) -> None:
    """An index that is built gets the live one's tombstone, as it then is, in the middle of the same writes."""
    writes = data.draw(write_sets())
    expected = delivered(sorted(writes, key=lambda write: write.version or 0)).shown()
    live = delivered(data.draw(st.permutations(writes))[: data.draw(st.integers(1, len(writes)))])
    order = data.draw(st.permutations(writes))
    if isinstance(live.state, Tombstone):
        grave = Buried(tombstone=live.state, record=live.values, deleted_at=1.0).deleted("1").write
        order.insert(data.draw(st.integers(0, len(order))), grave)
    assert delivered(order).shown() == expected
    assert delivered(order, twice=True).shown() == expected


def test_a_tombstone_carries_its_time_and_the_values_that_are_newer_than_those_there() -> None:
    grave = Delete(id="1", version=5, kept={"price_minor": Kept(value=3, version=9)}, deleted_at=12.0)
    decision = decide(grave, Tombstone(version=5, fields={"price_minor": 8, "in_stock": 7}))
    assert isinstance(decision, Bury)
    buried = decision.buried({"price_minor": 1, "in_stock": True})
    assert (buried.record, buried.deleted_at) == ({"price_minor": 3, "in_stock": True}, 12.0)
    kept = {"price_minor": Kept(value=3, version=9), "in_stock": Kept(value=True, version=7)}
    assert buried.deleted("1").kept == kept


def test_a_price_that_came_before_the_delete_below_it_is_not_lost() -> None:
    """Record 4, price 7, delete 5, record 6: why a tombstone keeps the fields that are later than it."""
    writes = [upsert("1", version=4), price(7), Delete(id="1", version=5), upsert("1", "six", version=6)]
    shelf = delivered(writes)
    assert (shelf.values["title"], shelf.values["price_minor"], shelf.values["version"]) == ("six", 1, 7)
    assert delivered(reversed(writes)).shown() == shelf.shown()
