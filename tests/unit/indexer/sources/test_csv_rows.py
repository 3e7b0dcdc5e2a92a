"""Separators are found, broken rows cost themselves only."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.indexer.sources import BrokenRow, Catalogue, SourceRow
from multirecall.indexer.sources.csv_rows import find_separator


def _rows(tmp_path: Path, text: str) -> tuple[list[dict[str, str]], list[BrokenRow]]:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", newline="")
    rows = list(Catalogue([path]).rows())
    good = [dict(r.record) for r in rows if isinstance(r, SourceRow)]
    return good, [r for r in rows if isinstance(r, BrokenRow)]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_separator_is_the_one_that_fits_all_rows(sign: str) -> None:
    other = "," if sign != "," else ";"
    lines = [sign.join(("id", "title", "price")), *(sign.join((str(i), f"a{other}b", "1")) for i in range(9))]
    assert find_separator([line + "\n" for line in lines]) == sign


def test_no_separator_is_found_in_one_column() -> None:
    assert find_separator(["title\n", "a lamp\n"]) is None


def test_rows_with_another_number_of_fields_are_rejected_with_their_line(tmp_path: Path) -> None:
    good, broken = _rows(tmp_path, "id,title,price\n1,Lamp,5\n2,Desk\n\n3,Chair,7,8\n4,Bed,9\n")
    assert [r["id"] for r in good] == ["1", "4"]
    assert [(b.line, b.row, b.reason, b.text) for b in broken] == [
        (3, 2, "2 fields where the header has 3", "2,Desk"),
        (5, 3, "4 fields where the header has 3", "3,Chair,7,8"),
    ]


def test_a_stray_quote_costs_one_row_not_the_rest_of_the_file(tmp_path: Path) -> None:
    lines = [f"{i},Monitor {i},5" for i in range(1, 500)]
    lines[9] = '10,"17 Monitor,5'
    good, broken = _rows(tmp_path, "id,title,price\n" + "\n".join(lines))
    assert [b.line for b in broken] == [11]
    assert broken[0].reason == "a quote that opens on this line is not closed"
    assert len(good) == 498


def test_a_stray_quote_in_the_last_column_does_not_swallow_the_file(tmp_path: Path) -> None:
    good, broken = _rows(tmp_path, 'id,title\n1,Lamp\n2,"Desk\n3,Chair\n4,Bed\n')
    assert [r["id"] for r in good] == ["1", "3", "4"]
    assert [b.line for b in broken] == [3]


def test_inches_inside_a_field_are_no_quotes(tmp_path: Path) -> None:
    good, broken = _rows(tmp_path, 'id,title\n1,Monitor 17"\n2,24" Monitor\n')
    assert [r["title"] for r in good] == ['Monitor 17"', '24" Monitor']
    assert not broken


def test_a_description_of_two_megabytes_is_read(tmp_path: Path) -> None:
    text = "long, " * 350_000
    good, _ = _rows(tmp_path, f'id,text\n1,"{text}"\n2,b\n')
    assert [len(r["text"]) for r in good] == [len(text), 1]


def test_nameless_and_repeated_columns_get_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",title,title\n0,Lamp,Light\n")
    catalogue = Catalogue([path])
    rows = list(catalogue.rows())
    assert isinstance(rows[0], SourceRow)
    assert rows[0].record == {"column_1": "0", "title": "Lamp", "title_3": "Light"}
    assert catalogue.notes.counts == {f"{path}: column 'title' appears twice, the second is read as 'title_3'": 1}
