"""No key and no password in any log, whoever logs it; access lines in batches, bounded."""

from __future__ import annotations

import asyncio
import json
import logging
from urllib.parse import quote

import pytest

from multirecall.service.access import secrets_of
from multirecall.service.access_log import AccessLog
from multirecall.service.logs import Redacted
from multirecall.wiring.settings import load_settings
from multirecall.workers.logs import JsonFormatter

KEY = "mr_" + "aB3_" * 10 + "xyz"  # as `new_key` makes them; fixed, because tests are named after it
PASSWORD = "geheim/4711 p@ss"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"x-api-key: {KEY}",
        "X-Api-Key: some-other-key-of-mine",
        "{'x-api-key': 'some-other-key-of-mine'}",
        "authorization: Basic c29tZTpzZWNyZXRz",
        f"cannot connect to https://elastic:{quote(PASSWORD, safe='')}@host:9200",
        f"the password {PASSWORD} is wrong",
        "redis://:some-password@redis:6379/0",
        "redis://user:some-password@redis:6379/0",
    ],
)
def test_what_is_secret_is_masked(text: str) -> None:
    formatter = Redacted(JsonFormatter(), secrets=(PASSWORD, ""))
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text,), None)
    try:
        raise ValueError(text)
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = formatter.format(record)
    for secret in (KEY, PASSWORD, "4711 p", "some-other-key", "c29tZTpzZWNyZXRz", "some-password"):
        assert secret not in line
    assert "********" in line
    json.loads(line)


def test_what_is_not_secret_stays() -> None:
    formatter = Redacted(JsonFormatter(), secrets=("", "abc"))
    text = "http://host:9200/products and abc, mr_short, query 'bearer bonds'"
    record = logging.LogRecord("x", logging.INFO, "f", 1, text, (), None)
    assert json.loads(formatter.format(record))["message"] == text


def test_the_secrets_of_the_settings_are_known_passwords_in_urls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ENGINE_PASSWORD": "one-secret", "ENGINE_USER": "me", "REDIS": "redis://u:two-secret@h:1/0",
        "ENGINE_API_KEY": "three-secret", "PAGE_SECRET": "four-secret",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"MULTIRECALL_{name}", value)
    secrets = secrets_of(load_settings())
    assert {"one-secret", "two-secret", "three-secret", "four-secret"} <= set(secrets)


def test_access_lines_are_written_together_and_after_the_requests() -> None:
    written: list[str] = []

    async def run() -> None:
        log = AccessLog(written.append, clean=lambda text: text.replace("hidden", "*"))
        for number in range(3):
            log.add(status=number, caller="hidden")
        assert written == []
        async with asyncio.timeout(10):
            while not written:
                await asyncio.sleep(0.01)

    asyncio.run(run())
    [batch] = written
    assert [(one["status"], one["caller"]) for one in map(json.loads, batch.splitlines())] == [
        (n, "*") for n in range(3)
    ]
    assert all(json.loads(line)["at"].endswith("+00:00") for line in batch.splitlines())


def test_lines_beyond_what_may_wait_are_counted_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multirecall.service.access_log._MOST_WAITING", 2)
    written: list[str] = []

    async def run() -> None:
        log = AccessLog(written.append)
        for number in range(5):
            log.add(number=number)
        log.flush()

    asyncio.run(run())
    lines = [json.loads(line) for line in written[0].splitlines()]
    assert [line.get("number") for line in lines] == [0, 1, None]
    assert lines[-1]["dropped"] == 3
