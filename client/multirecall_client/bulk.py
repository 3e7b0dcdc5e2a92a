"""Bulk writes: changes are put into chunks, chunks are delivered, and of a chunk only what failed is sent again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multirecall_client.calls import Call, encoded
from multirecall_client.changes import Change, ChangeResult, Delete, Update, Upsert, WriteResult
from multirecall_client.errors import (
    ApiError,
    InvalidArgument,
    InvalidRequest,
    MultirecallError,
    TooLarge,
    UnreadableAnswer,
)
from multirecall_client.options import BULK_RETRIES, WRITE_TIMEOUT_S, Options
from multirecall_client.sending import Flow, Retrying, Wait, may_retry, retry_after_of, send_once

__all__ = ["CHUNK_BYTES", "CHUNK_ITEMS", "Chunk", "Chunker", "deliver"]

CHUNK_ITEMS = 500
CHUNK_BYTES = 1 << 20

_REQUESTS = {"upsert": ("POST", "products"), "update": ("PATCH", "updates"), "delete": ("DELETE", "ids")}
_PLACE = re.compile(r"(?:products|updates|ids)\.(\d+)(?:\.(.+)|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A change as it goes into a body; `result` if it was refused here, or has its result already."""

    index: int
    id: str
    body: bytes = b""
    result: ChangeResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Changes of one kind that go into one request. `version`: of deletes, which have one for all of a request."""

    kind: str
    version: int | None
    pieces: tuple[Piece, ...]

    def call(self, pieces: Sequence[Piece], wait: str) -> Call[WriteResult]:
        """The request for some of its pieces."""
        method, name = _REQUESTS[self.kind]
        version = b"" if self.version is None else b',"version":' + encoded(self.version)
        body = b'{"' + name.encode() + b'":[' + b",".join(piece.body for piece in pieces) + b"]" + version + b"}"
        return Call(
            method=method, path="/v1/products", answer=WriteResult, params={"wait": wait}, body=body, write=True
        )


class Chunker:
    """Puts changes into chunks of at most `items` changes and about `bytes` bytes, one kind each, in their order.

    A change beyond `bytes` goes alone. One that JSON cannot say is refused here, and the others go on.
    """

    def __init__(self, *, items: int = CHUNK_ITEMS, bytes: int = CHUNK_BYTES) -> None:
        if items < 1 or bytes < 1:
            raise InvalidArgument("chunk_items and chunk_bytes are at least 1.")
        self._items, self._bytes = items, bytes
        self._pieces: list[Piece] = []
        self._size = 0
        self._key: tuple[str, int | None] = ("", None)
        self._n_seen = 0

    def add(self, change: Change) -> list[Chunk]:
        """Takes a change; gives the chunk that was full before it, if so."""
        if not isinstance(change, Upsert | Update | Delete):
            raise InvalidArgument(f"Change {self._n_seen} is no Upsert, Update or Delete: {type(change).__name__}.")
        key = (change.kind, change.version if isinstance(change, Delete) else None)
        piece = _piece(self._n_seen, change)
        self._n_seen += 1
        full = len(self._pieces) >= self._items or self._size + len(piece.body) > self._bytes
        ready = self.rest() if key != self._key or full else []
        self._key = key
        self._pieces.append(piece)
        self._size += len(piece.body) + 1
        return ready

    def rest(self) -> list[Chunk]:
        """What was not given yet."""
        if not self._pieces:
            return []
        chunk = Chunk(kind=self._key[0], version=self._key[1], pieces=tuple(self._pieces))
        self._pieces, self._size = [], 0
        return [chunk]


def _piece(index: int, change: Change) -> Piece:
    try:
        return Piece(index=index, id=_id(change), body=encoded(_value(change)))
    except InvalidArgument as error:
        refused = ChangeResult(
            index=index, kind=change.kind, id=_id(change), status="refused", error=str(error), attempts=0
        )
        return Piece(index=index, id=_id(change), result=refused)


def _id(change: Change) -> str:
    if isinstance(change, Upsert):
        sent = change.product.get("id", "") if isinstance(change.product, Mapping) else ""
        return str(sent)
    return str(change.id)


def _value(change: Change) -> object:
    if isinstance(change, Upsert):
        if not isinstance(change.product, Mapping):
            raise InvalidArgument(f"A product is a mapping from fields to values, not {type(change.product).__name__}.")
        return change.product
    if isinstance(change, Update):
        version = {} if change.version is None else {"version": change.version}
        return {"id": change.id, "set": change.set, **version}
    return change.id


def deliver(chunk: Chunk, options: Options, retrying: Retrying, *, wait: str) -> Flow[list[ChangeResult]]:
    """Sends a chunk until each change has its result; gives them in order.

    What the service failed to do is sent again, together with any later change of the same product: so that a product
    never ends as an older change wants it. Raises ApiError, NoAnswer, UnreadableAnswer once the retries are used up, or
    at once where they cannot help.
    """
    retries = BULK_RETRIES if options.retries is None else options.retries
    settled = {piece.index: piece.result for piece in chunk.pieces if piece.result is not None}
    pending = [piece for piece in chunk.pieces if piece.result is None]
    request_id = options.id_of_request()
    attempt = 0
    while pending:
        try:
            results = yield from _sent(chunk, pending, options, wait=wait, attempt=attempt, request_id=request_id)
        except MultirecallError as error:
            if not may_retry(chunk.call((), wait), error):
                raise
            wait_s = retrying.wait_s(attempt, retry_after_of(error))
            if attempt == retries or wait_s is None:
                if all(piece.index in settled for piece in pending):
                    break  # they are known to have failed
                raise
        else:
            settled.update((result.index, result) for result in results)
            pending = _again(pending, results)
            wait_s = retrying.wait_s(attempt, None)
            if not pending or attempt == retries or wait_s is None:
                break
        yield Wait(seconds=wait_s)
        attempt += 1
    return [settled[piece.index] for piece in chunk.pieces]


def _sent(
    chunk: Chunk, pieces: Sequence[Piece], options: Options, *, wait: str, attempt: int, request_id: str
) -> Flow[list[ChangeResult]]:
    """One attempt. A body that is too large is sent in halves; a change that makes the service refuse the whole body
    is refused alone."""
    timeout_s = options.timeout_s or WRITE_TIMEOUT_S
    refused: dict[int, ChangeResult] = {}
    left = list(pieces)
    reason: ApiError
    results: list[ChangeResult] = []
    while left:
        try:
            call = chunk.call(left, wait)
            answer = yield from send_once(call, options, timeout_s=timeout_s, request_id=request_id)
            results = _results(chunk.kind, left, answer, attempt + 1)
            break
        except TooLarge as error:
            if len(left) > 1:
                for part in (left[: len(left) // 2], left[len(left) // 2 :]):
                    results += yield from _sent(chunk, part, options, wait=wait, attempt=attempt, request_id=request_id)
                break
            position, field, reason = 0, "", error
        except InvalidRequest as error:
            place = _PLACE.match(error.field or "")
            if place is None or int(place[1]) >= len(left):
                raise
            position, field, reason = int(place[1]), place[2] or "", error
        piece = left.pop(position)
        refused[piece.index] = ChangeResult(
            index=piece.index,
            kind=chunk.kind,
            id=piece.id,
            status="refused",
            error=str(reason),
            field=field,
            attempts=attempt + 1,
            request_id=reason.request_id,
        )
    if not refused:
        return results
    by_index = {result.index: result for result in results} | refused
    return [by_index[piece.index] for piece in pieces]


def _results(kind: str, pieces: Sequence[Piece], answer: WriteResult, attempts: int) -> list[ChangeResult]:
    if len(answer.items) != len(pieces):
        raise UnreadableAnswer(f"{len(answer.items)} results for {len(pieces)} changes.", request_id=answer.request_id)
    return [
        ChangeResult(
            index=piece.index,
            kind=kind,
            id=item.id or piece.id,
            status=item.status,
            error=item.error,
            field=item.field,
            attempts=attempts,
            request_id=answer.request_id,
        )
        for piece, item in zip(pieces, answer.items, strict=True)
    ]


def _again(pieces: Sequence[Piece], results: Sequence[ChangeResult]) -> list[Piece]:
    """What failed, and what came after it for the same product."""
    again: list[Piece] = []
    failed: set[str] = set()
    for piece, result in zip(pieces, results, strict=True):
        if result.status == "failed" or result.id in failed:
            failed.add(result.id)
            again.append(piece)
    return again
