from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import IndexCorrupt, InvalidInput, NotFound
from multirecall.recall.fm_index.folder import open_fm_index, save_fm_index
from multirecall.recall.fm_index.index import FMIndex, Part
from multirecall.recall.fm_index.segment import Segment

Title = list[int]


def drawn_titles(dice: np.random.Generator, *, n: int, vocab: int) -> dict[str, Title]:
    """Short titles with much in common; some without tokens."""
    return {f"p{at}": dice.integers(0, vocab, dice.integers(0, 9)).tolist() for at in range(n)}


def indexed(titles: dict[str, Title], *, vocab: int) -> FMIndex:
    return FMIndex.build([*titles], titles.values(), vocab=vocab)


def places_of(span: Title, titles: dict[str, Title]) -> list[tuple[str, int]]:
    """By looking at every place of every title."""
    n = len(span)
    return sorted(
        (name, at) for name, title in titles.items() for at in range(len(title)) if title[at : at + n] == span
    )


def followers_of(span: Title, places: list[tuple[str, int]], titles: dict[str, Title]) -> dict[int, int]:
    after = [(titles[name], at + len(span)) for name, at in places]
    return dict(sorted(Counter(title[at] for title, at in after if at < len(title)).items()))


def assert_knows(index: FMIndex, span: Title, titles: dict[str, Title], *, held: dict[str, Title]) -> None:
    """What the index says of the span is so of the titles `held`, and of where it stands of `titles`, the live ones."""
    ranges = index.ranges(span)
    places = places_of(span, held)
    assert index.count(span) == len(places)
    following = index.following(ranges)
    assert dict(zip(following.tokens.tolist(), following.counts.tolist(), strict=True)) == followers_of(
        span, places, held
    )
    assert following.tokens.tolist() == sorted(following.tokens.tolist())
    found = index.occurrences(span)
    names = index.product_ids(found.titles.tolist())
    live = places if titles is held else places_of(span, titles)
    assert sorted(zip(names, found.starts.tolist(), strict=True)) == live


def test_the_golden_value_of_the_sheet() -> None:
    index = FMIndex.build(["a", "b", "c"], [[1, 2, 3], [2, 3, 4], [5, 2, 3]], vocab=6)
    assert index.count([2, 3]) == 3
    assert index.following(index.ranges([2, 3])).tokens.tolist() == [4]  # and the end, which the constraint adds


@pytest.mark.parametrize(("n_catalogues", "n_titles", "n_spans"), [(80, 12, 100), (1, 200, 2_000)])
def test_ten_thousand_spans_are_counted_as_by_looking(n_catalogues: int, n_titles: int, n_spans: int) -> None:
    """Counts, followers and places in 80 small catalogues and in one of 200 titles; half of the spans are there."""
    dice = np.random.default_rng(5)
    for _ in range(n_catalogues):
        vocab = int(dice.integers(2, n_titles + 2))
        titles = drawn_titles(dice, n=n_titles, vocab=vocab)
        index = indexed(titles, vocab=vocab)
        for number in range(n_spans):
            span = dice.integers(0, vocab, dice.integers(1, 5)).tolist()
            if number % 2:
                title = titles[f"p{dice.integers(len(titles))}"]
                span = title[dice.integers(len(title)) :][: len(span)] if title else span
            assert_knows(index, span, titles, held=titles)


def test_followers_of_wide_ranges_are_those_of_narrow_ones() -> None:
    """Ranges of more rows than 32 per candidate go another way: tokens are asked one by one."""
    dice = np.random.default_rng(6)
    titles = {f"p{at}": dice.choice([0, 0, 0, 1, 2], 8).tolist() for at in range(400)}
    index = indexed(titles, vocab=3)
    for span in ([0], [0, 0], [0, 0, 0], [1, 0], [2, 2, 2]):
        assert_knows(index, span, titles, held=titles)
    assert index.size(index.ranges([0, 0])) > 32 * 3


@pytest.mark.parametrize("seed", range(12))
def test_segments_answer_as_one_index_of_all(seed: int) -> None:
    dice = np.random.default_rng(seed)
    vocab = 6
    titles = drawn_titles(dice, n=40, vocab=vocab)
    whole = indexed(titles, vocab=vocab)
    names = [*titles]
    cuts = sorted(dice.choice(np.arange(1, 40), 4, replace=False).tolist())
    pieces = [names[low:high] for low, high in itertools.pairwise([0, *cuts, 40])]
    parts = [
        Part(Segment.build(piece, [titles[one] for one in piece], vocab=vocab), np.zeros(0, np.int32))
        for piece in pieces
    ]
    several = FMIndex(parts, vocab=vocab)
    gone = {name for name in names if dice.random() < 0.3}
    fewer = several.without(gone)
    live = {name: title for name, title in titles.items() if name not in gone}
    assert (several.n_titles, fewer.n_titles, several.n_tokens) == (40, len(live), whole.n_tokens)
    for _ in range(40):
        span = dice.integers(0, vocab, dice.integers(1, 4)).tolist()
        assert_knows(several, span, titles, held=titles)
        assert_knows(fewer, span, live, held=titles)
        assert_knows(fewer.compacted(), span, live, held=live)
    assert np.array_equal(several.lengths(np.arange(several.n_numbers)), [len(title) for title in titles.values()])


def test_a_product_added_can_be_generated_at_once_and_one_replaced_is_found_as_it_is_now() -> None:
    before = indexed({"a": [1, 2, 3], "b": [4, 5]}, vocab=10)
    after = before.added(["c"], [[7, 8]])
    assert after.following(after.start).tokens.tolist() == [1, 2, 3, 4, 5, 7, 8]
    assert after.product_ids(after.occurrences([7, 8]).titles.tolist()) == ["c"]
    assert before.count([7]) == 0  # an index is a value
    replaced = after.added(["a"], [[1, 9]])
    assert replaced.n_titles == 3
    assert replaced.occurrences([1, 2, 3]).titles.size == 0
    assert replaced.product_ids(replaced.occurrences([1, 9]).titles.tolist()) == ["a"]


def test_adding_one_by_one_keeps_few_segments() -> None:
    dice = np.random.default_rng(2)
    index = FMIndex([], vocab=5)
    titles = drawn_titles(dice, n=120, vocab=5)
    for name, title in titles.items():
        index = index.added([name], [title])
        assert len(index.parts) <= 6
    for span in ([1], [2, 3]):
        assert_knows(index, span, titles, held=titles)
    assert index.compacted().n_titles == 120


def test_it_wants_compacting_when_much_is_deleted() -> None:
    index = indexed({f"p{at}": [at % 3] for at in range(10)}, vocab=3)
    assert not index.without(["p0", "p1", "unknown"]).wants_compacting
    wanting = index.without(["p0", "p1", "p2"])
    assert wanting.wants_compacting
    assert not wanting.compacted().wants_compacting


def test_nothing_indexed_allows_nothing() -> None:
    for index in (FMIndex([], vocab=4), FMIndex.build(["a"], [[]], vocab=4), FMIndex.build([], [], vocab=4)):
        assert index.following(index.start).tokens.size == 0
        assert index.count([1]) == 0
        assert index.occurrences([1]).titles.size == 0
    assert FMIndex.build(["a"], [[1]], vocab=4).without(["a"]).compacted().parts == ()


def test_a_large_vocabulary_has_wider_symbols() -> None:
    titles = {"a": [70_000, 1, 70_000], "b": [1, 69_999]}
    index = indexed(titles, vocab=70_001)
    for span in ([70_000], [1], [1, 70_000], [1, 69_999], [2]):
        assert_knows(index, span, titles, held=titles)


def test_it_comes_back_from_its_folder_and_files_are_shared(tmp_path: Path) -> None:
    dice = np.random.default_rng(3)
    titles = drawn_titles(dice, n=30, vocab=5)
    index = indexed(titles, vocab=5)
    save_fm_index(index, tmp_path)
    first = open_fm_index(tmp_path)
    gone = {"p1", "p2"}
    changed = first.without(gone).added(["ü-1"], [[1, 2, 4]])
    save_fm_index(changed, tmp_path)
    assert len([*tmp_path.glob("*.safetensors")]) == len({part.segment.digest for part in changed.parts}) + 1
    held = {**titles, "ü-1": [1, 2, 4]}
    opened = open_fm_index(tmp_path)
    for span in ([1], [1, 2], [4], [0, 0]):
        live = {name: title for name, title in held.items() if name not in gone}
        assert_knows(opened, span, live, held=held if len(opened.parts) > 1 else live)
        assert_knows(first, span, titles, held=titles)
    for _ in range(2):  # what no manifest of these two names goes
        save_fm_index(opened.compacted(), tmp_path)
    assert len([*tmp_path.glob("*.safetensors")]) == 1
    assert open_fm_index(tmp_path).count([1, 2]) == len(places_of([1, 2], live))


def test_segments_that_are_open_already_are_not_read_again(tmp_path: Path) -> None:
    first = FMIndex.build([f"p{at}" for at in range(9)], [[1, 2, 3]] * 9, vocab=5)
    save_fm_index(first, tmp_path)
    kept = open_fm_index(tmp_path)
    save_fm_index(kept.added(["new"], [[4, 1]]), tmp_path)
    opened = open_fm_index(tmp_path, known=kept)
    assert [part.segment is kept.parts[0].segment for part in opened.parts] == [True, False]
    assert opened.product_ids(opened.occurrences([4, 1]).titles.tolist()) == ["new"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_fm_index(FMIndex.build(["a", "b"], [[1, 2, 3], [2, 3]], vocab=5).without(["b"]), tmp_path)
    return tmp_path


def test_a_file_that_was_changed_anywhere_is_refused(folder: Path) -> None:
    """Every nineteenth byte in turn, of the manifest, of the segment and of the deleted."""
    for file in folder.iterdir():
        whole = file.read_bytes()
        for at in range(0, len(whole), 19):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
            with pytest.raises(IndexCorrupt):
                open_fm_index(folder)
        file.write_bytes(whole)
    assert open_fm_index(folder).n_titles == 1


def test_a_file_that_was_cut_off_or_grew_or_is_gone_is_refused(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        whole = file.read_bytes()
        for content in (b"", whole[:5], whole[:40], whole[:-1], whole + b"\0"):
            file.write_bytes(content)
            with pytest.raises(IndexCorrupt, match=file.name):
                open_fm_index(folder)
        file.unlink()
        with pytest.raises(IndexCorrupt, match=file.name):
            open_fm_index(folder)
        file.write_bytes(whole)


def test_a_segment_under_another_ones_name_is_refused(folder: Path) -> None:
    other = Segment.build(["z"], [[4]], vocab=5)
    [file] = [file for file in folder.glob("*.safetensors") if file.stat().st_size > 1000]
    other.save(file)
    with pytest.raises(IndexCorrupt, match="another one"):
        open_fm_index(folder)


def test_a_folder_without_an_index_is_told_apart_from_a_bad_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no FM-index"):
        open_fm_index(tmp_path)


@pytest.mark.parametrize(
    ("ids", "titles", "message"),
    [
        (["a"], [[5]], "0 to 4"),
        (["a"], [[-1]], "0 to 4"),
        (["a", "a"], [[1], [2]], "'a' comes twice"),
        (["a"], [[1], [2]], "1 ids cannot name 2"),
        (["a"], [[1] * 70_000], "70000 tokens"),
    ],
)
def test_titles_that_cannot_be_indexed_are_refused(ids: list[str], titles: list[Title], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        FMIndex.build(ids, titles, vocab=5)


def test_segments_of_two_vocabularies_are_refused() -> None:
    part = Part(Segment.build(["a"], [[1]], vocab=5), np.zeros(0, np.int32))
    with pytest.raises(InvalidInput, match="5 tokens"):
        FMIndex([part], vocab=6)
