from __future__ import annotations

import pytest

from multirecall.recall.rewriters.units import Units, is_measure
from tests.unit.recall.rewriters.shop import NEVER, query, said


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2 tb hdd", "2tb hdd"),
        ("laptop 15,6 zoll", "laptop 15.6 inch"),
        ('dell 24"', "dell 24 inch"),
        ("15.6'' lcd", "15.6 inch lcd"),
        ('19 " rack', "19 inch rack"),
        ("27in monitor", "27 inch monitor"),
        ("15.6-inch screen", "15.6 inch screen"),
        ("écran 22 pouces", "écran 22 inch"),
        ("1,5 m kabel", "1.5m kabel"),
        ("1.5 Meters cable", "1.5m cable"),
        ("16 gig ram", "16gb ram"),
        ("clé 16go", "clé 16gb"),
        ("500 watt psu", "500w psu"),
        ("12v 2 amp", "12v 2a"),
        ("switch 8 ports", "switch 8 port"),
        ("2.0 tb", "2tb"),
        ('24" 1,2m', "24 inch 1.2m"),
    ],
)
def test_sizes_get_one_form(typed: str, expected: str) -> None:
    assert said(Units(), typed) == [expected]


@pytest.mark.parametrize(
    "typed",
    [
        "2tb hdd", "1.5m cable", "15.6 inch", "laptop", "",  # in that form already
        "2 in 1 laptop", "3in1 cable", "1 to 4 hdmi splitter", "2 a 4", "4 x a4", "iphone 5 s",  # words, not units
        "usb 3.0 hub", "hdmi 2.0", "1,000 sheets", "1,2,3", "10/100 mb", "10x15cm", "1/2\"",  # not one number
        "q2612a", "DV7-15in", "CE-505 A", "ip 192.168.0.1 m", "v1.2.3 gb.net",  # names
    ],
)  # fmt: skip
def test_what_is_no_size_or_has_its_form_is_left_alone(typed: str) -> None:
    assert said(Units(), typed) == []


def test_what_was_done_is_told() -> None:
    (one,) = Units().rewrite(query('hp 15,6" 500 gigabyte'), NEVER)
    assert one.text == "hp 15.6 inch 500gb"
    assert one.log == ('15,6" → 15.6 inch', "500 gigabyte → 500gb")
    assert one.confidence > 0.9
    assert Units() == Units()
    assert len(Units().fingerprint) == 16


def test_one_form_stays_as_it_is() -> None:
    once = said(Units(), '24 " 1,2 meter 2 terabyte 8-port')
    assert once == ["24 inch 1.2m 2tb 8 port"]
    assert said(Units(), once[0]) == []


@pytest.mark.parametrize(("text", "expected"), [("2tb", True), ("15.6 inch", True), ('10"', True), ("q2612a", False),
                                                ("505 a", False), ("505a", True), ("tb", False)])  # fmt: skip
def test_is_measure(text: str, expected: bool) -> None:
    assert is_measure(text) is expected
