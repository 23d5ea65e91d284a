"""For those who run the service: models in force, halts, measured cohorts, the state of it all."""

import logging
import posixpath
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gpu_services.generation.service.choice import ModelChoice
from gpu_services.generation.service.crew import WorkerRow, seconds_per_clip
from gpu_services.generation.service.service import Administrator, Service, ServiceDep, orderer
from scalediff_contract.generation import Acts, Cohort, HaltRequest, Reloaded, ReloadRequest, ServiceState
from scalediff_contract.web.problems import ProblemError

router = APIRouter(tags=["admin"])
_LOOK_S = 0.05
_log = logging.getLogger("scalediff.generation.admin")


@router.post("/admin/reload")
def reload_model(body: ReloadRequest, actor: Administrator, service: ServiceDep) -> Reloaded:
    """Put a model in force and wait for the workers; queued jobs stay queued.

    A model that a worker cannot load is taken out of force again, and the answer says why.
    """
    for url in filter(None, (body.model_url, body.challenger_url)):
        _check_place(service, url)
    before = service.choices.current()
    given = body.model_dump(exclude={"wait_s"})
    service.acts.note(actor.name, "reload", given, service.now_ms())
    choice = service.choices.choose(ModelChoice(number=0, **given))
    _log.info("reload actor=%s number=%d model=%s", actor.name, choice.number, choice.model_url)
    started_s = time.monotonic()
    workers = _await(service, choice.number, body.wait_s)
    failed = [row for row in workers if row.model_number == choice.number and row.error is not None]
    if failed:
        if before is not None:
            service.choices.choose(before)
        detail = f"{failed[0].worker_id}: {failed[0].error}; the model before stays in force"
        raise ProblemError(409, "model-unusable", detail, workers=[row.worker_id for row in failed])
    return Reloaded(
        number=choice.number,
        done=bool(workers) and all(row.model_number >= choice.number for row in workers),
        seconds=time.monotonic() - started_s,
        workers=[row.as_message() for row in workers],
    )


@router.post("/admin/halt")
def halt(body: HaltRequest, actor: Administrator, service: ServiceDep) -> ServiceState:
    """Take no orders and begin no jobs; what runs is finished, what waits stays."""
    _log.warning("halt actor=%s reason=%s", actor.name, body.reason)
    service.acts.note(actor.name, "halt", {"reason": body.reason}, service.now_ms())
    service.choices.halt(body.reason)
    service.fresh_halt.forget()
    service.queue.halt(body.reason)
    return _state(service)


@router.post("/admin/resume")
def resume(actor: Administrator, service: ServiceDep) -> ServiceState:
    """End a halt."""
    _log.warning("resume actor=%s", actor.name)
    service.acts.note(actor.name, "resume", {}, service.now_ms())
    service.choices.halt(None)
    service.fresh_halt.forget()
    service.queue.resume()
    return _state(service)


@router.put("/admin/cohorts")
def put_cohort(body: Cohort, actor: Administrator, service: ServiceDep) -> Cohort:
    """Publish a cohort's Frechet distance; the jobs of its model and category show it from now on."""
    _log.info("cohort actor=%s cohort=%s fvd=%g n=%d", actor.name, body.cohort_id, body.fvd, body.n)
    service.cohorts.publish(body, service.now_ms())
    service.fresh_cohorts.forget()
    return body


@router.get("/admin/acts")
def read_acts(
    actor: Administrator,  # noqa: ARG001 -- only administrators may read it
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Acts:
    """Halts and models that were put in force, after a number; for the audit log."""
    return Acts(acts=service.acts.after(after))


@router.get("/state", dependencies=[Depends(orderer)])
def read_state(service: ServiceDep) -> ServiceState:
    """The service at a glance."""
    return _state(service)


def _state(service: Service) -> ServiceState:
    depth, live = service.queue.depth(), service.live()
    return ServiceState(
        halted=service.choices.halted(),
        waiting=dict(depth.waiting),
        leased=depth.leased,
        delayed=depth.delayed,
        seconds_per_clip=seconds_per_clip(live),
        workers=[row.as_message() for row in live],
    )


def _check_place(service: Service, url: str) -> None:
    root = service.config.models_url.rstrip("/")
    clean = posixpath.normpath(url.replace("\\", "/")) if "://" not in url else url
    if ".." in url.split("/") or not clean.startswith(f"{root}/"):
        raise ProblemError(422, "forbidden-model", f"{url!r} is not under the service's models, {root}/")


def _await(service: Service, number: int, wait_s: float) -> list[WorkerRow]:
    """The live workers, when all follow the choice or time is up."""
    deadline_s = time.monotonic() + wait_s
    while True:
        live = service.live()
        if live and all(row.model_number >= number for row in live):
            return live
        if time.monotonic() >= deadline_s:
            return live
        time.sleep(_LOOK_S)
