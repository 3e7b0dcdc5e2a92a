"""The annotator by the settings: what is wrong with it is told at once, and what it said is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EncoderError, InvalidInput, InvalidSettings
from multirecall.training.graded.evidence import Evidence
from multirecall.training.graded.groups import GradedGroup
from multirecall.wiring.annotators import annotator_by, check_annotator, pairs_to_annotate
from multirecall.wiring.settings import Settings, load_settings, shown_settings
from tests.support.chat_server import ChatServer, answer
from tests.support.tiny_models import require_sentence_transformers

ENDPOINT = {"annotate_by": "endpoint", "annotate_url": "http://127.0.0.1:9/v1", "annotate_model": "m"}
TEXTS = {"1": "laser printer", "2": "usb cable"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def no_evidence() -> Evidence:
    raise AssertionError("only trees ask the search")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"annotate_url": ""}, "MULTIRECALL_ANNOTATE_URL"),
        ({"annotate_model": " "}, "MULTIRECALL_ANNOTATE_MODEL"),
        ({"annotate_api_key": "a\nb"}, "MULTIRECALL_ANNOTATE_API_KEY"),
        ({"annotate_body": "[1]"}, "MULTIRECALL_ANNOTATE_BODY"),
        ({"annotate_policy": "gone.txt"}, "gone.txt"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_told_at_once(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        check_annotator(load_settings(**{**ENDPOINT, **values}))
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_a_policy_has_a_line_for_each_level(tmp_path: Path) -> None:
    (tmp_path / "policy.txt").write_text("0 no\nyes\n")
    with pytest.raises(InvalidInput, match="a line for each"):
        check_annotator(load_settings(**ENDPOINT, annotate_policy="policy.txt"))
    (tmp_path / "policy.txt").write_text("0 no\n\n1 yes\n")
    check_annotator(load_settings(**ENDPOINT, annotate_policy="policy.txt"))


def test_a_folder_that_is_not_there_and_an_unknown_annotator_are_told() -> None:
    with pytest.raises(EncoderError, match="no model folder"):
        check_annotator(load_settings(annotate_by="cross-encoder:./gone"))
    with pytest.raises(InvalidSettings, match="annotate_by"):
        load_settings(annotate_by="magic")


def test_the_budget_is_of_those_that_cost_something_and_the_key_is_not_shown() -> None:
    assert pairs_to_annotate(load_settings(annotate_pairs=7)) == 0
    settings = load_settings(**ENDPOINT, annotate_pairs=7, annotate_api_key="geheim")
    assert pairs_to_annotate(settings) == 7
    assert "geheim" not in str(shown_settings(settings))


def settings_of(server: ChatServer) -> Settings:
    return load_settings(annotate_by="endpoint", annotate_url=server.url, annotate_model="m")


def test_what_the_endpoint_said_is_asked_again_only_of_a_product_that_has_changed(tmp_path: Path) -> None:
    pairs, heard = [("toner", "1"), ("toner", "2")], []
    with ChatServer() as server:
        server.behave = answer("2")
        for texts, asked in ((TEXTS, 2), (TEXTS, 2), ({**TEXTS, "2": "usb-c cable"}, 3)):
            annotating = annotator_by(
                settings_of(server), evidence=no_evidence, texts=lambda of=texts: of, kept=tmp_path / "kept",
                on_graded=lambda done, of: heard.append((done, of)),
            )  # fmt: skip
            assert annotating((), 3).grade(pairs).argmax(axis=1).tolist() == [2, 2]
            assert len(server.seen) == asked
    assert heard == [(2, 2), (1, 1)]


def test_a_cross_encoder_learns_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sentence_transformers()
    from multirecall.training.graded import cross_encoder
    from tests.support.tiny_models import tiny_bert

    base = tiny_bert(tmp_path / "tiny")
    monkeypatch.setattr(cross_encoder, "default_model_folder", lambda: base)
    groups = [GradedGroup(query="toner", qid="1", products=("1", "2"), grades=(2, 0))]
    settings = load_settings(annotate_by="cross-encoder")
    for _ in range(2):
        annotating = annotator_by(settings, evidence=no_evidence, texts=lambda: TEXTS, kept=tmp_path / "kept")
        assert annotating(groups, 3).grade([("toner", "1")]).sum() == pytest.approx(1.0)
    assert len([one for one in (tmp_path / "kept").iterdir() if one.is_dir()]) == 1
