"""Fan-out over sessions: one task per session in a pool of worker processes.

A worker that dies (a decoder that crashes, the memory limit, a kill) or exceeds the time limit
costs its own task only: the task comes back as a `TaskFailure`, the pool replaces the worker and
goes on. What a task raises is broken code or broken infrastructure and also comes back as a
`TaskFailure`, so that one session never fails its hour.

The pool lives as long as the process, because starting a worker costs about as much as judging a
session. Workers come from a fork server: forking a threaded process is unsafe, and spawning
imports everything again for each worker.
"""

import atexit
import functools
import logging
import multiprocessing
import resource
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

from scalediff_contract.reasons import Reason

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TaskFailure(Generic[Item]):
    """A task that gave no result, with the reason to show."""

    item: Item
    reason: Reason
    detail: str


@dataclass(frozen=True, kw_only=True)
class WorkerPool:
    """A local pool of worker processes.

    Attributes:
        workers: Number of processes.
        task_timeout_s: Limit for one task.
        memory_limit_bytes: Address space of a worker; a decode bomb fails there, not on the host.
        preload: Modules that the fork server imports once.
    """

    workers: int
    task_timeout_s: float = 120.0
    memory_limit_bytes: int = 6 * 1024**3
    preload: tuple[str, ...] = ()

    def map(
        self, task: Callable[[Item], Result], items: Sequence[Item], *, label: str
    ) -> Iterator[Result | TaskFailure[Item]]:
        """Run `task(item)` for each item; yields one outcome per item, in the order of `items`.

        `task` and the items must be picklable. `label` names the work for progress listeners.
        """
        if not items:
            return
        pool = _pool(self)
        futures = [pool.schedule(task, args=(item,), timeout=self.task_timeout_s) for item in items]
        for done, (item, future) in enumerate(zip(items, futures, strict=True)):
            _notify(label, done, len(items))
            try:
                yield future.result()
            except FutureTimeoutError:
                yield TaskFailure(
                    item=item,
                    reason=Reason.WORKER_TIMED_OUT,
                    detail=f"the worker needed more than {self.task_timeout_s:g} s and was stopped; "
                    "run the hour again, or raise SCALEDIFF_TASK_TIMEOUT_S",
                )
            except (ProcessExpired, CancelledError) as error:
                yield TaskFailure(
                    item=item,
                    reason=Reason.WORKER_DIED,
                    detail=f"the worker process died ({error}); run the hour again",
                )
            except Exception as error:  # noqa: BLE001 - the edge of a process: any error is this task's row
                _LOG.error("task failed item=%r", item, exc_info=error)
                yield TaskFailure(item=item, reason=failure_reason(error), detail=str(error))
        _notify(label, len(items), len(items))


ProgressListener = Callable[[str, int, int], None]
_listeners: list[ProgressListener] = []


@contextmanager
def progress_to(listener: ProgressListener) -> Iterator[None]:
    """Call `listener(label, done, total)` as the maps of this process advance."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _notify(label: str, done: int, total: int) -> None:
    for listener in _listeners:
        listener(label, done, total)


def failure_reason(error: BaseException) -> Reason:
    """The reason code for an exception that came out of a task."""
    from resources.object_store import ObjectMissingError, StoreError

    if isinstance(error, ObjectMissingError):
        return Reason.OBJECT_MISSING
    if isinstance(error, StoreError):
        return Reason.STORE_FAILED
    return Reason.WORKER_DIED


def _limit_memory(memory_limit_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))


@functools.cache
def _pool(settings: WorkerPool) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(settings.preload))
    pool = ProcessPool(
        max_workers=settings.workers,
        initializer=_limit_memory,
        initargs=(settings.memory_limit_bytes,),
        context=context,
    )

    atexit.register(_stop, pool)
    return pool


def _stop(pool: Any) -> None:
    pool.stop()
    pool.join()
