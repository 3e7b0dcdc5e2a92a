"""The programs on the client's pages run against the real service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from multirecall.service.keys import Role
from multirecall_client import Client
from tests.integration.client.conftest import RunningService

ROOT = Path(__file__).resolve().parents[3]
RUN = re.compile(r"<!-- run with the service -->\n```python\n(.*?)```", re.DOTALL)
PROGRAMS = [
    pytest.param(program, id=f"{page}-{number}")
    for page in ("docs/client.md", "client/README.md")
    for number, program in enumerate(RUN.findall((ROOT / page).read_text()), start=1)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_page_runs(program: str, service: RunningService) -> None:
    key = service.keys[Role.WRITE]
    assert "http://127.0.0.1:8080" in program
    exec(program.replace("http://127.0.0.1:8080", service.url).replace("mr_key", key), {"__name__": "page"})
    with Client(service.url, api_key=key) as client:
        client.bulk_delete(f"c{n}" for n in range(200)).raise_for_problems()


def test_there_are_programs_on_both_pages() -> None:
    assert len(PROGRAMS) >= 6


def test_the_methods_on_the_page_are_those_of_the_client() -> None:
    page = (ROOT / "docs" / "client.md").read_text()
    table = page[page.index("| method |") : page.index("Filters, facets and sorts are")]
    told = {name for row in table.splitlines() if row for name in re.findall(r"`(\w+)\(", row.split("|")[1])}
    assert told == {name for name in vars(Client) if not name.startswith("_")} - {"options", "close"}
