"""The one online path: understand, recall, fuse, page."""

from multirecall.search.page import Answer, Page, PageHit, RouteTrace, Total
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand

__all__ = ["Answer", "Page", "PageHit", "RouteTrace", "Searcher", "Total", "understand"]
