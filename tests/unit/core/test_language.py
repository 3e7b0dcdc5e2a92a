from collections import Counter
from pathlib import Path

import pytest

from multirecall.core.language import UNCLEAR, guess_language
from multirecall.evaluation.queries import read_queries


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("cable for the printer", "en"),
        ("netzwerkkabel 10m blau", "de"),
        ("Steckdosenleiste mit Überspannungsschutz", "de"),
        ("souris sans fil", "fr"),
        ("étiqueteuse", "fr"),
        ("ratón con cable", "es"),
        ("scheda di rete", "it"),
        ("laptoptas zwart", "nl"),
        ("プリンター用トナー", "ja"),
        ("打印机", "zh"),
        ("프린터", "ko"),
        ("принтер hp", "cyrillic"),
        ("hp 504a", UNCLEAR),
        ("clp-y660b", UNCLEAR),  # its letters are no words
        ("kabel", UNCLEAR),  # German as well as Dutch
        ("", UNCLEAR),
        ('\ud800 17" ½ ∑', UNCLEAR),
    ],
)
def test_guesses(text: str, language: str) -> None:
    assert guess_language(text) == language
    assert guess_language(text.upper()) == language or "ß" in text


@pytest.mark.data
def test_on_the_icecat_queries_foreign_ones_are_told_from_english_ones(icecat_dir: Path) -> None:
    guesses: dict[str, Counter[str]] = {"foreign": Counter(), "other": Counter()}
    for query in read_queries(icecat_dir / "queries.tsv"):
        kind = "foreign" if query.columns["class"] == "foreign" else "other"
        guesses[kind][guess_language(query.text)] += 1
    foreign, other = guesses["foreign"], guesses["other"]
    assert foreign["en"] == 0
    assert foreign[UNCLEAR] <= 0.2 * foreign.total()
    assert other.total() - other["en"] - other[UNCLEAR] <= 0.02 * other.total()
