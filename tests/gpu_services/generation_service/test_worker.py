"""The worker: clips from jobs, batches, failures, outages, switches of models."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gpu_services.errors import JobError
from gpu_services.generation.generator import ClipGenerator
from gpu_services.generation.service.choice import ModelChoice
from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.jobs import JobRow, Jobs, NewJob
from gpu_services.generation.service.queue import open_queue
from gpu_services.generation.service.regenerate import regenerate
from gpu_services.generation.service.store import DirectoryClips, StoreUnavailableError, clip_key, sidecar_key
from gpu_services.generation.service.worker import Worker
from scoring.arms import arm_of
from scoring.clips import ClipMeasures
from scoring.gate import judge_clip, load_gate_policy
from scoring.privacy import check_privacy
from tests.gpu_services.generation_service.conftest import PROMPT, SPEC, FakeGenerator

MakeWorker = Callable[..., Worker]


def new_job(**changes: Any) -> NewJob:
    given: dict[str, Any] = {
        "actor": "simulation-team", "idempotency_key": None, "request_sha256": "0", "prompt": PROMPT,
        "category": "tire_debris", "seed": None, "steps": 2, "guidance": 4.0, "conditioning_image_url": None,
        "conditioning_sha256": None, "priority": "normal", "callback_url": None, "tags": {},
    }  # fmt: skip
    return NewJob(**{**given, **changes})


def order(worker: Worker, *orders: NewJob) -> list[str]:
    """Put orders into table and queue, as the API does."""
    rows = [row for row in worker.places.jobs.add(orders, worker.now_ms()) if isinstance(row, JobRow)]
    worker.places.queue.push([row.entry for row in rows])
    return [row.job_id for row in rows]


def job(worker: Worker, job_id: str) -> JobRow:
    row = worker.places.jobs.get(job_id)
    assert row is not None
    return row


def test_an_order_becomes_a_film_with_its_provenance(make_test_worker: MakeWorker) -> None:
    worker = make_test_worker()
    (job_id,) = order(worker, new_job(seed=7, tags={"plan": "2026-W47"}))
    worker.run(until_empty=True)
    row = job(worker, job_id)
    assert (row.status, row.progress, row.attempts, row.model_version) == ("completed", 1.0, 1, "v1.0.0")
    key = str(row.content_key)
    with av.open(io.BytesIO(worker.places.store.get(clip_key(key))), "r") as film:
        stream = film.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        assert (stream.codec_context.name, float(stream.average_rate or 0)) == ("h264", 10.0)
    assert [picture.shape for picture in pictures] == [(16, 24, 3)] * 3
    sidecar = json.loads(worker.places.store.get(sidecar_key(key)))
    wanted = {
        "prompt": PROMPT, "seed": 7, "model_version": "v1.0.0", "training_release": "clips-1",
        "origin": "synthetic", "job_id": job_id, "frames_sha256": row.frames_sha256, "content_key": key,
    }  # fmt: skip
    assert {name: sidecar[name] for name in wanted} == wanted
    assert 0 < sidecar["scores"]["tcs_flow"] < 1
    policy = load_gate_policy()
    assert row.policy_hash == sidecar["policy_hash"] == policy.policy_hash
    verdict = judge_clip(
        ClipMeasures(
            frames=3,
            height_px=16,
            width_px=24,
            tcs=sidecar["scores"]["temporal_coherence"],
            **{name: value for name, value in sidecar["scores"].items() if name != "temporal_coherence"},
        ),
        policy,
        privacy=check_privacy(np.zeros((3, 16, 24, 3), np.uint8), None),
    )
    # Noise is no clip, and whoever judges again by the stored measures says the same.
    assert row.verdict == {
        "passed": False,
        "reasons": list(verdict.reasons),
        "policy_hash": policy.policy_hash,
    }
    assert {"prepare", "encode", "denoise", "decode", "gate", "h264", "store"} <= set(row.stage_s or {})


def test_compatible_jobs_are_computed_together(make_test_worker: MakeWorker) -> None:
    model = FakeGenerator()
    worker = make_test_worker({"one": model})
    order(worker, *(new_job(seed=seed, steps=2 + seed % 2) for seed in range(6)))
    worker.run(until_empty=True)
    assert model.calls == [[0, 2, 4], [1, 3, 5]]
    assert {row.batch_size for row in worker.places.jobs.forgotten(0, older_ms=0)} == set()
    assert worker.places.jobs.counts() == {"completed": 6}


def test_equal_orders_are_made_once(make_test_worker: MakeWorker) -> None:
    model = FakeGenerator()
    worker = make_test_worker({"one": model})
    (first,) = order(worker, new_job(seed=1))
    worker.run(until_empty=True)
    worker = make_test_worker({"one": model})
    (second,) = order(worker, new_job(seed=1))
    worker.run(until_empty=True)
    assert model.calls == [[1]]
    rows = [job(worker, each) for each in (first, second)]
    assert rows[0].content_key == rows[1].content_key
    assert [row.status for row in rows] == ["completed"] * 2


def test_a_poisonous_job_fails_alone_after_its_attempts(make_test_worker: MakeWorker) -> None:
    model = FakeGenerator(broken_seeds=frozenset({2}))
    worker = make_test_worker({"one": model})
    ids = order(worker, *(new_job(seed=seed) for seed in range(4)))
    worker.run(until_empty=True)
    rows = [job(worker, job_id) for job_id in ids]
    assert [row.status for row in rows] == ["completed", "completed", "failed", "completed"]
    assert rows[2].failure_reason == "attempts-exhausted"
    assert "kernel panic" in str(rows[2].failure_detail)
    assert [row.attempts for row in rows] == [2, 2, 3, 2]
    assert model.calls[0] == [0, 1, 2, 3]
    assert all(len(call) == 1 for call in model.calls[1:])


def test_what_the_model_cannot_do_fails_at_once_with_its_sentence(make_test_worker: MakeWorker) -> None:
    worker = make_test_worker({"one": FakeGenerator(refused_seeds=frozenset({5}))})
    (job_id,) = order(worker, new_job(seed=5))
    worker.run(until_empty=True)
    row = job(worker, job_id)
    assert (row.status, row.failure_reason, row.attempts) == ("failed", "cannot-generate", 1)
    assert row.failure_detail == "request: the model cannot do it; order another"


class DownStore(DirectoryClips):
    """A store of which so many writes fail."""

    failing: list[int] = []  # noqa: RUF012 -- shared with the test on purpose

    def put(self, key: str, content: bytes, content_type: str) -> None:
        if self.failing:
            self.failing.pop()
            raise StoreUnavailableError(key, "connection reset")
        super().put(key, content, content_type)


def with_store(worker: Worker, store: Any) -> Worker:
    worker.places = replace(worker.places, store=store)
    return worker


def test_a_short_outage_of_the_store_is_waited_out(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    model = FakeGenerator()
    store = DownStore(Path(config.store_url))
    store.failing[:] = [0, 0]
    worker = with_store(make_test_worker({"one": model}), store)
    (job_id,) = order(worker, new_job(seed=1))
    worker.run(until_empty=True)
    assert job(worker, job_id).status == "completed"
    assert model.calls == [[1]]


def test_a_long_outage_of_the_store_costs_no_attempt(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    store = DownStore(Path(config.store_url))
    store.failing[:] = [0] * 1_000
    worker = with_store(make_test_worker(), store)
    (job_id,) = order(worker, new_job(seed=1))
    with worker.held:
        worker.step()
        row = job(worker, job_id)
        assert (row.status, row.attempts) == ("queued", 0)
        assert "connection reset" in str(row.failure_detail)
        store.failing.clear()
        worker.step()
    assert job(worker, job_id).status == "completed"


def test_a_job_cancelled_while_it_runs_stays_cancelled(make_test_worker: MakeWorker) -> None:
    worker = make_test_worker()
    (job_id,) = order(worker, new_job())

    def cancel(point: str) -> None:
        if point == "generated":
            worker.places.jobs.cancel(job_id, worker.now_ms())

    worker.at = cancel
    worker.run(until_empty=True)
    assert job(worker, job_id).status == "cancelled"
    assert worker.places.queue.missing([job_id]) == [job_id]


def test_a_late_worker_cannot_close_a_job_that_another_has(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    # Frozen is the whole process: a beat between lease and claim would renew what has just run out.
    frozen = replace(config, worker=replace(config.worker, beat_s=3_600.0))
    late, other = make_test_worker(worker_id="late", config=frozen), make_test_worker(worker_id="other")
    (job_id,) = order(late, new_job(seed=3))
    fences: list[int] = []

    def overtake(point: str) -> None:
        if point == "generated":
            # The lease ran out while this worker was frozen; the other one is done already.
            fences.append(job(late, job_id).fence)
            with late.places.queue._writing() as database:  # type: ignore[attr-defined]
                database.execute("UPDATE entries SET lease_ms = 0")
            other.run(until_empty=True)

    late.at = overtake
    late.run(until_empty=True)
    row = job(late, job_id)
    assert (row.status, row.worker_id) == ("completed", "other")
    assert row.fence > fences[0]


def choose(worker: Worker, name: str, **members: Any) -> ModelChoice:
    root = str(worker.residents.choice.model_url).rpartition("/")[0] if worker.residents.choice else ""
    return worker.places.choices.choose(ModelChoice(number=0, model_url=f"{root}/{name}", **members))


def test_a_rollback_needs_no_load_and_drops_no_job(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    models = {"one": FakeGenerator(version="v1.0.0"), "two": FakeGenerator(version="v1.1.0")}
    worker = make_test_worker(models)
    loads: list[str] = []
    load = worker.residents._load

    def counted(url: str) -> ClipGenerator:
        loads.append(url)
        return load(url)

    worker.residents._load = counted
    ids = order(worker, *(new_job(seed=seed) for seed in range(3)))
    with worker.held:
        worker._follow()
        choose(worker, "two")
        worker._follow()
        choose(worker, "one", interrupt=True)
        worker._follow()
        assert [url[-3:] for url in loads] == ["one", "two"]
        while worker.step():
            pass
    assert {job(worker, job_id).model_version for job_id in ids} == {"v1.0.0"}


def test_the_first_clip_after_a_switch_is_made_alone(make_test_worker: MakeWorker) -> None:
    one, two = FakeGenerator(version="v1.0.0"), FakeGenerator(version="v1.1.0")
    worker = make_test_worker({"one": one, "two": two})
    ids = order(worker, *(new_job(seed=seed) for seed in range(6)))
    with worker.held:
        worker._follow()
        choose(worker, "two")
        worker.step()
        assert [job(worker, job_id).status for job_id in ids].count("completed") == 1
        while worker.step():
            pass
    assert {job(worker, job_id).model_version for job_id in ids} == {"v1.1.0"}


def test_a_rollback_interrupts_what_runs_and_the_old_model_makes_it(make_test_worker: MakeWorker) -> None:
    models = {"one": FakeGenerator(version="v1.0.0"), "two": FakeGenerator(version="v1.1.0")}
    worker = make_test_worker(models)
    (job_id,) = order(worker, new_job(seed=1))
    with worker.held:
        worker._follow()
        choose(worker, "two")

        def roll_back(point: str) -> None:
            if point == "generating" and worker.residents.choice and worker.residents.choice.number == 2:
                choose(worker, "one", interrupt=True)
                worker.held.interrupt.wait(10)

        worker.at = roll_back
        while worker.step():
            pass
    row = job(worker, job_id)
    assert (row.status, row.model_version, row.attempts) == ("completed", "v1.0.0", 1)


def test_a_corrupt_model_changes_nothing_but_the_report(make_test_worker: MakeWorker) -> None:
    worker = make_test_worker()
    (job_id,) = order(worker, new_job())
    with worker.held:
        worker._follow()
        choose(worker, "corrupt")
        worker.step()
    assert job(worker, job_id).model_version == "v1.0.0"
    (shown,) = worker.places.crew.live(0)
    assert "checkpoint.json is corrupt" in str(shown.error)
    assert shown.model_version == "v1.0.0"


def test_an_experiment_routes_by_the_hash_of_the_id(make_test_worker: MakeWorker) -> None:
    models = {"one": FakeGenerator(version="v1.0.0"), "two": FakeGenerator(version="v1.1.0")}
    worker = make_test_worker(models)
    ids = order(worker, *(new_job(seed=seed) for seed in range(12)))
    with worker.held:
        worker._follow()
        root = str(worker.residents.choice.model_url)[:-4] if worker.residents.choice else ""
        choose(worker, "one", challenger_url=f"{root}/two", challenger_share=0.4)
        while worker.step():
            pass
    made = {job_id: job(worker, job_id).model_version for job_id in ids}
    assert made == {each: "v1.1.0" if arm_of(each, 0.4) == "challenger" else "v1.0.0" for each in ids}
    assert set(made.values()) == {"v1.0.0", "v1.1.0"}


def test_a_draining_worker_finishes_its_batch_and_takes_no_more(make_test_worker: MakeWorker) -> None:
    worker = make_test_worker()
    ids = order(worker, *(new_job(seed=seed) for seed in range(8)))
    worker.at = lambda point: worker.drain() if point == "generated" else None
    worker.run()
    states = [job(worker, job_id).status for job_id in ids]
    assert states == ["completed"] * 4 + ["queued"] * 4
    assert worker.places.crew.live(0) == []
    assert worker.places.queue.depth().total_waiting == 4


def test_a_halt_stops_claims_and_outlives_a_queue_that_lost_everything(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    worker = make_test_worker()
    order(worker, new_job())
    worker.places.choices.halt("rejections at 25 %")
    worker.run(until_empty=True)  # reconciles first
    assert worker.places.jobs.counts() == {"queued": 1}
    assert worker.places.queue.halted() == "rejections at 25 %"


def test_orders_that_never_reached_the_queue_are_found_in_the_table(
    make_test_worker: MakeWorker, config: ServiceConfig
) -> None:
    worker = make_test_worker()
    minute_ms = 60_000
    worker.places.jobs.add([new_job(seed=1), new_job(seed=2)], worker.now_ms() - minute_ms)
    worker.run(until_empty=True)
    assert worker.places.jobs.counts() == {"completed": 2}


def test_a_clip_can_be_made_again_from_its_row(make_test_worker: MakeWorker, config: ServiceConfig) -> None:
    models = {"one": FakeGenerator()}
    worker = make_test_worker(models)
    (job_id,) = order(worker, new_job(seed=11))
    worker.run(until_empty=True)
    again = regenerate(config, job_id, lambda _url: FakeGenerator())
    assert again.identical
    with pytest.raises(JobError, match=r"v1\.0\.0 made it"):
        regenerate(config, job_id, lambda _url: FakeGenerator(version="v2.0.0"))

    class Other(FakeGenerator):
        """The same version with other pixels, as another processor has."""

        def _paint(self, request: Any) -> Any:
            return 255 - super()._paint(request)

    assert not regenerate(config, job_id, lambda _url: Other()).identical


def test_a_conditioning_image_is_the_first_frame(make_test_worker: MakeWorker) -> None:
    import cv2

    worker = make_test_worker()
    picture = np.full((32, 48, 3), (10, 200, 30), np.uint8)
    content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    worker.places.store.put("synthetic/conditioning/" + "a" * 64, content, "image/png")
    (job_id,) = order(worker, new_job(conditioning_sha256="a" * 64))
    worker.run(until_empty=True)
    with av.open(
        io.BytesIO(worker.places.store.get(clip_key(str(job(worker, job_id).content_key)))), "r"
    ) as film:
        first = next(film.decode(video=0)).to_ndarray(format="rgb24")
    assert first.shape == (SPEC.height_px, SPEC.width_px, 3)
    assert np.abs(first.astype(int).mean(axis=(0, 1)) - (10, 200, 30)).max() < 6


def test_an_outage_of_redis_in_mid_job_loses_nothing_and_makes_nothing_twice(
    make_test_worker: MakeWorker, config: ServiceConfig, redis_server: str, tmp_path: Path
) -> None:
    model = FakeGenerator()
    changed = replace(config, queue_url=f"{redis_server}#{tmp_path.name}")
    worker = make_test_worker({"one": model}, config=changed)
    (job_id,) = order(worker, new_job(seed=1))
    real = worker.places.queue
    dead = open_queue(f"unix://{tmp_path}/nobody.sock")

    def unplug(point: str) -> None:
        if point == "generating":
            worker.places = replace(worker.places, queue=dead)

    worker.at = unplug
    with worker.held:
        worker.step()
    assert job(worker, job_id).status == "completed"
    worker.places = replace(worker.places, queue=real)
    worker.at = lambda _point: None
    with real._redis.pipeline() as pipe:  # type: ignore[attr-defined]
        pipe.zadd(real._keys["leases"], {job_id: 0})  # type: ignore[attr-defined]
        pipe.execute()
    worker = make_test_worker({"one": model}, config=changed)
    worker.run(until_empty=True)
    assert model.calls == [[1]]
    assert real.missing([job_id]) == [job_id]


def test_every_order_taken_by_many_threads_has_its_own_id(config: ServiceConfig) -> None:
    database = Database(config.database_url)
    database.create()
    jobs, now_ms = Jobs(database), 1_795_276_800_000
    found: list[str] = []

    def add() -> None:
        for _ in range(5):
            found.extend(row.job_id for row in jobs.add([new_job()] * 3, now_ms) if isinstance(row, JobRow))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"gen-2026-1121-{number:06d}" for number in range(1, 61)]
    database.dispose()
