"""Ordering clips: one, or a plan of many. Everything is checked before anything is noted."""

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from gpu_services.generation.service.access import Actor
from gpu_services.generation.service.addresses import ForbiddenAddressError
from gpu_services.generation.service.conditioning import ImageError
from gpu_services.generation.service.content import request_sha256
from gpu_services.generation.service.intake import Taken
from gpu_services.generation.service.jobs import DayFullError, NewJob, OtherBodyError
from gpu_services.generation.service.service import Orderer, Service, ServiceDep
from scalediff_contract.generation import (
    IDEMPOTENCY_KEY,
    GenerateRequest,
    Job,
    Jobs,
    Plan,
    PlannedJob,
)
from scalediff_contract.scenarios import PromptError, UnknownScenarioError, accept_prompt, load_catalogue
from scalediff_contract.web.problems import ProblemError, too_many

router = APIRouter(tags=["orders"])
_HALT_RETRY_S = 60
_FULL_RETRY_S = 300.0
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=IDEMPOTENCY_KEY)]


@router.post("/generate", status_code=202)
async def generate(
    body: GenerateRequest, actor: Orderer, service: ServiceDep, response: Response, key: Key = None
) -> Job:
    """Order a clip. The same idempotency key and body again give the same job."""
    _check_open(service)
    order = await _checked(service, actor, body, key)
    (taken,) = await _take(service, [order])
    response.headers["Location"] = f"/api/v1/jobs/{taken.row.job_id}"
    return service.message(taken.row, taken.rank)


@router.post("/generate/plan", status_code=202)
async def generate_plan(body: Plan, actor: Orderer, service: ServiceDep) -> Jobs:
    """Order up to a thousand clips, all or none; ordering a plan twice gives the same jobs."""
    _check_open(service)
    orders = [await _planned(service, actor, place, job) for place, job in enumerate(body.jobs)]
    return Jobs(jobs=[service.message(taken.row) for taken in await _take(service, orders)])


def _check_open(service: Service) -> None:
    reason = service.fresh_halt()
    if reason is not None:
        service.metrics.requests.labels("intake-halted").inc()
        detail = f"no orders are taken: {reason}; they will be when the halt is over"
        raise ProblemError(503, "intake-halted", detail, headers={"Retry-After": str(_HALT_RETRY_S)})


async def _planned(service: Service, actor: Actor, place: int, job: PlannedJob) -> NewJob:
    try:
        return await _checked(service, actor, job.request, job.idempotency_key)
    except ProblemError as problem:
        detail = f"jobs.{place}: {problem.detail}"
        raise ProblemError(
            problem.status, problem.slug, detail, **{**problem.members, "job": place}
        ) from problem


async def _checked(service: Service, actor: Actor, body: GenerateRequest, key: str | None) -> NewJob:
    """The order, after all checks.

    Raises:
        ProblemError: 422 with what is wrong.
    """
    try:
        order = _read(actor, body, key)
        if body.callback_url is not None:
            service.rules.check(body.callback_url)
        if body.conditioning_image_url is None:
            return order
        taken = await run_in_threadpool(service.images.take, body.conditioning_image_url)
        return replace(order, conditioning_sha256=taken)
    except UnknownScenarioError as error:
        problem = ProblemError(422, "unknown-category", str(error), categories=list(load_catalogue().ids))
    except PromptError as error:
        problem = ProblemError(422, "prompt-outside-template", str(error))
    except ForbiddenAddressError as error:
        problem = ProblemError(422, "forbidden-callback", str(error))
    except ImageError as error:
        problem = ProblemError(422, error.slug, str(error))
    service.metrics.requests.labels(problem.slug).inc()
    raise problem


def _read(actor: Actor, body: GenerateRequest, key: str | None) -> NewJob:
    """The order without its image.

    Raises:
        PromptError: The prompt is not one.
        ProblemError: 422 `category-mismatch`.
    """
    prompt, category = accept_prompt(body.prompt)
    if body.category is not None and load_catalogue().category(body.category) != category:
        detail = f"category {body.category!r} is not the prompt's, {category.id!r}; leave it out"
        raise ProblemError(422, "category-mismatch", detail)
    return NewJob(
        actor=actor.name,
        idempotency_key=key,
        request_sha256=request_sha256(body.model_dump(mode="json")),
        prompt=prompt.render(),
        category=category.id,
        seed=body.seed,
        steps=body.num_inference_steps,
        guidance=body.guidance_scale,
        conditioning_image_url=body.conditioning_image_url,
        conditioning_sha256=None,
        priority=body.priority,
        callback_url=body.callback_url,
        tags=body.tags,
    )


async def _take(service: Service, orders: list[NewJob]) -> list[Taken]:
    """Note orders and queue them.

    Raises:
        ProblemError: 409 for a key with another body, 429 for a full day.
    """
    try:
        answers = await asyncio.wrap_future(service.intake.submit(orders))
    except DayFullError as error:
        raise too_many(str(error), _FULL_RETRY_S) from error
    found = []
    for answer in answers:
        if isinstance(answer, OtherBodyError):
            service.metrics.requests.labels("idempotency-conflict").inc()
            raise ProblemError(409, "idempotency-conflict", str(answer), jobId=answer.job_id)
        found.append(answer)
    service.metrics.requests.labels("taken").inc(len(found))
    return found
