"""The reference engine: brute force in memory."""

from multirecall.engines.exact.engine import ExactEngine

__all__ = ["ExactEngine"]
