"""Generated requests against the app's own description: no failure on our side, no undescribed answer.

A text can match a wallet's pattern and hold 31 bytes, and a URL its schema without a signature: valid
by the description, refused all the same. So that valid requests succeed is left to the other tests.
"""

import contextlib
from collections.abc import Callable
from typing import Any, cast

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from tests.upload_api.conftest import Place
from upload_api.config import UploadLimits

pytestmark = pytest.mark.slow
EXAMPLES = 30
Case = schemathesis.Case[Any]
LIMITS = UploadLimits(
    requests_per_minute=10**7,
    wallet_requests_per_minute=10**7,
    wallet_sessions_per_hour=10**7,
    address_sessions_per_hour=10**7,
)
generous = hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=list(hypothesis.HealthCheck), database=None
)
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@pytest.fixture
def free_place(make_place: Callable[..., Place]) -> Place:
    return make_place(limits=LIMITS)


def each_operation(place: Place, check: Callable[[Case], None]) -> list[str]:
    """Check generated requests to every operation; the operations' names.

    By hand, because schemathesis' pytest plugin does not know pytest 9.2's nodes.
    """
    names = []
    for result in schemathesis.openapi.from_asgi("/openapi.json", place.http.app).get_all_operations():
        operation = cast(Any, result).ok()
        for mode in MODES:
            # Without parameters and body nothing can be wrong with a request.
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                generous(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(check))()
        names.append(operation.label)
    return names


def test_whatever_is_asked_the_answer_is_a_described_one(free_place: Place) -> None:
    headers, asked = free_place.player().headers, 0

    def check(case: Case) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    assert len(each_operation(free_place, check)) == 9
    assert asked > 8 * EXAMPLES
    assert free_place.stored_keys() == []


def test_whatever_is_asked_of_ones_own_session_the_answer_is_a_described_one(free_place: Place) -> None:
    player = free_place.player()
    session_id = player.session()

    def check(case: Case) -> None:
        if "session_id" in case.path_parameters:
            case.path_parameters["session_id"] = session_id
        # What was wrong with the request may have been its session id.
        excluded = [positive_data_acceptance, negative_data_rejection]
        case.call_and_validate(headers=player.headers, excluded_checks=excluded)

    each_operation(free_place, check)
