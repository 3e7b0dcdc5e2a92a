"""The page's files: what they may not hold, and a version that changes with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from multirecall.service.page.files import FOLDER, read_page

FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".js", ".css", ".html"))


def test_the_version_changes_with_the_contents_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text('<script src="{{assets}}/js/a.js"></script>')
    (tmp_path / "js" / "a.js").write_text("1")
    (tmp_path / "notes.md").write_text("none of the page's")
    first, again = read_page(tmp_path), read_page(tmp_path)
    assert first == again
    assert set(first.assets) == {"js/a.js"}
    assert first.index.body == f'<script src="/assets/{first.version}/js/a.js"></script>'.encode()
    (tmp_path / "js" / "a.js").write_text("2")
    assert read_page(tmp_path).version != first.version


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_file_needs_the_internet_or_writes_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|(?<!:)//[a-z]+\.[a-z]+/", text), "an address elsewhere"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", text), "inline: the policy forbids it"


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_every_import_leads_to_a_file_and_every_name_to_an_export(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for names, source in re.findall(r"import (?:\{([^}]+)\}|\* as \w+) from \"([^\"]+)\"", text):
        target = (path.parent / source).resolve()
        assert target.is_file(), source
        exported = set(re.findall(r"export (?:async )?(?:function|class|const) (\w+)", target.read_text("utf-8")))
        assert {name.strip() for name in names.split(",") if name.strip()} <= exported
    for source in re.findall(r"import\(\"([^\"]+)\"\)", text):
        assert (path.parent / source).resolve().is_file()


def test_every_style_of_the_document_is_there_and_every_style_is_in_the_document() -> None:
    index = (FOLDER / "index.html").read_text()
    assert set(re.findall(r"/css/([\w-]+\.css)", index)) == {path.name for path in (FOLDER / "css").iterdir()}
