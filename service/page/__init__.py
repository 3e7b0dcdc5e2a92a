"""The web page: its files, and what it asks beyond the search API."""

from multirecall.service.page.judged import JudgedQueries
from multirecall.service.page.parts import PageParts
from multirecall.service.page.reports import Reports

__all__ = ["JudgedQueries", "PageParts", "Reports"]
