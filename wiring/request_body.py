"""What is merged over each request to a language model: a JSON object in a setting."""

from __future__ import annotations

import orjson

from multirecall.core.errors import InvalidSettings

__all__ = ["request_body"]


def request_body(text: str, setting: str) -> dict[str, object]:
    """The object; empty for an empty setting. Raises InvalidSettings that names the setting for anything else."""
    try:
        body = orjson.loads(text) if text.strip() else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidSettings(
            f"Setting {setting!r} is no JSON object.",
            hint=f"Write, e.g., MULTIRECALL_{setting.upper()}='{{\"logprobs\": true}}'.",
            field=setting,
        )
    return body
