"""The route policy of the settings."""

from __future__ import annotations

from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.base import Fusion
from multirecall.recall.policy import RulePolicy

__all__ = ["load_policy", "policy_note"]


def load_policy(path: Path) -> RulePolicy:
    """The policy of a file that `multirecall routes-report --learn` wrote. Raises InvalidSettings if it is unusable."""
    try:
        return RulePolicy.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSettings(
            f"Cannot read the route policy {path}: {reason}.",
            hint="Correct MULTIRECALL_ROUTE_POLICY, or leave it empty.",
            field="route_policy",
        ) from None


def policy_note(policy: RulePolicy, fusion: Fusion) -> str:
    """What speaks against using it with this fusion; empty if nothing does."""
    learned_with = policy.card.get("fusion", repr(fusion))
    if learned_with == repr(fusion):
        return ""
    return (
        f"The route policy was learned with {learned_with}, not with {fusion!r}: what it costs here was not measured."
    )
