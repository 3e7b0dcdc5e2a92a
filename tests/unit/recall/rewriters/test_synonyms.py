from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.synonym_rules import SynonymFile, parse_synonyms
from multirecall.recall.rewriters.synonyms import Synonyms, mined_rules, trade_rules
from multirecall.recall.rewriting import Rewriter
from tests.unit.recall.rewriters.shop import NEVER, query, said, vocabulary

TRADE = parse_synonyms(
    "rucksack, backpack\nlead, cartridge\ntelly, tv\nups, uninterruptible power supply\nlaptop, notebook",
    source="trade",
)


def user_file(folder: Path, text: str) -> SynonymFile:
    path = folder / "synonyms.txt"
    path.write_text(text)
    return SynonymFile(path)


def test_the_longest_phrase_counts_and_the_rest_stays(tmp_path: Path) -> None:
    synonyms = Synonyms(user=user_file(tmp_path, "laptop bag, notebook case\nlaptop, notebook\nbag, sack"))
    assert isinstance(synonyms, Rewriter)
    assert said(synonyms, "Leather laptop bags, brown") == ["Leather notebook case brown"]


def test_each_rewriting_replaces_one_phrase_and_one_more_replaces_all(tmp_path: Path) -> None:
    synonyms = Synonyms(user=user_file(tmp_path, "telly => tv\nlead => cable"))
    found = synonyms.rewrite(query("telly hdmi lead"), NEVER)
    assert [one.text for one in found] == ["telly hdmi cable", "tv hdmi lead", "tv hdmi cable"]
    assert found[2].confidence == pytest.approx(found[0].confidence * found[1].confidence)
    assert found[2].log == ("telly → tv (file)", "lead → cable (file)")


def test_the_trades_list_is_weighed_by_the_catalogue() -> None:
    synonyms = Synonyms(trade=TRADE, vocabulary=vocabulary())
    assert said(synonyms, "red rucksacks") == ["red backpack"]  # sold here, and never called so
    assert said(synonyms, "backpack") == []  # nobody calls it rucksack
    assert said(synonyms, "telly") == []  # not sold
    assert said(synonyms, "toner cartridge") == []
    assert said(synonyms, "laptop bag") == ["notebook bag"]
    alone = Synonyms(trade=TRADE)
    assert said(alone, "telly") == ["tv"]


def test_the_users_file_decides_for_its_phrases(tmp_path: Path) -> None:
    synonyms = Synonyms(user=user_file(tmp_path, "rucksack => satchel"), trade=TRADE, vocabulary=vocabulary())
    assert said(synonyms, "rucksack") == ["satchel"]
    assert said(synonyms, "laptop") == ["notebook"]


def test_mined_synonyms_are_read_from_the_folder(tmp_path: Path) -> None:
    assert mined_rules(tmp_path).meanings == {}
    (tmp_path / "synonyms.tsv").write_text("# mined\nrucksack\tbackpack\t0.6\tjudgments\n# telly\ttv\t0.9\thand\n")
    synonyms = Synonyms(mined=mined_rules(tmp_path), vocabulary=vocabulary())
    (found,) = synonyms.rewrite(query("rucksack"), NEVER)
    assert (found.text, found.confidence) == ("backpack", pytest.approx(0.6))
    (tmp_path / "synonyms.tsv").write_text("rucksack\tbackpack\t1.6\tjudgments\n")
    with pytest.raises(InvalidSettings, match=r"synonyms.tsv, line 1: .*a number from 0 to 1"):
        mined_rules(tmp_path)


def test_the_fingerprint_follows_the_file(tmp_path: Path) -> None:
    one, other = (Synonyms(user=user_file(tmp_path, text)) for text in ("a1, b1", "a1, b2"))
    assert one.fingerprint != other.fingerprint
    assert one == other  # the same file


def test_the_built_in_list_can_be_read() -> None:
    rules = trade_rules()
    assert len(rules.meanings) > 500
    assert ("tv",) in rules.meanings
