"""Wire: what all answers have in common. Fields that a newer service adds are kept; nothing of an answer changes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Wire"]


class Wire(BaseModel):
    """A part of an answer. Words such as a status are plain texts, so that a newer service may know more of them.

    Fields that this version does not know are in `model_extra`, and reachable as attributes.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
