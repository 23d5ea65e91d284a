"""Whether the service stands: `/healthz` (the process), `/readyz` (what it needs), `/metrics`."""

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from gpu_services.generation.service.queue import BOOST_MS, QueueUnavailableError
from gpu_services.generation.service.service import Service, ServiceDep
from scalediff_contract.generation import Health
from scalediff_contract.scenarios import load_catalogue
from scalediff_contract.web.guard import HEALTH

router = APIRouter(include_in_schema=False)
_WEEK_MS = 7 * 86_400_000
READY, METRICS = "/readyz", "/metrics"


@router.get(HEALTH)
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(READY)
def readyz(service: ServiceDep) -> JSONResponse:
    """Table and queue answer; without them this instance should get no requests."""
    problems = []
    try:
        service.jobs.counts()
    except sa.exc.OperationalError as error:
        problems.append(f"table: {type(error.orig).__name__}")
    try:
        service.queue.halted()
    except QueueUnavailableError as error:
        problems.append(str(error))
    health = Health(status="degraded" if problems else "ok", problems=problems)
    return JSONResponse(health.model_dump(), 503 if problems else 200)


@router.get(METRICS)
def metrics(service: ServiceDep) -> Response:
    """For Prometheus; the table's and the queue's gauges are read now."""
    _read_gauges(service)
    return Response(service.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _read_gauges(service: Service) -> None:
    gauge = service.metrics.gauge
    gauge("jobs", "Rows of the table", {(name,): n for name, n in service.jobs.counts().items()}, ("status",))
    gauge("workers", "Live workers", {(): len(service.live())})
    gauge("halted", "1 while halted", {(): 0.0 if service.choices.halted() is None else 1.0})
    week_ms = service.now_ms() - _WEEK_MS
    accepted = {**dict.fromkeys(load_catalogue().ids, 0), **service.jobs.accepted_since(week_ms)}
    by_category: dict[tuple[str, ...], float] = {(name,): float(count) for name, count in accepted.items()}
    gauge("accepted_7d", "Clips of a week that the gate passed", by_category, ("category",))
    cohorts: dict[tuple[str, ...], float] = {
        (each.model_version, each.category or "all", each.extractor): each.fvd
        for each in service.fresh_cohorts().values()
    }
    gauge("cohort_fvd", "Newest cohorts", cohorts, ("model", "category", "extractor"))
    try:
        depth = service.queue.depth()
    except QueueUnavailableError:
        gauge("queue_up", "Whether the queue answers", {(): 0.0})
        return
    gauge("queue_up", "Whether the queue answers", {(): 1.0})
    counts: dict[tuple[str, ...], float] = {("leased", ""): depth.leased, ("delayed", ""): depth.delayed}
    counts.update({("waiting", name): depth.waiting[name] for name in BOOST_MS})
    gauge("queue_depth", "Jobs in the queue", counts, ("state", "priority"))
