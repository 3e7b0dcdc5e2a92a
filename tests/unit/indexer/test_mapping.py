from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidMapping
from multirecall.indexer.mapping import Mapping, read_mapping

MINIMAL = {"id": "id", "title": "title"}


def test_read_from_the_section_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "multirecall.toml"
    path.write_text(
        '[engine]\nurl = "x"\n[mapping]\nid = "sku"\ntitle = ["name", "variant"]\n'
        'price = { field = "price", unit = "minor", currency = "EUR" }\n'
    )
    mapping = read_mapping(path)
    assert mapping is not None
    assert mapping.id == ("sku",)
    assert mapping.title == ("name", "variant")
    assert mapping.price is not None
    assert (mapping.price.field, mapping.price.unit, mapping.price.currency) == (("price",), "minor", "EUR")
    assert Mapping.from_dict(mapping.to_dict()) == mapping


def test_a_file_without_the_section_has_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "multirecall.toml").write_text('[engine]\nurl = "x"\n')
    assert read_mapping(tmp_path / "multirecall.toml") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mapping", "is not TOML"),
        ("mapping = 5", r"must be a section \[mapping\]"),
        ('[mapping]\nid = "id"', "which field is the title"),
        ('[mapping]\nid = "id"\ntitle = "t"\ndescripton = "d"', "unknown key 'descripton'.*mean description"),
        ('[mapping]\nid = "id"\ntitle = "t"\nprice = { feld = "p" }', "which field is the price.field"),
        ('[mapping]\nid = "id"\ntitle = "t"\nprice = { field = "p", unti = "minor" }', "'price.unti'.*mean unit"),
        ('[mapping]\nid = "id"\ntitle = "t"\nprice = { field = "p", unit = "cents" }', "'price.unit' is wrong"),
        ('[mapping]\nid = "id"\ntitle = "t"\nlanguage = "klingon"', "'language' is wrong: must be one of english"),
        ('[mapping]\nid = "id"\ntitle = "t"\ntext = "{titel}"', "'text' is wrong.*unknown field {titel}"),
        ('[mapping]\nid = []\ntitle = "t"', "'id' is wrong"),
        ('[mapping]\nid = "id"\ntitle = "t"\ntext_max_chars = 0', "'text_max_chars' is wrong"),
    ],
)
def test_wrong_mappings_name_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(InvalidMapping, match=message):
        read_mapping(tmp_path / "m.toml")


def test_a_mapping_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match=r"nowhere\.toml cannot be read"):
        read_mapping(tmp_path / "nowhere.toml")


def test_a_field_that_the_source_does_not_have_is_named_with_the_nearest() -> None:
    mapping = Mapping.from_dict({**MINIMAL, "brand": "suplier"})
    with pytest.raises(InvalidMapping, match="brand from the field 'suplier', which the source does not have") as error:
        mapping.check_fields({"id", "title", "supplier", "supplier_id", "price"}, "the source")
    assert error.value.data["field"] == "brand"
    assert error.value.data["nearest"][0] == "supplier"


def test_a_prefix_that_no_field_has_is_an_error_unless_allowed() -> None:
    body = {**MINIMAL, "attributes": {"prefixes": ["attr_"]}, "brand": "brand"}
    with pytest.raises(InvalidMapping, match="begin with 'attr_'"):
        Mapping.from_dict(body).check_fields({"id", "title", "brand"}, "the source")
    Mapping.from_dict({**body, "allow_missing_fields": True}).check_fields({"id", "title"}, "the source")
    with pytest.raises(InvalidMapping, match="title"):
        Mapping.from_dict({**body, "allow_missing_fields": True}).check_fields({"id"}, "the source")
