"""Every format, plain and packed, gives the same records; what cannot be read says where and what to do."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources import BrokenRow, Catalogue, SourceRow, find_files

RECORDS = [{"id": str(i), "title": f'Toner {i}\nblack, "new" für €{i}'} for i in range(1, 8)]


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _bytes(kind: str) -> bytes:
    match kind:
        case "json":
            return json.dumps(RECORDS, indent=1).encode()
        case "jsonl":
            return "\n".join(json.dumps(r) for r in RECORDS).encode()
        case "csv" | "tsv":
            sign = "," if kind == "csv" else "\t"
            rows = [["id", "title"], *([r["id"], r["title"]] for r in RECORDS)]
            return "\r\n".join(sign.join(map(_csv_cell, row)) for row in rows).encode()
        case _:
            import io

            import pyarrow
            import pyarrow.parquet

            sink = io.BytesIO()
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), sink, row_group_size=3)
            return sink.getvalue()


def _write(folder: Path, kind: str, packing: str) -> Path:
    data = _bytes(kind)
    path = folder / f"shop.{kind}{packing}"
    if packing == ".gz":
        path.write_bytes(gzip.compress(data))
    elif packing == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"shop.{kind}", data)
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("packing", ["", ".gz", ".zip"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "tsv", "parquet"])
def test_rows_of_every_format_and_packing_are_the_records(tmp_path: Path, kind: str, packing: str) -> None:
    path = _write(tmp_path, kind, packing)
    catalogue = Catalogue([path])
    rows = list(catalogue.rows())
    assert [r.record for r in rows if isinstance(r, SourceRow)] == RECORDS
    assert [r.row for r in rows] == list(range(1, len(RECORDS) + 1))
    assert {r.file for r in rows} == {str(path)}
    assert catalogue.bytes_read == catalogue.total_bytes == path.stat().st_size
    assert catalogue.sample(3) == RECORDS[:3]


def test_rows_can_be_read_twice(tmp_path: Path) -> None:
    catalogue = Catalogue([_write(tmp_path, "json", ".gz")])
    assert list(catalogue.rows()) == list(catalogue.rows())


def test_lines_count_physical_lines_where_quoted_texts_hold_breaks(tmp_path: Path) -> None:
    rows = list(Catalogue([_write(tmp_path, "csv", "")]).rows())
    assert [r.line for r in rows] == [2 + 2 * i for i in range(len(RECORDS))]  # each record stands on two lines


def test_zip_with_several_members_is_read_member_by_member(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", json.dumps(RECORDS[:2]))
        archive.writestr("b.csv", "id,title\n9,Lamp\n")
        archive.writestr("readme.md", "hello")
        archive.writestr("__MACOSX/._a.json", "x")
    catalogue = Catalogue([path])
    rows = list(catalogue.rows())
    assert [(r.file, r.row) for r in rows] == [(f"{path}!a.json", 1), (f"{path}!a.json", 2), (f"{path}!b.csv", 1)]
    assert list(catalogue.notes.counts) == [f"{path}: member readme.md is no catalogue file and was not read"]


def test_folder_and_pattern_give_files_by_name_once(tmp_path: Path) -> None:
    for name in ("2.json", "1.json.gz", ".hidden.json", "notes.txt"):
        (tmp_path / name).write_text("[]")
    assert [p.name for p in find_files([tmp_path])] == ["1.json.gz", "2.json"]
    assert [p.name for p in find_files([str(tmp_path / "*.json"), tmp_path / "2.json"])] == ["2.json"]


def test_folder_of_several_formats_is_refused_with_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "products.json").write_text("[" + " " * 50 + "]")
    (tmp_path / "queries.tsv").write_text("qid\tquery\n")
    with pytest.raises(InvalidSource, match=r"several formats.*\*\.json"):
        find_files([tmp_path])


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere.json", "does not exist"), ("*.nothing", "No file matches"), ("empty", "holds no catalogue file")],
)
def test_names_that_lead_to_no_file_are_refused(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidSource, match=message):
        Catalogue([str(tmp_path / source)])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.json", b"", "is empty"),
        ("a.json", b"  \n\t ", "is empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.json.gz", gzip.compress(json.dumps([{"id": str(i)} for i in range(9_000)]).encode())[:-900], "truncated"),
        ("a.json.gz", gzip.compress(b"[{}]", mtime=0)[:-8] + b"12345678", "damaged"),
        ("a.json.zip", b"PK\x03\x04 and then nothing", "damaged"),
        ("a.json", b'{"id": "1", "x": [1,2', "truncated"),
        ("a.json", b'[{"id": "1"}, {"id": "2"', "truncated"),
        ("a.json", b'[{"id": "1"}, {"id": "2"}', "not closed"),
        ("a.json", b'[{"id": "1"} {"id": "2"}]', r"line 1, column 14: expected ','"),
        ("a.json", b'[{"id": "1"},\n {"id": oops}' + b" " * 99 + b"]", "line 2, column 9: not JSON"),
        ("a.json", b'[{"id": "1"}] trailing', "more data follows"),
        ("a.json", b"hello, world", "is not JSON"),
        ("a.csv", b"just one column\nvalue\n", "no header with two or more columns"),
        ("a.csv", b"id,title\r1,Lamp\r2,Desk\r", "carriage returns"),
        ("a.parquet", b"PAR1 no parquet at all PAR1", "cannot be read"),
        ("a.parquet", b"id,title\n1,2\n", "not a Parquet file"),
        ("a.bin", b"\x7fELF\x00\x01\x02" * 9, "in no format"),
        ("a.json", b"[" * 200_000, "unreadable value"),
    ],
)
def test_unreadable_files_say_what_is_wrong(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidSource, match=message) as error:
        list(Catalogue([tmp_path / name]).rows())
    assert error.value.data["file"] == str(tmp_path / name)
    assert error.value.hint


def test_a_spreadsheet_is_refused_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "shop.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(InvalidSource, match="office document"):
        list(Catalogue([tmp_path / "shop.xlsx"]).rows())


def test_broken_json_lines_cost_themselves_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = ['{"id": "1"}', "{broken", "", "[1]", '{"id": "2", "n": 1e999}', "[" * 100_000, '{"id": "3\tx"}']
    path.write_text("\n".join(lines))
    rows = list(Catalogue([path]).rows())
    assert [(r.row, r.line) for r in rows] == [(1, 1), (2, 2), (3, 4), (4, 5), (5, 6), (6, 7)]
    broken = {r.line: r.reason for r in rows if isinstance(r, BrokenRow)}
    assert broken[2].startswith("not JSON: Expecting property name")
    assert broken[4] == "a product must be a JSON object, got list"
    assert broken[6].startswith("not readable JSON")
    assert rows[-1] == SourceRow(file=str(path), row=6, line=7, record={"id": "3\tx"})


def test_json_elements_that_are_no_objects_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"id": "1"}, 17, null, {"id": "2"}]')
    rows = list(Catalogue([path]).rows())
    assert [type(r) for r in rows] == [SourceRow, BrokenRow, BrokenRow, SourceRow]
    assert isinstance(rows[1], BrokenRow)
    assert (rows[1].reason, rows[1].text) == ("a product must be a JSON object, got int", "17")


@pytest.mark.parametrize(
    "text",
    [
        '{"products": [{"id": "1"}, {"id": "2"}], "page": 3}',
        '{"id": "1"}\n{"id": "2"}\n',
        '{\n"id": "1"\n}\n{\n"id": "2"\n}',
        '\ufeff[{"id": "1"},{"id": "2"}]',
    ],
    ids=["wrapped", "lines", "one after another", "byte order mark"],
)
def test_json_in_other_shapes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    rows = [r.record for r in Catalogue([path]).rows() if isinstance(r, SourceRow)]
    assert rows == [{"id": "1"}, {"id": "2"}]


def test_json_values_across_chunk_borders_are_whole(tmp_path: Path) -> None:
    records = [{"id": str(i), "text": "é" * (i * 37 % 5_000), "n": 10**15 + i} for i in range(200)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records, ensure_ascii=False, indent=2), encoding="utf-8")
    rows = list(Catalogue([path]).rows())
    assert [r.record for r in rows if isinstance(r, SourceRow)] == records
    assert [r.line for r in rows] == [2 + 5 * i for i in range(200)]


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_memory_is_bounded_however_long_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    n, text = 20_000, "x" * 1_000  # 20 MB
    with path.open("w") as file:
        if kind == "json":
            file.write("[" + ",\n".join(f'{{"id": "{i}", "t": "{text}"}}' for i in range(n)) + "]")
        elif kind == "jsonl":
            file.writelines(f'{{"id": "{i}", "t": "{text}"}}\n' for i in range(n))
        else:
            file.writelines(["id,t\n", *(f"{i},{text}\n" for i in range(n))])
    tracemalloc.start()
    try:
        assert sum(1 for _ in Catalogue([path]).rows()) == n
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_stray_bytes_are_read_as_windows_1252_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,title\n1,Füße €\n".encode() + "2,Füße €\n".encode("cp1252"))
    catalogue = Catalogue([path])
    assert [r.record["title"] for r in catalogue.rows() if isinstance(r, SourceRow)] == ["Füße €", "Füße €"]
    assert catalogue.notes.counts == {f"{path}: bytes that are not UTF-8, read as Windows-1252": 3}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_the_first_column(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id;title\n1;Füße\n".encode(encoding))
    assert [r.record for r in Catalogue([path]).rows() if isinstance(r, SourceRow)] == [{"id": "1", "title": "Füße"}]
