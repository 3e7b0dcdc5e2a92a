from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import IndexCorrupt, InvalidSettings, NotFound
from multirecall.engines.embedded.folder import Folder


def test_nothing_there_is_not_found_unless_it_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="multirecall index"):
        Folder.open(tmp_path / "new", "products", create=False)
    with pytest.raises(NotFound):
        Folder.open(tmp_path, "products", create=False)
    folder = Folder.open(tmp_path / "a" / "new", "products", create=True)
    assert folder.live() is None
    assert folder.names() == []
    assert Folder.open(tmp_path / "a" / "new", "products", create=False).next_name() == "products-000001"


def test_another_folder_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("x")
    for create in (True, False):
        with pytest.raises(InvalidSettings, match=r"thesis\.doc"):
            Folder.open(tmp_path, "products", create=create)
        with pytest.raises(InvalidSettings, match="is a file"):
            Folder.open(tmp_path / "thesis.doc", "products", create=create)


def test_a_draft_that_a_kill_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".engine.json.123.tmp").write_text("{")
    Folder.open(tmp_path, "products", create=True)


def test_another_name_layout_or_damage_is_said(tmp_path: Path) -> None:
    Folder.open(tmp_path, "products", create=True)
    with pytest.raises(InvalidSettings, match="holds the index 'products'"):
        Folder.open(tmp_path, "other", create=True)
    with pytest.raises(InvalidSettings, match="must match"):
        Folder.open(tmp_path, "../x", create=True)
    (tmp_path / "engine.json").write_text('{"format": 99, "alias": "products"}')
    with pytest.raises(InvalidSettings, match="layout 99"):
        Folder.open(tmp_path, "products", create=False)
    (tmp_path / "engine.json").write_text("{")
    with pytest.raises(IndexCorrupt, match=r"engine\.json"):
        Folder.open(tmp_path, "products", create=False)


def test_numbers_go_on_above_the_highest(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path, "products", create=True)
    for name in ("products-000009", "products-000010", "products-1000000", "products-x", "products-old-000011"):
        (tmp_path / name).mkdir()
    assert folder.names() == ["products-000009", "products-000010", "products-1000000"]
    assert folder.next_name() == "products-1000001"


def test_the_pointer_is_noticed_and_checked(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path, "products", create=True)
    other = Folder.open(tmp_path, "products", create=False)
    folder.point_to("products-000001")
    assert other.live() == "products-000001"
    folder.point_to("products-000002")
    assert other.live() == "products-000002"
    (tmp_path / "current").write_text("../../etc")
    with pytest.raises(IndexCorrupt, match="names no index"):
        other.live()
