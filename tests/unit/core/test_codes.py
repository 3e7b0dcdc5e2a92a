import pytest

from multirecall.core.codes import looks_like_part_number, normalise_code, product_codes, query_codes


@pytest.mark.parametrize(
    ("in_product", "typed"),
    [
        (product, query)
        for spellings in (
            ("LJ-4250", "lj4250", "LJ 4250", "lj_4250"),
            ("19mm", "19 mm", "19MM"),
            ("USB-C", "usb c", "usbc", "USB C"),
            ("dv7-1211ea", "DV7 1211EA", "dv71211ea"),
            ("2.5m", "2,5 m", "2.5 m"),
            ('17"', "17 inch", "17in", "17''"),
            ("Wi-Fi", "wifi"),
            ("T-Shirt", "t shirt", "tshirt"),
            ("006R90321", "006r90321", "006R-90321"),
            ("802.11n", "802.11 n"),
        )
        for product in spellings
        for query in spellings
        if not product.isalpha()  # a plain word in a product's title is left to the text fields
    ],
)
def test_codes_meet_however_they_are_typed(in_product: str, typed: str) -> None:
    assert set(product_codes([f"Acme {in_product} thing"])) & set(query_codes(typed))


def test_codes_of_an_identifier_include_it_whole_and_without_leading_zeros() -> None:
    codes = product_codes([], identifiers=["CC364A-B", "0884420588030"])
    assert codes[:2] == ("cc364ab", "cc364a")
    assert {"0884420588030", "884420588030"} <= set(codes)


def test_codes_leave_plain_words_to_the_text_fields() -> None:
    assert product_codes(["toner cartridge black"]) == ()


def test_codes_are_distinct_bounded_and_space_free() -> None:
    codes = product_codes([" ".join(f"X{n}-{n} {n} mm" for n in range(5_000)) + " X1-1"])
    assert len(codes) == len(set(codes)) == 400
    assert all(1 < len(code) <= 40 and code.isascii() and " " not in code for code in codes)


@pytest.mark.parametrize("text", ["", '"', "AND OR (", "\\\\", "💻", "\ud800", "\x00", "-" * 1_000, "'" * 50])
def test_codes_of_hostile_texts_are_few_and_safe(text: str) -> None:
    assert all(code.isalnum() for code in query_codes(text))


@pytest.mark.parametrize(
    ("token", "code"), [("LJ-4250/A", "lj4250a"), ("2.50m", "2.50m"), ("3.0m", "3m"), ("Ø19", "ø19"[1:]), ("É-1", "e1")]
)
def test_normalise_code(token: str, code: str) -> None:
    assert normalise_code(token) == code


@pytest.mark.parametrize(
    ("code", "expected"),
    [("lj4250", True), ("006r90321", True), ("0884420588030", True), ("19mm", False), ("usbc", False), ("4250", False)],
)
def test_part_numbers_are_told_from_sizes(code: str, expected: bool) -> None:
    assert looks_like_part_number(code) is expected
