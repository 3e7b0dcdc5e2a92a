"""schemathesis asks the real service all that its description allows, and what it does not: nothing undescribed comes.

Bounded: so many examples for each endpoint, from one seed, so that every run asks the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis import checks as known
from schemathesis.specs.openapi import checks as openapi_checks

from multirecall.service.event_store import EventStore
from multirecall.service.parts import ServiceOptions
from multirecall.service.writing import StraightWriter
from tests.support.http_service import running_app
from tests.unit.service.shop import filled_engine, kept_open, make_app, opened_answers
from tests.unit.service.test_describing import no_encoder
from tests.unit.service.test_gate import Seen

CHECKS = (
    known.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.unsupported_method,
)

EXAMPLES = 8


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with filled_engine() as engine, opened_answers(engine) as answers:
        app = make_app(
            engine,
            answers,
            writer=StraightWriter(lambda: kept_open(engine), encoder_of=no_encoder),
            events=EventStore(tmp_path_factory.mktemp("events"), day_bytes=1 << 20, keep_days=1),
            workers=Seen(),
            options=ServiceOptions(metrics_open=True),
        )
        with running_app(app) as url:
            yield url


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_gets_an_answer_that_is_not_described(address: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    asked: set[str] = set()
    statuses: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            statuses[case.call_and_validate(checks=CHECKS, timeout=20).status_code] += 1

        try:
            ask()
        except Unsatisfiable:  # an endpoint without parameters cannot be asked wrongly
            assert mode is GenerationMode.NEGATIVE
            continue
        asked.add(operation.label)
    assert len(asked) >= (16 if mode is GenerationMode.POSITIVE else 10), asked
    expected = 200 if mode is GenerationMode.POSITIVE else 422
    assert statuses[expected] >= 5 * EXAMPLES, statuses
