from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.core.product import Product
from multirecall.encoders.hashing import HashingEncoder
from multirecall.indexer.texts import TextTemplate, text_hash, vector_fingerprint

PRODUCT = Product(
    id="1", title="Lamp", description="Bright", brand="Acme", category_path=("Home", "Light"),
    attributes={"colour": ("red", "blue"), "width": 5.0, "led": True, "kind": "desk"},
)  # fmt: skip
BARE = Product(id="2", title="Desk")


@pytest.mark.parametrize(
    ("template", "full", "bare"),
    [
        ("{title}. {description}", "Lamp. Bright", "Desk"),
        ("{brand} {title}: {description}", "Acme Lamp: Bright", "Desk"),
        ("{description}, {title}", "Bright, Lamp", "Desk"),
        ("{title} ({brand})", "Lamp (Acme)", "Desk"),
        ("{title} | {category} | {attributes}", "Lamp | Home Light | red, blue, desk", "Desk"),
    ],
)
def test_a_field_without_value_takes_its_joint_along(template: str, full: str, bare: str) -> None:
    assert TextTemplate(template=template)(PRODUCT) == full
    assert TextTemplate(template=template)(BARE) == bare


def test_the_text_is_cut() -> None:
    assert TextTemplate(max_chars=7)(PRODUCT) == "Lamp. B"


@pytest.mark.parametrize("template", ["{name}", "no field", "{title", "{title} {0}"])
def test_unreadable_templates_are_refused(template: str) -> None:
    with pytest.raises(InvalidSettings, match="template"):
        TextTemplate(template=template)


def test_the_vector_fingerprint_changes_with_encoder_template_and_limit() -> None:
    templates = [TextTemplate(), TextTemplate(template="{title}"), TextTemplate(max_chars=200)]
    encoders = [HashingEncoder(), HashingEncoder(dim=64)]
    found = {vector_fingerprint(e, str(t)) for e in encoders for t in templates}
    assert len(found) == len(templates) * len(encoders)
    assert vector_fingerprint(encoders[0], str(TextTemplate())).startswith(encoders[0].fingerprint + "-")


def test_text_hashes_differ_with_the_text() -> None:
    assert text_hash("a") == text_hash("a") != text_hash("b")
    assert len(text_hash("\ud800")) == 32
