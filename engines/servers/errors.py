"""What a server's refusal means in our error tree. No message repeats a header or a password."""

from __future__ import annotations

from typing import Any

from multirecall.core.errors import (
    EngineAuthError,
    EngineBusy,
    EngineError,
    EngineUnavailable,
    InvalidInput,
    MultirecallError,
    NotFound,
    StorageFull,
)

__all__ = ["failure", "failure_type", "fatal", "raise_for", "reason", "retryable"]

_LONGEST_REASON = 300
_WRITE_ALIAS_ENDING = ".write"  # see `names.write_alias`
_DISK_SIGNS = ("flood-stage", "disk usage exceeded", "read-only-allow-delete", "no space left on device")


def failure_type(error: Any) -> str:
    """The server's name of the error: `document_parsing_exception`."""
    return str(error.get("type", "")) if isinstance(error, dict) else ""


def reason(error: Any) -> str:
    """One line on why: the reason of the error and of its innermost cause, cut to a readable length."""
    if not isinstance(error, dict):
        return str(error)[:_LONGEST_REASON]
    texts = [str(error.get("reason") or error.get("type") or "unknown error")]
    root = (error.get("root_cause") or [{}])[0]
    cause = error.get("caused_by") or root
    while isinstance(cause, dict) and cause:
        text = str(cause.get("reason") or cause.get("type") or "")
        if text and text not in texts[-1]:
            texts.append(text)
        cause = cause.get("caused_by")
    return ": ".join(dict.fromkeys((texts[0], texts[-1])))[:_LONGEST_REASON]


def retryable(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status == 429 or status >= 500


def fatal(status: int, error: Any) -> bool:
    """Whether an error of one item concerns the whole request: the index is gone, the disk full, we are shut out."""
    if error is None:
        return False
    gone = failure_type(error) == "index_not_found_exception"
    return gone or status in (401, 403) or _is_disk_full(reason(error))


def failure(status: int, error: Any, *, url: str, index: str = "", retry_after: str | None = None) -> MultirecallError:
    """The error to raise for an HTTP status and the server's `error` object. `url` holds no password.

    `retry_after` is the header of that name; whole seconds in it become the error's `retry_after_s`.
    """
    wait = {"retry_after_s": int(retry_after)} if retry_after and retry_after.isdecimal() else {}
    text, kind = reason(error), failure_type(error)
    if _is_disk_full(text):
        return StorageFull(
            f"{url} has no space left: {text}",
            hint="Free disk space (the server lifts its write block by itself), then run again.",
            engine=url,
        )
    if status in (401, 403):
        return EngineAuthError(
            f"{url} refused the credentials ({status})." if status == 401 else f"{url} forbids this ({status}): {text}",
            hint="Set MULTIRECALL_ENGINE_USER and MULTIRECALL_ENGINE_PASSWORD, or MULTIRECALL_ENGINE_API_KEY.",
            engine=url,
        )
    if kind == "index_not_found_exception" or status == 404:
        named = index.removesuffix(_WRITE_ALIAS_ENDING)
        return NotFound(f"{url} has no index {named!r}.", engine=url, index=named)
    if status == 429:
        return EngineBusy(f"{url} is overloaded: {text}", hint="Try again later.", engine=url, **wait)
    if status in (502, 503, 504):
        return EngineUnavailable(
            f"{url} cannot answer now ({status}): {text}", hint="Try again later.", engine=url, **wait
        )
    if status >= 500:
        return EngineError(f"{url} failed ({status}): {text}", engine=url)
    return InvalidInput(f"{url} refused the request ({status}): {text}", engine=url)


def raise_for(status: int, body: Any, *, url: str, index: str = "", retry_after: str | None = None) -> None:
    """Raises `failure` for a status of 400 or more; returns for any other."""
    if status >= 400:
        error = body.get("error", body) if isinstance(body, dict) else body
        raise failure(status, error if error is not None else {}, url=url, index=index, retry_after=retry_after)


def _is_disk_full(text: str) -> bool:
    lowered = text.lower()
    return any(sign in lowered for sign in _DISK_SIGNS)
