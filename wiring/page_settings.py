"""The settings of the web page that the service brings along."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

__all__ = ["PageSettings"]


class PageSettings(BaseSettings):
    """Part of `Settings`. The queries and judgments that the page shows are those of the gate of a rebuild."""

    page: bool = Field(True, description="serve the web page at /")
    page_facets: str = Field(
        "brand:10 category:10 price:25,50,100,250,500,1000 in_stock",
        description="facets that the page offers, with spaces between them: brand:10 attributes.colour price:50,100",
    )
    reports: Path | None = Field(None, description="folder of HTML reports that the page lists; empty: none")
