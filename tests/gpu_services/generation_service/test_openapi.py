"""Generated requests against the app's own description: no failure on our side, no undescribed answer.

A text can match the schema and not the prompts' template, a URL be well formed and not allowed: valid
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

from gpu_services.generation.service.config import ApiLimits
from tests.gpu_services.generation_service.conftest import Api

pytestmark = pytest.mark.slow
EXAMPLES = 12
Case = schemathesis.Case[Any]
generous = hypothesis.settings(
    max_examples=EXAMPLES, suppress_health_check=list(hypothesis.HealthCheck), database=None
)


def each_operation(api: Api, check: Callable[[Case], None]) -> list[str]:
    """Check generated requests to every operation; the operations' names.

    By hand, because schemathesis' pytest plugin does not know pytest 9.2's nodes.
    """
    names = []
    for result in schemathesis.openapi.from_asgi("/openapi.json", api.http.app).get_all_operations():
        operation = cast(Any, result).ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # Without parameters and body nothing can be wrong with a request.
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                generous(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(check))()
        names.append(operation.label)
    return names


def test_whatever_is_asked_the_answer_is_a_described_one(make_api: Callable[..., Api]) -> None:
    api = make_api(api=ApiLimits(address_per_minute=10**7, actor_per_minute=10**7))
    job_id = api.order()["job_id"]
    headers, asked = api.headers("admin"), 0

    def check(case: Case) -> None:
        nonlocal asked
        asked += 1
        if isinstance(case.body, dict) and "wait_s" in case.body:
            return  # a reload without workers waits as long as it is told to
        if "job_id" in case.path_parameters and asked % 2:
            case.path_parameters["job_id"] = job_id
        # What was wrong with the request may have been its job id.
        excluded = [positive_data_acceptance, negative_data_rejection]
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    names = each_operation(api, check)
    assert len(names) == 12, names
    assert asked > 10 * EXAMPLES
