"""The routes: many ways to find candidates."""

from multirecall.recall.base import QueryVectors, RecallContext, Route, to_ranking
from multirecall.recall.browse import BrowseRoute
from multirecall.recall.dense import DenseRoute
from multirecall.recall.lexical import LexicalRoute

__all__ = ["BrowseRoute", "DenseRoute", "LexicalRoute", "QueryVectors", "RecallContext", "Route", "to_ranking"]
