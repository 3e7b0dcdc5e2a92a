"""What comes in and goes out over HTTP. Every value that comes in is bounded here; inside, types are true."""

from multirecall.service.bodies.answers import BatchResult, SearchResult
from multirecall.service.bodies.events import EventsBody, EventsResult
from multirecall.service.bodies.explaining import ExplainBody, ExplainResult
from multirecall.service.bodies.problem import Problem
from multirecall.service.bodies.searching import BatchBody, SearchBody
from multirecall.service.bodies.state import (
    DeadLettersResult,
    GenerationsResult,
    Health,
    JobsResult,
    Readiness,
)
from multirecall.service.bodies.suggesting import SuggestResult
from multirecall.service.bodies.writing import (
    DeleteBody,
    ProductsBody,
    UpdatesBody,
    WriteResult,
)

__all__ = [
    "BatchBody",
    "BatchResult",
    "DeadLettersResult",
    "DeleteBody",
    "EventsBody",
    "EventsResult",
    "ExplainBody",
    "ExplainResult",
    "GenerationsResult",
    "Health",
    "JobsResult",
    "Problem",
    "ProductsBody",
    "Readiness",
    "SearchBody",
    "SearchResult",
    "SuggestResult",
    "UpdatesBody",
    "WriteResult",
]
