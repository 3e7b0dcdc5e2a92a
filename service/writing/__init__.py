"""Changes of products by HTTP: through the workers, or straight into the engine where there are none."""

from multirecall.service.writing.choice import ChosenWriter
from multirecall.service.writing.straight import StraightWriter
from multirecall.service.writing.through_workers import WorkersWriter
from multirecall.service.writing.writer import Change, ItemResult, Writer, Written

__all__ = ["Change", "ChosenWriter", "ItemResult", "StraightWriter", "WorkersWriter", "Writer", "Written"]
