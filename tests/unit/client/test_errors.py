"""The error tree: complete, told at the top of its file, and able to travel between processes."""

from __future__ import annotations

import pickle

import pytest

import multirecall_client as client
from multirecall_client import errors
from multirecall_client.changes import BulkReport, ChangeResult


def below(of: type[errors.MultirecallError]) -> set[type[errors.MultirecallError]]:
    return {of, *(found for kind in of.__subclasses__() for found in below(kind))}


def test_the_tree_is_drawn_whole_and_public() -> None:
    assert errors.__doc__ is not None
    for kind in below(errors.MultirecallError):
        assert f" {kind.__name__} " in errors.__doc__ or f"{kind.__name__}\n" in errors.__doc__, kind
        assert getattr(client, kind.__name__) is kind


@pytest.mark.parametrize("kind", sorted(below(errors.ApiError), key=repr))
def test_errors_of_the_service_survive_pickling(kind: type[errors.ApiError]) -> None:
    error = kind("No.", status=418, code="teapot", hint="Pour.", field="cup", retry_after_s=2.0, request_id="r1")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert str(again) == str(error) == "No. Pour."
    assert "cup" in repr(again)
    assert "r1" in repr(again)


def test_the_other_errors_survive_pickling_too() -> None:
    report = BulkReport()
    report.add(ChangeResult(index=3, kind="upsert", id="p", status="refused", error="no title"))
    timed_out = errors.TimedOut("late", request_id="r1", sent=False)
    given = (
        timed_out,
        errors.ConnectionFailed("none", request_id="r1"),
        errors.InvalidArgument("bad"),
        client.BulkIncomplete(report),
        client.BulkStopped(timed_out, settled=7, report=report),
    )
    for error in given:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.request_id == error.request_id
    stopped = pickle.loads(pickle.dumps(given[-1]))
    assert isinstance(stopped, client.BulkStopped)
    assert isinstance(stopped.reason, errors.TimedOut)
    assert (stopped.settled, stopped.reason.sent) == (7, False)
    assert stopped.report is not None
    assert stopped.report.problems == report.problems


def test_a_callers_mistake_is_a_value_error_too() -> None:
    assert issubclass(errors.InvalidArgument, ValueError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (408, errors.DeadlineExceeded),
        (410, errors.PageExpired),
        (413, errors.TooLarge),
        (418, errors.ApiError),
        (422, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.ServerFailed),
        (503, errors.Unavailable),
        (504, errors.DeadlineExceeded),
        (507, errors.ServerFailed),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[errors.ApiError]) -> None:
    assert errors.api_error_class(status) is kind
