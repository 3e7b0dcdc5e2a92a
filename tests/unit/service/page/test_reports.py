"""Reports of a folder, and links to them that expire and cannot be forged."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from multirecall.service.page import Reports


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("no report")
    inside = tmp_path / "reports"
    inside.mkdir()
    for day, name in enumerate(["old.html", "new.html"]):
        (inside / name).write_text(f"<html><title>{name}\n  &amp; more</title>")
        os.utime(inside / name, (day, day))
    (inside / "notes.txt").write_text("none")
    (inside / ".hidden.html").write_text("none")
    (inside / "link.html").symlink_to(tmp_path / "secret.txt")
    return inside


def opened(reports: Reports, href: str) -> bytes | None:
    address = urlsplit(href)
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    return reports.read(address.path.removeprefix("/reports/"), **asked)


def test_html_files_are_listed_the_latest_first(folder: Path) -> None:
    listed = Reports(folder).listed()
    assert [(one.name, one.title, one.modified_at) for one in listed] == [
        ("new.html", "new.html & more", 1.0),
        ("old.html", "old.html & more", 0.0),
    ]
    assert Reports(folder / "none").listed() == []


def test_a_link_opens_its_report_for_some_minutes(folder: Path) -> None:
    clock = Clock()
    reports = Reports(folder, clock=clock)
    [new, _] = reports.listed()
    assert opened(reports, new.href) == (folder / "new.html").read_bytes()
    clock.now += 899
    assert opened(reports, new.href) is not None
    clock.now += 2
    assert opened(reports, new.href) is None


def test_a_link_of_another_process_works_if_both_share_the_secret(folder: Path) -> None:
    [new, _] = Reports(folder, secret=b"shared").listed()
    assert opened(Reports(folder, secret=b"shared"), new.href) is not None
    assert opened(Reports(folder, secret=b"another"), new.href) is None
    assert opened(Reports(folder), new.href) is None


@pytest.mark.parametrize("change", [("new.html", "old.html"), ("until=1", "until=2"), ("signature=", "signature=0")])
def test_a_forged_link_opens_nothing(folder: Path, change: tuple[str, str]) -> None:
    reports = Reports(folder)
    [new, _] = reports.listed()
    assert change[0] in new.href
    assert opened(reports, new.href.replace(*change)) is None


@pytest.mark.parametrize("name", ["../secret.txt", "link.html", "..", "", "notes.txt", "new.html/", "é.html"])
def test_no_other_file_can_be_reached_even_with_a_good_signature(folder: Path, name: str) -> None:
    reports = Reports(folder, secret=b"known")
    assert reports.read(name, until="9999999999", signature=reports._signature(name, 9999999999)) is None


@pytest.mark.parametrize("until", ["", "x", "-1", "٣", "9" * 13])
def test_a_time_that_is_none_opens_nothing(folder: Path, until: str) -> None:
    assert Reports(folder).read("new.html", until=until, signature="é") is None
