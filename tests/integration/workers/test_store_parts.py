"""Dead letters, targets, trouble, vectors and marks in Redis; and a Redis that is not there."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import redis

from multirecall.core.errors import InvalidSettings, NotFound, StoreUnavailable
from multirecall.engine.commands import free_ports
from multirecall.indexer.items import DeleteItem, Item, RowItem, UpdateItem
from multirecall.workers.leases import Kept
from multirecall.workers.store.connection import Connection, masked_url
from multirecall.workers.store.dead_letters import DeadLetter, DeadLetters, letter_id, packed_letter
from multirecall.workers.store.targets import Targets, Trouble
from multirecall.workers.store.unrefreshed import Unrefreshed
from multirecall.workers.store.vectors import RedisVectors
from tests.support.deployments import eventually

pytestmark = pytest.mark.integration


def put_letters(connection: Connection, *letters: DeadLetter) -> None:
    """As the end of a batch puts them."""
    with connection.client() as client:
        for at, letter in enumerate(letters, start=1):
            client.hset(connection.key("dead"), letter.id, packed_letter(letter))
            client.zadd(connection.key("dead-order"), {letter.id: at})


def letter(n: int, item: Item | None = None) -> DeadLetter:
    item = item or RowItem(id=f"p{n}", row={"id": n, "title": "Lamp"}, version=3)
    return DeadLetter(id=letter_id(item, "job"), item=item, error="too red", tries=8, job="job", index="shop-000001")


# ---------------------------------------------------------------- dead letters


def test_letters_are_listed_in_pages_oldest_first(connection: Connection) -> None:
    letters = [letter(n) for n in range(7)]
    put_letters(connection, *letters)
    dead = DeadLetters(connection)
    assert len(dead) == 7
    assert [one.id for one in dead.page(offset=2, size=3)] == [one.id for one in letters[2:5]]
    assert dead.page(offset=7) == []
    assert [one.id for one in dead.all()] == [one.id for one in letters]
    found = dead.get(letters[3].id)
    assert (found.item, found.error, found.tries, found.index) == (letters[3].item, "too red", 8, "shop-000001")
    assert found.died_at == 4.0
    assert found.to_dict()["item"] == {"kind": "row", "id": "p3", "row": {"id": 3, "title": "Lamp"}, "version": 3}


def test_letters_are_dropped_by_id(connection: Connection) -> None:
    letters = [letter(n) for n in range(4)]
    put_letters(connection, *letters)
    dead = DeadLetters(connection)
    assert dead.drop([letters[0].id, letters[2].id, "nothing"]) == 2
    assert dead.drop([]) == 0
    assert [one.id for one in dead.all()] == [letters[1].id, letters[3].id]
    with pytest.raises(NotFound, match="no dead letter") as caught:
        dead.get(letters[0].id)
    assert "deadletters list" in caught.value.hint


def test_more_letters_than_a_page_holds_are_all_given(connection: Connection) -> None:
    put_letters(connection, *(letter(n) for n in range(1100)))
    assert len({one.id for one in DeadLetters(connection).all()}) == 1100


def test_the_same_item_of_the_same_job_is_one_letter() -> None:
    item = UpdateItem(id="1", fields={"a": 1, "b": 2}, version=3, tries=1)
    again = UpdateItem(id="1", fields={"b": 2, "a": 1}, version=3, tries=5)
    assert letter_id(item, "job") == letter_id(again, "job")
    assert letter_id(item, "job") != letter_id(item, "other")
    assert letter_id(item, "job") != letter_id(DeleteItem(id="1", version=3), "job")


@pytest.mark.parametrize("value", ["\ud800", 1 << 70])
def test_letters_hold_what_json_hardly_can(connection: Connection, value: object) -> None:
    kept = letter(1, RowItem(id="1", row={"title": value}))
    put_letters(connection, kept)
    assert DeadLetters(connection).get(kept.id).item == kept.item


# ---------------------------------------------------------------- targets, trouble, marks


def test_targets_are_indexes_with_a_reason(connection: Connection) -> None:
    targets = Targets(connection)
    assert targets.all() == {}
    targets.add("shop-000002", "job-1")
    targets.add("shop-000001", "standby")
    targets.add("shop-000002", "standby")
    assert targets.all() == {"shop-000001": "standby", "shop-000002": "standby"}
    targets.remove("shop-000001", "nothing")
    targets.remove()
    assert targets.all() == {"shop-000002": "standby"}


def test_trouble_begins_with_its_first_error_and_tells_the_latest(connection: Connection) -> None:
    trouble = Trouble(connection)
    assert trouble.now() is None
    trouble.tell({"message": "no answer"})
    first = trouble.now()
    assert first is not None
    trouble.tell({"message": "disk full"})
    now = trouble.now()
    assert now is not None
    assert (now["since"], now["error"]) == (first["since"], {"message": "disk full"})
    assert now["at"] >= now["since"]
    trouble.over()
    assert trouble.now() is None


def test_a_mark_made_during_a_refresh_stays(connection: Connection) -> None:
    marks = Unrefreshed(connection)
    marks.mark()
    marks.mark("shop-000001", "shop-000002")
    seen = marks.marks()
    assert set(seen) == {"shop-000001", "shop-000002"}
    marks.mark("shop-000001")  # another write, while the refresh runs
    for index, mark in seen.items():
        marks.refreshed(index, mark)
    assert set(marks.marks()) == {"shop-000001"}


# ---------------------------------------------------------------- vectors


def test_vectors_are_kept_by_fingerprint_and_hash(connection: Connection) -> None:
    vectors = RedisVectors(connection, ttl_s=60)
    made = {name: np.random.default_rng(7).normal(size=4).astype(np.float32) for name in ("a", "b")}
    vectors.put("f1", made)
    found = vectors.get("f1", ["a", "nothing", "b"], 4)
    assert set(found) == {"a", "b"}
    assert all(np.array_equal(found[name], made[name]) for name in made)
    assert found["a"].dtype == np.float32
    assert vectors.get("f2", ["a"], 4) == {}
    assert vectors.get("f1", ["a"], 8) == {}  # of another dimension: not ours
    assert vectors.get("f1", [], 4) == {}
    with connection.client() as client:
        assert 0 < client.ttl(connection.key("vector", "f1", "a")) <= 60


def test_vectors_are_forgotten_after_their_time(connection: Connection) -> None:
    vectors = RedisVectors(connection, ttl_s=1)
    vectors.put("f", {"a": np.ones(4, dtype=np.float32)})
    eventually(lambda: not vectors.get("f", ["a"], 4))


def test_no_seconds_keep_no_vectors(connection: Connection) -> None:
    vectors = RedisVectors(connection, ttl_s=0)
    vectors.put("f", {"a": np.ones(4, dtype=np.float32)})
    assert RedisVectors(connection, ttl_s=60).get("f", ["a"], 4) == {}


def refusing(connection: Connection, monkeypatch: pytest.MonkeyPatch, error: Exception) -> RedisVectors:
    """Vectors in a Redis that refuses to keep more."""

    def refused(self: Any, raise_on_error: bool = True) -> list[Any]:
        raise error

    with connection.client() as client:
        monkeypatch.setattr(type(client.pipeline()), "execute", refused)
    return RedisVectors(connection, ttl_s=60)


def test_a_redis_without_memory_keeps_no_vectors_and_stops_nobody(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
    refusing(connection, monkeypatch, full).put("f", {"a": np.ones(4, dtype=np.float32)})
    assert "vectors are not kept" in caplog.text


def test_what_else_redis_refuses_is_an_error(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = refusing(connection, monkeypatch, redis.ReadOnlyError("a replica"))
    with pytest.raises(StoreUnavailable, match="a replica"):
        vectors.put("f", {"a": np.ones(4, dtype=np.float32)})


# ---------------------------------------------------------------- the connection


def test_deployments_do_not_see_each_other(redis_url: str, connection: Connection) -> None:
    namespace = connection.key("").split(":")[0]
    other = Connection(redis_url, namespace=namespace, name="other")
    Targets(connection).add("shop-000001", "standby")
    assert Targets(other).all() == {}
    other.close()


def test_a_redis_that_is_not_there_says_what_to_do() -> None:
    connection = Connection(f"redis://:secret@127.0.0.1:{free_ports(1)[0]}/0", namespace="t", name="shop")
    with pytest.raises(StoreUnavailable) as caught:
        connection.time_s()
    assert "MULTIRECALL_REDIS" in caught.value.hint
    assert "secret" not in str(caught.value)
    connection.close()


def test_a_command_that_redis_refuses_is_an_error_of_ours(connection: Connection) -> None:
    with connection.client() as client:
        client.set(connection.key("jobs"), "not a set")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"), connection.client() as client:
        client.zcard(connection.key("jobs"))


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "nonsense", ""])
def test_a_url_of_another_form_names_the_form(url: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Connection(url, namespace="t", name="shop")
    assert caught.value.data["field"] == "redis"
    assert "redis://HOST:PORT/DB" in caught.value.hint


def test_passwords_are_masked() -> None:
    assert masked_url("redis://shop:geheim@h:6379/1") == "redis://********@h:6379/1"
    assert masked_url("redis://:geheim@h/1") == "redis://********@h/1"
    assert masked_url("redis://:ge/h#e?i@m@h/1") == "redis://********@h/1"
    assert masked_url("redis://h/1?password=geheim") == "redis://h/1"
    assert masked_url("geheim") == "…"
    assert masked_url("redis://h/1") == "redis://h/1"


# ---------------------------------------------------------------- leases in a thread


def test_a_lease_is_renewed_until_left() -> None:
    renewed: list[int] = []
    third = threading.Event()

    def renew() -> bool:
        renewed.append(1)
        if len(renewed) == 3:
            third.set()
        return True

    with Kept(renew, 0.03) as kept:
        assert third.wait(20)
        assert not kept.lost.is_set()
    count = len(renewed)
    assert not kept._thread.is_alive()
    assert len(renewed) == count


def test_a_lost_lease_is_noted_and_not_renewed_again() -> None:
    answers: list[Any] = [StoreUnavailable("away"), True, False]
    left = [*answers]

    def renew() -> bool:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    with Kept(renew, 0.03) as kept:
        assert kept.lost.wait(20)
    assert left == []
