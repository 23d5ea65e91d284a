"""The jobs' table, on SQLite and on a real Postgres server: conditional changes, ids, settlements."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gpu_services.generation.service.callbacks import Deliveries
from gpu_services.generation.service.choice import Choices, ModelChoice
from gpu_services.generation.service.cohorts import Cohorts
from gpu_services.generation.service.crew import Crew, WorkerRow, seconds_per_clip
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.jobs import DayFullError, JobRow, Jobs, Made, OtherBodyError, Wanted
from gpu_services.generation.service.metrics import Metrics
from gpu_services.generation.service.schema import counters
from scalediff_contract.generation import Cohort
from tests.gpu_services.generation_service.test_worker import new_job

NOW_MS = 1_795_276_800_000
NUMBERS = itertools.count()
MADE = Made(
    content_key="0" * 32, model_version="v1.0.0", training_release=None, policy_hash="ab", arm="production",
    frames_sha256="cd", batch_size=1, scores={"tcs_flow": 0.9}, verdict={"passed": True, "reasons": []},
    stage_s={"denoise": 1.5},
)  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        found = Database(f"sqlite:///{tmp_path / 'jobs.db'}")
    else:
        server: str = request.getfixturevalue("postgres_url")
        name = f"generation_{next(NUMBERS)}"
        engine = Database(server).engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        found = Database(sa.make_url(server).set(database=name).render_as_string(hide_password=False))
    found.create()
    yield found
    found.dispose()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


def add(jobs: Jobs, *orders: Any) -> list[JobRow]:
    rows = jobs.add(orders or [new_job()], NOW_MS)
    assert all(isinstance(row, JobRow) for row in rows)
    return [row for row in rows if isinstance(row, JobRow)]


def begin(jobs: Jobs, job_id: str, fence: int) -> JobRow | None:
    return jobs.begin(job_id, fence=fence, worker_id="w", now_ms=NOW_MS, lease_ms=1_000)


def test_ids_count_up_through_the_day_and_begin_anew(jobs: Jobs) -> None:
    assert [row.job_id for row in add(jobs, new_job(), new_job())] == [
        "gen-2026-1121-000001", "gen-2026-1121-000002",
    ]  # fmt: skip
    assert add(jobs)[0].job_id == "gen-2026-1121-000003"
    (next_day,) = jobs.add([new_job()], NOW_MS + 86_400_000)
    assert isinstance(next_day, JobRow)
    assert next_day.job_id == "gen-2026-1122-000001"


def test_a_day_without_ids_left_takes_no_order_and_notes_none(database: Database, jobs: Jobs) -> None:
    add(jobs)
    with database.writing() as connection:
        connection.execute(counters.update().values(value=999_999))
    with pytest.raises(DayFullError, match="order the rest tomorrow"):
        jobs.add([new_job()], NOW_MS)
    assert len(jobs.find(Wanted())) == 1


def test_a_key_orders_once_also_within_one_plan(jobs: Jobs) -> None:
    order = new_job(idempotency_key="k", request_sha256="a")
    first, again = add(jobs, order, order)
    assert first.job_id == again.job_id
    (other,) = jobs.add([replace(order, request_sha256="b")], NOW_MS)
    assert isinstance(other, OtherBodyError)
    assert len(jobs.find(Wanted())) == 1


def test_a_job_goes_its_way_under_one_fence(jobs: Jobs) -> None:
    (row,) = add(jobs, new_job(callback_url="https://hooks.example.org/"))
    begun = begin(jobs, row.job_id, fence=10)
    assert begun is not None
    assert (begun.status, begun.attempts, begun.guidance) == ("running", 1, 4.0)
    assert begin(jobs, row.job_id, fence=10) is None
    assert jobs.beat({row.job_id: 10, "x": 1}, {row.job_id: 0.5}, NOW_MS + 9) == [row.job_id]
    assert begin(jobs, row.job_id, fence=11) is not None
    # The first claim is over now: whatever it still wants to do changes nothing.
    assert not jobs.intend(row.job_id, fence=10, content_key="k")
    assert not jobs.complete(row.job_id, fence=10, made=MADE, now_ms=NOW_MS)
    assert not jobs.fail(row.job_id, fence=10, reason="r", detail="d", now_ms=NOW_MS)
    assert not jobs.give_back(row.job_id, fence=10, counts=True, problem=None)
    assert jobs.beat({row.job_id: 10}, {}, NOW_MS) == []
    assert jobs.intend(row.job_id, fence=11, content_key="k")
    assert jobs.complete(row.job_id, fence=11, made=MADE, now_ms=NOW_MS)
    ended = jobs.get(row.job_id)
    assert ended is not None
    assert (ended.status, ended.scores) == ("completed", {"tcs_flow": 0.9})
    assert (ended.settled_no or 0) > 0
    assert jobs.cancel(row.job_id, NOW_MS) is None
    assert begin(jobs, row.job_id, fence=99) is None


def test_a_job_that_is_given_back_keeps_or_loses_its_attempt(jobs: Jobs) -> None:
    (row,) = add(jobs)
    for fence, counts, attempts in ((1, False, 0), (2, True, 1), (3, True, 2)):
        begin(jobs, row.job_id, fence)
        assert jobs.give_back(row.job_id, fence=fence, counts=counts, problem="store down")
        found = jobs.get(row.job_id)
        assert found is not None
        assert (found.status, found.attempts, found.failure_detail) == ("queued", attempts, "store down")


def test_what_should_be_in_the_queue_is_found(jobs: Jobs) -> None:
    waiting, running, lost, done = add(jobs, *[new_job(seed=n) for n in range(4)])
    for row, fence in ((running, 1), (lost, 2), (done, 3)):
        begin(jobs, row.job_id, fence)
    jobs.beat({running.job_id: 1}, {}, NOW_MS + 60_000)
    jobs.complete(done.job_id, fence=3, made=MADE, now_ms=NOW_MS)
    found = jobs.forgotten(NOW_MS + 10_000, older_ms=5_000)
    assert {row.job_id for row in found} == {waiting.job_id, lost.job_id}


def test_lists_go_by_tag_category_and_settlement(jobs: Jobs) -> None:
    rows = add(jobs, *[new_job(seed=n, tags={"plan": f"p{n % 2}"}, category=f"c{n % 3}") for n in range(6)])
    assert [row.seed for row in jobs.find(Wanted(tag=("plan", "p1")))] == [5, 3, 1]
    assert [row.seed for row in jobs.find(Wanted(category="c0"))] == [3, 0]
    for fence, row in enumerate(reversed(rows), start=1):
        begin(jobs, row.job_id, fence)
        jobs.complete(row.job_id, fence=fence, made=MADE, now_ms=NOW_MS)
    assert [row.seed for row in jobs.find(Wanted(settled_after=2, limit=3))] == [3, 2, 1]
    assert jobs.accepted_since(NOW_MS) == {"c0": 2, "c1": 2, "c2": 2}
    assert jobs.judge(rows[0].job_id, {"passed": False, "reasons": ["cut"], "policy_hash": "ab"})
    assert jobs.accepted_since(NOW_MS)["c0"] == 1
    assert jobs.accepted_since(NOW_MS + 1) == {}


def test_models_workers_cohorts_and_callbacks_are_rows(database: Database, jobs: Jobs) -> None:
    choices, crew = Choices(database), Crew(database)
    assert choices.current() is None
    first = choices.propose(ModelChoice(number=0, model_url="m/one"))
    assert choices.propose(ModelChoice(number=0, model_url="m/two")) == first
    assert choices.choose(ModelChoice(number=0, model_url="m/two")).number == 2
    choices.halt("why")
    assert choices.halted() == "why"
    row = WorkerRow(
        worker_id="w", state="busy", model_version="v1", model_number=1, error=None, clip_s=2.0, clips_done=3,
        seen_ms=NOW_MS,
    )  # fmt: skip
    crew.show(row)
    crew.show(replace(row, worker_id="x", clip_s=None))
    crew.show(replace(row, clips_done=4))
    assert [each.clips_done for each in crew.live(NOW_MS)] == [4, 3]
    assert seconds_per_clip(crew.live(NOW_MS)) == 2.0
    assert crew.live(NOW_MS + 1) == []
    cohorts = Cohorts(database)
    cohort = Cohort(cohort_id="a", model_version="v1", category=None, extractor="random3d-v1", n=9, fvd=1.0)
    cohorts.publish(cohort, NOW_MS)
    cohorts.publish(cohort.model_copy(update={"cohort_id": "b", "fvd": 2.0}), NOW_MS + 1)
    assert cohorts.newest()["v1", None].fvd == 2.0
    (job,) = add(jobs, new_job(callback_url="https://hooks.example.org/"))
    jobs.cancel(job.job_id, NOW_MS)
    told: list[str] = []
    deliveries = Deliveries(
        database, key=b"k", post=lambda url, _body, _headers: told.append(url) or 204,  # type: ignore[func-returns-value]
        body_of=lambda _job: b"{}", now_ms=lambda: NOW_MS, metrics=Metrics(),
    )  # fmt: skip
    assert [deliveries.deliver_due(), deliveries.deliver_due()] == [1, 0]
    deliveries.stop()
    assert told == ["https://hooks.example.org/"]
