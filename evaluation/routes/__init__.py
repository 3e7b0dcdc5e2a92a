"""What each recall route is worth: alone, to the others, and in milliseconds."""

from multirecall.evaluation.routes.report import Latency, RouteCounts, RouteOverlap, RouteReport
from multirecall.evaluation.routes.valuing import value_routes

__all__ = ["Latency", "RouteCounts", "RouteOverlap", "RouteReport", "value_routes"]
