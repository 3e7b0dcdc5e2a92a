"""What stands between callers and the searcher: pages that hold still, the cache, breakers."""

from multirecall.search.serving.frontend import Frontend
from multirecall.search.serving.key import Repeated
from multirecall.search.serving.request import SearchRequest
from multirecall.search.serving.served import CacheNote, PageMark, Served

__all__ = ["CacheNote", "Frontend", "PageMark", "Repeated", "SearchRequest", "Served"]
