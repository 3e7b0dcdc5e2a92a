"""Target: which service, and with which key."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from multirecall_client.errors import InvalidArgument
from multirecall_client.options import header_value

__all__ = ["Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Raises InvalidArgument for an address or a key that cannot be used; the key is not repeated in it."""

    base_url: str
    api_key: SecretStr | None = None

    @classmethod
    def of(cls, base_url: str, api_key: str | SecretStr | None) -> Target:
        try:
            url = httpx.URL(base_url)
        except (httpx.InvalidURL, TypeError) as error:
            raise InvalidArgument(f"base_url: {error}.") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidArgument("base_url: an address begins with http:// or https:// and names a host.")
        if url.userinfo or url.query or url.fragment:
            raise InvalidArgument("base_url: no user, password, query or fragment; a key goes into api_key.")
        key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        if key is not None and not header_value(key.get_secret_value()):
            raise InvalidArgument("api_key: it is empty, or not of printable ASCII characters.")
        return cls(base_url=str(url).rstrip("/"), api_key=key)

    def headers(self, others: frozenset[str]) -> dict[str, str]:
        """What proves who asks. If a proxy's own Authorization is among the `others`, the key goes beside it."""
        if self.api_key is None:
            return {}
        key = self.api_key.get_secret_value()
        return {"X-Api-Key": key} if "authorization" in others else {"Authorization": f"Bearer {key}"}
