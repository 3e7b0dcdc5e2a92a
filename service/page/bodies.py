"""What the page asks for beyond the search API, as it goes out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["JudgedQueriesResult", "JudgedQueryOut", "JudgmentsResult", "PageResult", "ReportOut", "ReportsResult"]


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PageResult(_Out):
    """What the page has to know of the service."""

    version: str
    minor_units: int = Field(description="decimal digits of prices")
    facets: list[str] = Field(description="what the page asks to be counted")
    routes: list[str]
    fusion: str
    judged_queries: int = Field(description="how many queries have judgments here")
    reports: bool = Field(description="whether there is a folder of evaluation reports")


class JudgmentsResult(_Out):
    """The grades of a query by product: 0 irrelevant, up to `top_grade`. Without judgments `qid` is empty."""

    query: str
    qid: str
    grades: dict[str, float]
    top_grade: float = Field(description="the highest grade of all judgments")


class JudgedQueryOut(_Out):
    qid: str
    text: str
    judged: int = Field(description="products with a grade")


class JudgedQueriesResult(_Out):
    """In the order of their file."""

    queries: list[JudgedQueryOut]


class ReportOut(_Out):
    name: str
    title: str
    modified_at: float = Field(description="seconds since 1970")
    bytes: int
    href: str = Field(description="a link that works for some minutes")


class ReportsResult(_Out):
    """The latest first."""

    reports: list[ReportOut]
