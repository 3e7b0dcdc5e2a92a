"""The command line of rewriters as a new user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import multirecall

ROWS = """id,title,brand,description
k1,Logitech wireless keyboard,Logitech,cordless keyboard
k2,Logitech wireless keyboard black,Logitech,wireless keyboard
k3,Cherry keyboard,Cherry,keyboard with cable
b1,Hama backpack,Hama,backpack for a notebook
b2,Hama backpack red,Hama,backpack
u1,APC uninterruptible power supply (UPS),APC,UPS
u2,APC uninterruptible power supply (UPS) 700,APC,UPS
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIRECALL_ENGINE", "embedded:shop")
    monkeypatch.setenv("MULTIRECALL_REWRITER_DIR", "rewriters")
    monkeypatch.setenv("MULTIRECALL_REWRITERS", "units,spelling,compounds,synonyms")
    (tmp_path / "catalogue.csv").write_text(ROWS)
    return tmp_path


def test_rewriters_are_built_shown_and_tried(shop: Path) -> None:
    before = multirecall("rewriters", "try", "wirless key board 2 m")
    assert before.code == 0
    assert "wirless key board 2m" in before.out
    assert "multirecall rewriters build" in before.err

    missing = multirecall("rewriters", "show")
    assert missing.code == 2
    assert "no folder of rewriters" in missing.err

    assert multirecall("index", "catalogue.csv", "--encoder", "hashing").code == 0
    (shop / "queries.tsv").write_text(
        "".join(f"q{i}\trucksack {x}\n" for i, x in enumerate("abcde")) + "q9\tkeyboard\n"
    )
    judged = [f"q{i} 0 b{j} 3" for i in range(5) for j in (1, 2)] + ["q9 0 k1 3", "q9 0 b1 0"]
    judged += [f"r{i} 0 k1 3" for i in range(9)]
    (shop / "judged.trec").write_text("\n".join(judged) + "\n")
    half = multirecall("rewriters", "build", "--judgments", "judged.trec", "--json")
    assert half.code == 2
    assert "both or neither" in half.json["error"]["message"]
    built = multirecall("rewriters", "build", "--queries", "queries.tsv", "--judgments", "judged.trec", "--json")
    assert built.code == 0, built.err
    assert (built.json["products"], built.json["brands"]) == (7, 4)

    shown = multirecall("rewriters", "show", "--json").json
    assert shown["card"]["fingerprint"] == built.json["fingerprint"]
    assert ["ups", "uninterruptible power supply"] in [row[:2] for row in shown["synonyms"]]
    assert "uninterruptible" in multirecall("rewriters", "show").out

    tried = multirecall("rewriters", "try", "wirless key board 2 m", "--json").json
    (repaired,) = tried["rewritings"]
    assert repaired["text"] == "wireless keyboard 2m"
    assert repaired["by"] == "units+spelling+compounds"
    assert tried["notes"] == []
    assert tried["failed"] == {}
    assert "anything to say" in multirecall("rewriters", "try", "keyboard").out


def test_what_is_wrong_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = multirecall("rewriters", "try", "x", "--rewriters", "units,magic")
    assert unknown.code == 2
    assert "no rewriter 'magic'" in unknown.err
    (shop / "synonyms.txt").write_text("tv, telly\nalone\n")
    monkeypatch.setenv("MULTIRECALL_SYNONYMS", "synonyms.txt")
    wrong = multirecall("rewriters", "try", "x", "--rewriters", "synonyms", "--json")
    assert wrong.code == 2
    assert "synonyms.txt, line 2" in wrong.json["error"]["message"]
