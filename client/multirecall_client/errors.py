"""The one error tree of the client.

    MultirecallError
    ├── InvalidArgument             refused before anything was sent (a ValueError too)
    ├── NoAnswer                    nothing came back
    │   ├── ConnectionFailed        no connection: the request was not sent
    │   ├── ConnectionBroken        broken off after it was sent: it may have had its effect
    │   └── TimedOut                the time is over; `sent` says whether the request went out
    ├── UnreadableAnswer            an answer that is none of this service, or cut short
    ├── BulkStopped                 a bulk job ended early: carries the report, and why
    ├── BulkIncomplete              some changes were refused or given up (only if asked to raise)
    └── ApiError                    the service says no, as problem+json: status, code, title, hint, field, request_id
        ├── InvalidRequest          400, 422: the field and what to do about it
        ├── Unauthorized            401: no key, or a wrong one
        ├── Forbidden               403: the key's role does not allow it
        ├── NotFound                404
        ├── PageExpired             410: the frozen list of a page token is no more
        ├── TooLarge                413
        ├── RateLimited             429: carries retry_after_s
        ├── Unavailable             502, 503: carries retry_after_s
        ├── DeadlineExceeded        408, 504
        └── ServerFailed            any other 5xx

Every error survives pickling (a Celery task may raise it) and holds no key. `request_id` is the one that the service
logs.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ApiError",
    "ConnectionBroken",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Forbidden",
    "InvalidArgument",
    "InvalidRequest",
    "MultirecallError",
    "NoAnswer",
    "NotFound",
    "PageExpired",
    "RateLimited",
    "ServerFailed",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnreadableAnswer",
    "api_error_class",
]


class MultirecallError(Exception):
    """Base of every error that the client raises on purpose. `request_id`: empty if nothing was sent."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(kind: type[MultirecallError], args: tuple[Any, ...], state: dict[str, Any]) -> MultirecallError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidArgument(MultirecallError, ValueError):
    """The caller's mistake, found here; nothing was sent."""


class NoAnswer(MultirecallError):
    """No answer came. `sent`: whether the request may have reached the service and had its effect."""

    sent = True


class ConnectionFailed(NoAnswer):
    """There is no connection to the service."""

    sent = False


class ConnectionBroken(NoAnswer):
    """The connection broke after the request had been sent, at least in part; or what came back was garbled."""


class TimedOut(NoAnswer):
    """The time is over."""

    def __init__(self, message: str, *, request_id: str = "", sent: bool = True) -> None:
        super().__init__(message, request_id=request_id)
        self.sent = sent


class UnreadableAnswer(MultirecallError):
    """Something answered, but not as this service does: a proxy, another service, or an answer cut short."""


class ApiError(MultirecallError):
    """What the service says is wrong: `code` is a stable word (`invalid_filter`), `hint` says what to do, `field` names
    what is to blame."""

    def __init__(
        self,
        title: str,
        *,
        status: int,
        code: str = "",
        hint: str = "",
        field: str | None = None,
        retry_after_s: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(f"{title} {hint}".strip(), request_id=request_id)
        self.title = title
        self.status = status
        self.code = code
        self.hint = hint
        self.field = field
        self.retry_after_s = retry_after_s

    def __repr__(self) -> str:
        told = {"status": self.status, "code": self.code, "field": self.field, "request_id": self.request_id}
        rest = "".join(f", {name}={value!r}" for name, value in told.items() if value)
        return f"{type(self).__name__}({self.message!r}{rest})"


class InvalidRequest(ApiError):
    """What was asked for cannot be understood or done."""


class Unauthorized(ApiError):
    """No key, or one that the service does not know."""


class Forbidden(ApiError):
    """The key's role does not allow that."""


class NotFound(ApiError):
    """There is no such product, index or path."""


class PageExpired(ApiError):
    """The frozen list behind a page token is no more: search again."""


class TooLarge(ApiError):
    """The body is longer than the service takes."""


class RateLimited(ApiError):
    """Too many requests, by this key or altogether; nothing was done."""


class Unavailable(ApiError):
    """The service, or a part that it needs, does not work just now."""


class DeadlineExceeded(ApiError):
    """The service did not finish in the time it gives itself."""


class ServerFailed(ApiError):
    """Something went wrong in the service; it is in its log, by the `request_id`."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: DeadlineExceeded,
    410: PageExpired,
    413: TooLarge,
    422: InvalidRequest,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def api_error_class(status: int) -> type[ApiError]:
    """The class of errors with this HTTP status."""
    return _BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)
