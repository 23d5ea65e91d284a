"""The generation service's queue and API: enqueues a second, claims, and answers at a steady rate.

    python -m benchmarks.queue [--json] [--quick] [--rounds N] [--rate N] [--redis]

Queue: single pushes into a queue of that many waiting jobs, then claims of up to eight with their
acknowledgements, on the embedded SQLite file and, with --redis, on a redis-server of its own on a
socket. The baseline is a bare INSERT and COMMIT into a SQLite file of the same settings.

API: `scalediff-generate --role api` on embedded files, asked at a steady rate whether or not it keeps up
(an open loop: a slow answer does not slow the next question), half orders, half looks at a job, after a
second of warming up. Latency counts from the moment the question was due. The baseline is `/healthz`
at the same rate. Client and server share the machine's cores.
"""

import argparse
import asyncio
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.measure import report
from gpu_services.generation.service.queue import Entry, JobQueue, open_queue, score_of

_BATCH, _LEASE_MS = 8, 60_000
_STARTUP_S = 60.0
_PROMPT = "dashcam view of tire debris in the lane during light rain on interstate"
_PRIORITIES = ("normal", "high", "batch", "normal", "safety_critical")


def entries(count: int) -> list[Entry]:
    """Jobs of mixed priorities."""
    now_ms = time.time_ns() // 1_000_000
    return [
        Entry(
            job_id=f"gen-2026-0101-{number:06d}",
            score=score_of(now_ms + number, _PRIORITIES[number % 5]),  # type: ignore[arg-type]
            batch_key="50/4",
            priority=_PRIORITIES[number % 5],  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


def timed(work: list[Callable[[], object]]) -> list[float]:
    """Seconds of each call."""
    spent = []
    for each in work:
        started_s = time.perf_counter()
        each()
        spent.append(time.perf_counter() - started_s)
    return spent


def percentile_ms(spent_s: list[float], percent: float) -> float:
    """Milliseconds that so many percent stay under."""
    ordered = sorted(spent_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def queue_round(queue: JobQueue, count: int) -> tuple[list[float], list[float]]:
    """Seconds of `count` pushes, and of the claims that empty the queue again."""
    pushes = timed([lambda each=each: queue.push([each]) for each in entries(count)])  # type: ignore[misc]
    claims: list[float] = []
    while True:
        started_s = time.perf_counter()
        found = queue.claim(_BATCH, _LEASE_MS)
        claims.append(time.perf_counter() - started_s)
        if not found:
            return pushes, claims
        queue.ack(found)


def bare_inserts(path: Path, count: int) -> list[float]:
    """The baseline: a row and a commit."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE rows (job TEXT PRIMARY KEY, score INTEGER)")
    rows = [(each.job_id, each.score) for each in entries(count)]
    spent = timed([lambda row=row: database.execute("INSERT INTO rows VALUES (?, ?)", row) for row in rows])  # type: ignore[misc]
    database.close()
    return spent


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """A redis-server on a socket, with an append-only file synced every second, as in production."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("no redis-server on this machine (Debian: apt-get install redis-server)")
    path = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--appendonly", "yes", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _await(path.exists)
            yield f"unix://{path}"
        finally:
            server.terminate()


def measure_queue(
    name: str, open_new: Callable[[int], JobQueue], count: int, rounds: int
) -> dict[str, float]:
    """Figures of one kind of queue; the first round only warms up."""
    found = []
    for number in range(rounds + 1):
        queue = open_new(number)
        found.append(queue_round(queue, count))
        queue.close()
    turns = found[1:]
    return {
        f"{name}_enqueues_per_s": statistics.median(len(pushes) / sum(pushes) for pushes, _ in turns),
        f"{name}_claim_p50_ms": statistics.median(percentile_ms(claims, 50) for _, claims in turns),
        f"{name}_claim_p99_ms": statistics.median(percentile_ms(claims, 99) for _, claims in turns),
    }


def measure_queues(folder: Path, count: int, rounds: int, *, with_redis: bool) -> dict[str, float]:
    """Figures of the queues, and of the baseline."""
    figures = measure_queue(
        "sqlite", lambda number: open_queue(f"sqlite:///{folder / f'queue{number}.db'}"), count, rounds
    )
    bare = [bare_inserts(folder / f"bare{number}.db", count) for number in range(rounds)]
    figures["baseline_inserts_per_s"] = statistics.median(len(spent) / sum(spent) for spent in bare)
    figures["sqlite_of_baseline"] = figures["sqlite_enqueues_per_s"] / figures["baseline_inserts_per_s"]
    if with_redis:
        with tempfile.TemporaryDirectory(prefix="redis") as name, redis_url(Path(name)) as url:
            redis = measure_queue("redis", lambda number: open_queue(f"{url}#{number}"), count, rounds)
        figures.update(redis)
    return figures


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The API's base URL and the headers of somebody who may order."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCALEDIFF_")}
    environment = {**kept, "SCALEDIFF_HOME": str(folder)}
    program = [sys.executable, "-m", "gpu_services.generation.service.cli"]
    command = [*program, "token", "benchmark"]
    token = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    command = [*program, "--role", "api", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _await(lambda: process.poll() is not None or _opens(port))
        yield f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}
    finally:
        process.terminate()
        process.wait()


async def steady(http: aiohttp.ClientSession, questions: list[tuple[str, str]], rate: float) -> list[float]:
    """Ask at a steady rate; seconds from each question's due time to its answer."""
    body = {"prompt": _PROMPT}
    spent: list[float] = []

    async def ask(method: str, path: str, due_s: float) -> None:
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        async with http.request(method, path, json=body if method == "POST" else None) as answer:
            await answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path} answered {answer.status}: {await answer.text()}")
        spent.append(time.perf_counter() - due_s)

    start_s = time.perf_counter()
    due = [(method, path, start_s + place / rate) for place, (method, path) in enumerate(questions)]
    await asyncio.gather(*(ask(*each) for each in due))
    return spent


async def ask_all(base_url: str, headers: dict[str, str], *, rate: float, seconds: float) -> dict[str, float]:
    """Figures of the API at a steady rate."""
    count = int(rate * seconds)
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(base_url, connector=connector, headers=headers) as http:
        async with http.post("/api/v1/generate", json={"prompt": _PROMPT}) as answer:
            job_id = (await answer.json())["job_id"]
        mixed = [("POST", "/api/v1/generate"), ("GET", f"/api/v1/jobs/{job_id}")]
        await steady(http, mixed * int(rate / 2), rate)
        health = await steady(http, [("GET", "/healthz")] * count, rate)
        asked = await steady(http, mixed * (count // 2), rate)
    return {
        "api_p50_ms": percentile_ms(asked, 50),
        "api_p99_ms": percentile_ms(asked, 99),
        "api_baseline_p50_ms": percentile_ms(health, 50),
        "api_baseline_p99_ms": percentile_ms(health, 99),
    }


def measure(*, quick: bool, rounds: int, rate: float, with_redis: bool) -> dict[str, Any]:
    """All figures."""
    count, seconds = (300, 1.0) if quick else (10_000, 10.0)
    with tempfile.TemporaryDirectory() as name:
        figures: dict[str, Any] = measure_queues(Path(name), count, rounds, with_redis=with_redis)
    turns = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name, server(Path(name)) as (base_url, headers):
            turns.append(asyncio.run(ask_all(base_url, headers, rate=rate, seconds=seconds)))
    for figure in turns[0]:
        figures[figure] = statistics.median(turn[figure] for turn in turns)
    return {**figures, "waiting": count, "api_requests_per_s": rate, "rounds": rounds}


def _opens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _await(ready: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _STARTUP_S
    while not ready():
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the server did not start in {_STARTUP_S:.0f} s")
        time.sleep(0.05)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="The generation service's queue and API.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", "--smoke", action="store_true", help="few jobs, one round")
    parser.add_argument("--rounds", type=int, help="rounds (default 5; 1 with --quick)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (default 200)")
    parser.add_argument("--redis", action="store_true", help="measure Redis, too")
    arguments = parser.parse_args()
    figures = measure(
        quick=arguments.quick,
        rounds=arguments.rounds or (1 if arguments.quick else 5),
        rate=arguments.rate,
        with_redis=arguments.redis,
    )
    report("queue", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
