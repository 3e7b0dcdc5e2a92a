"""Settings: ranges with names, the environment before the file, and no secret that shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.wiring.settings import Settings, load_settings, shown_settings
from multirecall.workers.options import WorkerOptions
from multirecall.workers.wiring import worker_options
from tests.e2e.command import multirecall

SECRET = "geheim-4711"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without multirecall.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("batch_rows", "0"), ("batch_rows", "10001"), ("batch_rows", "many"), ("max_waiting_batches", "0"),
        ("lease_s", "0.1"), ("lease_s", "nan"), ("sweep_s", "0"), ("announce_again_s", "0"), ("max_backoff_s", "0"),
        ("max_tries", "0"), ("max_dead_letters", "0"), ("keep_tombstones_days", "0"), ("keep_generations", "0"),
        ("vector_cache_ttl_s", "-1"), ("namespace", "Shop"), ("namespace", "a:b"), ("namespace", ""),
        ("log_level", "loud"), ("candidates", "0"), ("timeout_s", "0"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_names_its_setting(name: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MULTIRECALL_{name.upper()}", wrong)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert caught.value.data["field"] == name
    assert f"MULTIRECALL_{name.upper()}" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lease_s", "0.5"),
        ("keep_generations", "1"),
        ("vector_cache_ttl_s", "0"),
        ("log_level", "DEBUG"),
        ("namespace", "a"),
    ],
)
def test_values_at_the_edge_are_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MULTIRECALL_{name.upper()}", value)
    assert str(getattr(load_settings(), name)) == value


def test_the_environment_goes_before_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "multirecall.toml").write_text("[settings]\nbatch_rows = 7\nmax_tries = 3\n[mapping]\nid = 'id'\n")
    monkeypatch.setenv("MULTIRECALL_BATCH_ROWS", "9")
    settings = load_settings()
    assert (settings.batch_rows, settings.max_tries) == (9, 3)


@pytest.mark.parametrize(
    "text", ["[settings]\nbatch_row = 7\n", "[settings]\nlease_s = 0\n", "settings = 3\n", "[settings"]
)
def test_a_file_that_is_wrong_is_an_error_that_names_what(elsewhere: Path, text: str) -> None:
    (elsewhere / "multirecall.toml").write_text(text)
    with pytest.raises(InvalidSettings):
        load_settings()


@pytest.mark.parametrize("name", ["redis", "broker", "engine_password", "engine_api_key"])
def test_secrets_never_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MULTIRECALL_{name.upper()}", f"redis://:{SECRET}@h:1/0")
    settings = load_settings()
    assert SECRET in getattr(settings, name).get_secret_value()
    assert SECRET not in repr(settings) + str(settings.model_dump()) + json.dumps(shown_settings(settings))
    row = next(row for row in shown_settings(settings) if row["name"] == name)
    assert row["value"] == "********"
    for arguments in (("settings", "show"), ("settings", "show", "--json")):
        outcome = multirecall(*arguments)
        assert outcome.code == 0
        assert SECRET not in outcome.out + outcome.err


def test_every_setting_has_a_meaning() -> None:
    assert all(row["meaning"] for row in shown_settings(load_settings()))


def test_the_workers_options_are_those_of_the_settings() -> None:
    settings = Settings(
        batch_rows=7, max_waiting_batches=8, lease_s=9.0, sweep_s=0.5, announce_again_s=1.5, max_backoff_s=2.5,
        max_tries=3, max_dead_letters=4, keep_tombstones_days=0.5, keep_generations=5,
    )  # fmt: skip
    assert worker_options(settings) == WorkerOptions(
        batch_rows=7, max_waiting_batches=8, lease_s=9.0, sweep_s=0.5, announce_again_s=1.5, max_backoff_s=2.5,
        max_tries=3, max_dead_letters=4, keep_tombstones_s=43_200.0, keep_generations=5,
    )  # fmt: skip


def test_the_defaults_of_both_are_the_same() -> None:
    assert worker_options(load_settings()) == WorkerOptions()


@pytest.mark.parametrize("name", ["judgments", "judged_queries", "reports"])
def test_a_variable_that_is_set_to_nothing_names_no_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MULTIRECALL_{name.upper()}", "")
    assert getattr(load_settings(), name) is None
