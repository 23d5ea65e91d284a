"""The worker pool: order, failures that cost one task only, limits, progress.

Workers import a task by its name, so the tasks here are callables of the standard library and of
the packages, never functions of this module.
"""

import functools
import math
import operator
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.compute import TaskFailure, WorkerPool, failure_reason, progress_to
from resources.object_store import ObjectMissingError, StoreUnavailableError, open_store
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import ObjectKey, parse_object_key

POOL = WorkerPool(workers=2, task_timeout_s=60)
GOOD_KEY = "wallet/session_1769925785747_z9mm6j.webm"


@pytest.fixture
def own_pool() -> Iterator[WorkerPool]:
    """A pool with one worker, so that the tasks after a failure meet the replaced worker."""
    yield WorkerPool(workers=1, task_timeout_s=61)


def test_results_come_in_the_order_of_the_items() -> None:
    naps_s = [0.3, 0.0, 0.2, 0.0, 0.1]
    got = list(POOL.map(functools.partial(operator.mul, 10), naps_s, label="x"))
    assert got == [3.0, 0.0, 2.0, 0.0, 1.0]
    slow_first = list(POOL.map(time.sleep, naps_s, label="x"))
    assert slow_first == [None] * 5


def test_no_items_start_no_pool() -> None:
    assert list(WorkerPool(workers=1_000_000).map(math.sqrt, [], label="x")) == []


def test_work_happens_in_other_processes() -> None:
    pids = set(POOL.map(eval, ["__import__('os').getpid()"] * 4, label="x"))
    assert os.getpid() not in pids


def test_a_task_that_raises_costs_only_itself() -> None:
    first, failure, last = POOL.map(math.sqrt, [4.0, -1.0, 9.0], label="x")
    assert (first, last) == (2.0, 3.0)
    assert isinstance(failure, TaskFailure)
    assert failure.item == -1.0
    assert failure.reason is Reason.WORKER_DIED
    assert failure.detail.startswith("ValueError: ")


def test_an_error_that_cannot_be_unpickled_does_not_break_the_pool() -> None:
    outcomes = list(POOL.map(parse_object_key, ["bad", GOOD_KEY, "bad", GOOD_KEY], label="x"))
    for failure in outcomes[::2]:
        assert isinstance(failure, TaskFailure)
        assert failure.detail.startswith("UnrecognisedKeyError: 'bad': ")
    assert all(isinstance(key, ObjectKey) for key in outcomes[1::2])
    assert list(POOL.map(math.sqrt, [4.0], label="x")) == [2.0]


def test_a_result_that_cannot_be_sent_back_costs_only_its_task() -> None:
    failure, answer = POOL.map(eval, ["lambda: 1", "2"], label="x")
    assert isinstance(failure, TaskFailure)
    assert "pickle" in failure.detail
    assert answer == 2


def test_an_error_without_a_message_still_says_what_it_was() -> None:
    (failure,) = POOL.map(eval, ["(_ for _ in ()).throw(MemoryError())"], label="x")
    assert isinstance(failure, TaskFailure)
    assert failure.detail == "MemoryError: "


def test_a_time_out_that_the_task_itself_raised_is_not_taken_for_the_limit() -> None:
    (failure,) = POOL.map(eval, ["(_ for _ in ()).throw(TimeoutError('the network'))"], label="x")
    assert isinstance(failure, TaskFailure)
    assert (failure.reason, failure.detail) == (Reason.WORKER_DIED, "TimeoutError: the network")


def test_store_errors_keep_their_reason_across_processes(tmp_path: Path) -> None:
    (failure,) = POOL.map(open_store(str(tmp_path)).get, ["gone.webm"], label="x")
    assert isinstance(failure, TaskFailure)
    assert failure.reason is Reason.OBJECT_MISSING
    assert "gone.webm" in failure.detail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ObjectMissingError("s", "k", "p"), Reason.OBJECT_MISSING),
        (StoreUnavailableError("s", "k", "p"), Reason.STORE_FAILED),
        (KeyError("k"), Reason.WORKER_DIED),
    ],
)
def test_the_reason_of_an_error(error: Exception, reason: Reason) -> None:
    assert failure_reason(error) is reason


def test_a_worker_that_dies_costs_only_its_own_task(own_pool: WorkerPool) -> None:
    kill = "__import__('os').kill(__import__('os').getpid(), 9)"
    leave = "__import__('os')._exit(3)"
    outcomes = list(own_pool.map(eval, ["1", kill, "2", leave, "3"], label="x"))
    assert outcomes[::2] == [1, 2, 3]
    for failure in outcomes[1::2]:
        assert isinstance(failure, TaskFailure)
        assert failure.reason is Reason.WORKER_DIED
        assert "run the hour again" in failure.detail


@pytest.mark.slow
def test_a_worker_killed_from_outside_costs_only_its_own_task(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    write = f"__import__('pathlib').Path({str(note)!r}).write_text(str(__import__('os').getpid()))"
    pool = WorkerPool(workers=2, task_timeout_s=62)
    outcomes = pool.map(eval, ["1", f"{write} and __import__('time').sleep(30)", "2", "3"], label="x")
    assert next(outcomes) == 1
    while not (note.exists() and note.read_text()):
        time.sleep(0.01)
    os.kill(int(note.read_text()), signal.SIGKILL)
    failure, *others = outcomes
    assert isinstance(failure, TaskFailure)
    assert failure.reason is Reason.WORKER_DIED
    assert others == [2, 3]


def test_a_task_over_the_time_limit_is_stopped_and_the_others_go_on() -> None:
    pool = WorkerPool(workers=1, task_timeout_s=1.0)
    start = time.monotonic()
    failure, after = pool.map(time.sleep, [60, 0], label="x")
    assert isinstance(failure, TaskFailure)
    assert failure.reason is Reason.WORKER_TIMED_OUT
    assert "more than 1 s" in failure.detail
    assert "SCALEDIFF_TASK_TIMEOUT_S" in failure.detail
    assert after is None
    assert time.monotonic() - start < 30


def test_a_memory_bomb_fails_in_its_worker() -> None:
    pool = WorkerPool(workers=1, task_timeout_s=60, memory_limit_bytes=1024**3)
    failure, after = pool.map(bytes, [8 * 1024**3, 2], label="x")
    assert isinstance(failure, TaskFailure)
    assert failure.detail.startswith("MemoryError")
    assert after == b"\x00\x00"


def test_progress_is_told_before_each_outcome_and_at_the_end() -> None:
    heard: list[tuple[str, int, int]] = []
    with progress_to(lambda label, done, total: heard.append((label, done, total))):
        list(POOL.map(math.sqrt, [1.0, -1.0, 4.0], label="judging"))
    assert heard == [("judging", done, 3) for done in range(4)]
    list(POOL.map(math.sqrt, [1.0], label="judging"))
    assert len(heard) == 4


def test_a_consumer_that_stops_early_stops_the_work(tmp_path: Path) -> None:
    touched = [tmp_path / str(number) for number in range(40)]
    tasks = [f"[__import__('time').sleep(0.2), open({str(path)!r}, 'w').close()]" for path in touched]
    outcomes = WorkerPool(workers=1, task_timeout_s=63).map(eval, tasks, label="x")
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    time.sleep(1.0)
    assert sum(path.exists() for path in touched) < 5


def test_a_pool_that_broke_is_replaced() -> None:
    from resources import compute

    pool = WorkerPool(workers=1, task_timeout_s=64)
    assert list(pool.map(math.sqrt, [4.0], label="x")) == [2.0]
    compute._stop(compute._pools[pool])
    assert list(pool.map(math.sqrt, [9.0], label="x")) == [3.0]
