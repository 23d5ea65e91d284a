"""Kill -9 at every point of a worker's way: no job is lost and no clip is made twice.

The workers are real processes, forked, that kill themselves at a named point of their second job.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.jobs import JobRow, Jobs, Wanted
from gpu_services.generation.service.queue import open_queue
from gpu_services.generation.service.starting import make_worker
from tests.gpu_services.generation_service.conftest import FakeGenerator
from tests.gpu_services.generation_service.test_worker import new_job

POINTS = (
    "claimed", "begun", "generating", "generated", "intended", "clip-written", "sidecar-written", "completed",
    "acknowledged",
)  # fmt: skip
FORK = multiprocessing.get_context("fork")
SHORT_LEASE_S = 0.2


class CountingGenerator(FakeGenerator):
    """A fake that notes in a file every clip that it has made."""

    def __init__(self, ledger: Path) -> None:
        super().__init__()
        self.ledger = ledger

    def generate(self, requests, report=None):  # type: ignore[no-untyped-def]
        frames = super().generate(requests, report)
        with self.ledger.open("a") as stream:
            stream.write("".join(f"{request.seed}\n" for request in requests))
        return frames


def work(config: ServiceConfig, ledger: Path, name: str, die_at: str | None) -> None:
    """Work until nothing is left; or die at the second passing of a point."""
    seen = 0

    def at(point: str) -> None:
        nonlocal seen
        seen += point == die_at
        if seen == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    worker = make_worker(
        config, worker_id=name, load=lambda _url: CountingGenerator(ledger), model_url="m/one", at=at
    )
    worker.run(until_empty=True)


def in_process(target: Callable[..., None], *arguments: object) -> int | None:
    process = FORK.Process(target=target, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("die_at", POINTS)
def test_a_killed_worker_loses_no_job_and_no_clip_is_made_twice(
    die_at: str, config: ServiceConfig, queue_url: str, tmp_path: Path
) -> None:
    limits = replace(config.worker, lease_s=SHORT_LEASE_S, batch=1)
    config = replace(config, queue_url=queue_url, worker=limits)
    database, queue, ledger = Database(config.database_url), open_queue(queue_url), tmp_path / "ledger"
    database.create()
    orders = [new_job(seed=seed, idempotency_key=f"order-{seed}") for seed in range(4)]
    rows = Jobs(database).add(orders, config.now_ms())
    queue.push([row.entry for row in rows if isinstance(row, JobRow)])
    database.dispose()
    queue.close()

    assert in_process(work, config, ledger, "first", die_at) == -signal.SIGKILL
    # The dead worker's lease has to run out first.
    waiting = open_queue(queue_url)
    while waiting.depth().leased or waiting.depth().total_waiting:
        assert in_process(work, config, ledger, "second", None) == 0
    waiting.close()

    found = Jobs(Database(config.database_url)).find(Wanted())
    assert [row.status for row in found] == ["completed"] * 4
    assert len({row.settled_no for row in found}) == 4
    made = [int(line) for line in ledger.read_text().split()]
    lost_with_the_process = 1 if die_at in ("generated", "intended", "clip-written") else 0
    assert len(made) == 4 + lost_with_the_process
    sidecars = [json.loads(path.read_text()) for path in Path(config.store_url).rglob("clip.json")]
    assert sorted(sidecar["seed"] for sidecar in sidecars) == [0, 1, 2, 3]
    assert len(list(Path(config.store_url).rglob("*.mp4"))) == 4
    Database(config.database_url).dispose()
