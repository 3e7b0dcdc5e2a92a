"""Answers as tables: whatever stands in titles, and whether rich is there or not."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from multirecall_client import BulkReport, ChangeResult, ExplainResult, GenerationsResult, SearchResult, SuggestResult
from multirecall_client.showing import Shown, Table, money

EVIL = '<script>alert(1)</script> [bold]x[/bold] & "y" [/]'
SHARE = {"name": "bm25", "description": EVIL, "contribution": 0.25, "value": None}
EXPLAINED = {"product_id": "a", "score": 1.25, "base": 1.0, "by": "features", "shares": [SHARE]}

PAGE = SearchResult.model_validate(
    {
        "hits": {
            "total": {"value": 7, "relation": "at_least"},
            "hits": [
                {
                    "id": "a",
                    "rank": 1,
                    "score": 1.25,
                    "product": {"id": "a", "title": EVIL, "price_minor": 1250, "currency": "EUR"},
                    "sources": [{"route": "lexical", "rank": 3, "score": 2.0, "contribution": 1.0}],
                }
            ],
        },
        "degraded": {"dense": "timed_out"},
        "took_ms": 12.34,
    }
)
REPORT = BulkReport()
REPORT.add(ChangeResult(index=0, kind="upsert", id="a", status="refused", error=EVIL))

SHOWN: list[Shown] = [
    PAGE,
    REPORT,
    SuggestResult.model_validate({"suggestions": [{"text": EVIL, "kind": "title", "count": 3}]}),
    ExplainResult.model_validate({"explanation": EXPLAINED}),
    ExplainResult.model_validate(
        {
            "a": EXPLAINED,
            "b": {**EXPLAINED, "product_id": "b"},
            "difference": 0.5,
            "differences": [{"name": "bm25", "description": EVIL, "difference": 0.5}],
        }
    ),
    GenerationsResult.model_validate({"generations": [{"index": EVIL, "live": True, "rollback": 0}]}),
]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: type(shown).__name__)
def test_notebooks_get_a_table_in_which_nothing_is_markup(shown: Shown) -> None:
    html = shown._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert html.count("<table>") == 1


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: type(shown).__name__)
def test_rich_gets_a_table_in_which_nothing_is_markup(shown: Shown) -> None:
    out = io.StringIO()
    Console(file=out, width=250).print(shown)
    assert EVIL in out.getvalue()


def test_a_page_says_what_it_holds_and_what_it_lacks() -> None:
    html = PAGE._repr_html_()
    for text in ("1 of 7 (at_least), 12.3 ms", "12.50 EUR", "lexical 3", "dense: timed_out"):
        assert text in html
    assert repr(PAGE).startswith("SearchResult(hits=1, total='7 at_least', took_ms=12.34, ")
    assert "degraded={'dense': 'timed_out'}" in repr(PAGE)


def test_long_tables_are_cut_and_say_so() -> None:
    table = Table(caption="", columns=("n",), rows=[(n,) for n in range(250)])
    assert table.to_html().count("<tr>") == 101
    assert "… and 150 more" in table.to_html()


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1250, "EUR", "12.50 EUR"),
        (1250, "JPY", "1250 JPY"),
        (1250, "KWD", "1.250 KWD"),
        (5, None, "0.05"),
        (None, "EUR", ""),
    ],
)
def test_money_is_written_by_its_currency(minor: int | None, currency: str | None, text: str) -> None:
    assert money(minor, currency) == text


def test_without_rich_everything_else_works() -> None:
    program = (
        "import sys; sys.modules['rich'] = None\n"
        "from multirecall_client import SuggestResult\n"
        "shown = SuggestResult.model_validate({'suggestions': [{'text': 'a', 'kind': 'b', 'count': 1}]})\n"
        "assert '<td>a</td>' in shown._repr_html_(); assert 'a' in repr(shown)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
