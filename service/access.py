"""Who may ask, by the settings: keys, host names, rates, and the secrets that no log may show."""

from __future__ import annotations

import logging
from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.service.keys import ApiKey, KeyRing, read_keys
from multirecall.service.rates import RateLimits
from multirecall.service.redis_buckets import RedisBuckets
from multirecall.service.watched_keys import WatchedKeys
from multirecall.wiring.settings import Settings

__all__ = ["allowed_hosts", "key_ring", "listed", "rate_limits", "secrets_of"]

_log = logging.getLogger("multirecall.service")

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def key_ring(settings: Settings) -> KeyRing:
    """The keys of the variable and of the file, which is read again when it changes; without a key nothing is.

    Raises InvalidSettings that names the line.
    """
    keys = _all_keys(settings)
    path = settings.api_keys_file
    if path in (None, Path()) or not keys:
        return KeyRing(keys)
    return WatchedKeys(keys, path=Path(path or ""), read=lambda: _all_keys(settings))


def _all_keys(settings: Settings) -> tuple[ApiKey, ...]:
    keys = read_keys(settings.api_keys.get_secret_value(), source="MULTIRECALL_API_KEYS")
    if settings.api_keys_file not in (None, Path()):
        path = Path(settings.api_keys_file or "")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(
                f"Cannot read the API keys in {path}: {error}.",
                hint="Correct MULTIRECALL_API_KEYS_FILE, or leave it empty.",
                field="api_keys_file",
            ) from None
        both = {key.name for key in keys} & {key.name for key in read_keys(text, source=str(path))}
        if both:
            raise InvalidSettings(
                f"The API keys {', '.join(sorted(both))} stand both in the file and in the variable.",
                hint="Keep each in one of them.",
                field="api_keys",
            )
        keys = (*keys, *read_keys(text, source=str(path)))
    return keys


def allowed_hosts(settings: Settings, keys: KeyRing, host: str) -> tuple[str, ...]:
    """The names it may be asked by. Raises InvalidSettings if everybody could do everything from anywhere."""
    hosts = listed(settings.allowed_hosts)
    if len(keys):
        return hosts
    if host not in _LOOPBACK and not settings.api_open:
        raise InvalidSettings(
            f"Without API keys, whoever reaches {host} could change and delete products.",
            hint="Make keys (`multirecall keys new shop --role search`) and set MULTIRECALL_API_KEYS_FILE; or listen "
            "on 127.0.0.1; or, if something else guards the address, set MULTIRECALL_API_OPEN=true.",
            field="api_keys",
        )
    _log.warning("no API keys are set: whoever reaches this service may do everything, as role admin")
    return hosts or (_LOOPBACK_NAMES if host in _LOOPBACK else ())


def rate_limits(settings: Settings, *, work_s_per_s: float) -> RateLimits | None:
    """The limits of each key, over all processes; None for none."""
    if not settings.rate_per_s:
        return None
    return RateLimits(
        rate_per_s=settings.rate_per_s,
        burst=settings.rate_burst,
        work_s_per_s=work_s_per_s,
        shared=RedisBuckets(settings.redis.get_secret_value(), prefix=f"{settings.namespace}:rate"),
    )


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """What must not stand in a log: every secret of the settings, and the passwords in their URLs."""
    found = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            text = value.get_secret_value()
            found.append(text)
            userinfo = text.partition("://")[2].rpartition("@")[0]
            found.append(userinfo.partition(":")[2])
    return tuple(found)
