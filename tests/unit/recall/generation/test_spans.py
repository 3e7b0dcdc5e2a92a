from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.recall.fm_index.index import FMIndex
from multirecall.recall.generation.spans import Spans, SpanState, split_spans

END, SEP = 0, 9
INDEX = FMIndex.build(["a", "b", "c"], [[1, 2, 3], [2, 3, 4], [5, 2, 3]], vocab=10)


def after(spans: Spans, *tokens: int) -> SpanState:
    state = spans.start()
    for token in tokens:
        assert token in spans.allowed(state), (token, state)
        state = spans.advance(state, token)
    return state


def test_the_golden_value_of_the_sheet() -> None:
    """Titles [1,2,3], [2,3,4], [5,2,3]: after (2,3) come {4, end}, here with the separator."""
    one = Spans(INDEX, separator=SEP, end=END, max_spans=1)
    assert one.allowed(after(one, 2, 3)).tolist() == [END, 4]
    several = Spans(INDEX, separator=SEP, end=END)
    assert several.allowed(after(several, 2, 3)).tolist() == [END, 4, SEP]


def test_a_sequence_begins_with_a_token_of_the_titles() -> None:
    spans = Spans(INDEX, separator=SEP, end=END)
    assert spans.allowed(spans.start()).tolist() == [1, 2, 3, 4, 5]
    assert spans.allowed(after(spans, 4, SEP)).tolist() == [1, 2, 3, 4, 5]


def test_a_span_of_before_must_go_on() -> None:
    spans = Spans(INDEX, separator=SEP, end=END)
    assert spans.allowed(after(spans, 2, SEP, 2)).tolist() == [3]
    assert spans.allowed(after(spans, 2, SEP, 2, 3)).tolist() == [END, 4, SEP]
    assert spans.allowed(after(spans, 4, SEP, 4)).tolist() == []


def test_lengths_are_kept() -> None:
    spans = Spans(INDEX, separator=SEP, end=END, max_tokens=2, max_spans=2)
    assert spans.allowed(after(spans, 2, 3)).tolist() == [END, SEP]
    assert spans.allowed(after(spans, 2, 3, SEP, 1)).tolist() == [END, 2]
    assert spans.allowed(after(spans, 2, 3, SEP, 2, 3)).tolist() == []
    assert spans.max_length == len((2, 3, SEP, 1, 2))


def test_spans_are_split_where_the_separator_stands() -> None:
    assert split_spans((4, SEP, 2, 3), SEP) == [(0, 1), (2, 4)]
    assert split_spans((4,), SEP) == [(0, 1)]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"separator": 3, "end": END}, "separator"),
        ({"separator": SEP, "end": 1}, "end"),
        ({"separator": SEP, "end": SEP}, "separator"),
        ({"separator": SEP, "end": END, "max_tokens": 0}, "max_tokens"),
        ({"separator": SEP, "end": END, "max_spans": 0}, "max_spans"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Spans(INDEX, **settings)
    assert caught.value.data["field"] == field
