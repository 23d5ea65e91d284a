"""Fan-out over sessions: one task per session in a pool of worker processes.

A worker that dies (a decoder that crashes, the memory limit, a kill) or exceeds the time limit
costs its own task only: the task comes back as a `TaskFailure`, the pool replaces the worker and
goes on. What a task raises is broken code or broken infrastructure and also comes back as a
`TaskFailure`, so that one session never fails its hour. Exceptions stay in the worker and only
their text comes back: one that cannot be unpickled would break the pool for all other tasks.

The pool lives as long as the process, because starting a worker costs about as much as judging a
session. Workers come from a fork server: forking a threaded process is unsafe, and spawning
imports everything again for each worker.
"""

import atexit
import logging
import multiprocessing
import resource
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
class _Raised:
    """What a task raised, as text."""

    reason: Reason
    detail: str
    trace: str


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

        `task`, the items and the results must be picklable. `label` names the work for progress
        listeners. Work starts at the first `next`; closing the iterator stops what is left of it.
        """
        if not items:
            return
        pool = _pool(self)
        guarded = partial(_guarded, task)
        futures = [pool.schedule(guarded, args=(item,), timeout=self.task_timeout_s) for item in items]
        try:
            for done, (item, future) in enumerate(zip(items, futures, strict=True)):
                notify(label, done, len(items))
                yield self._outcome(item, future)
            notify(label, len(items), len(items))
        finally:
            for future in futures:
                future.cancel()

    def _outcome(self, item: Item, future: Any) -> Any:
        try:
            found = future.result()
        except FutureTimeoutError:
            return TaskFailure(
                item=item,
                reason=Reason.WORKER_TIMED_OUT,
                detail=f"the worker needed more than {self.task_timeout_s:g} s and was stopped; "
                "run the hour again, or raise SCALEDIFF_TASK_TIMEOUT_S",
            )
        except (BrokenExecutor, CancelledError, ProcessExpired) as error:
            return TaskFailure(
                item=item,
                reason=Reason.WORKER_DIED,
                detail=f"the worker process died ({error}); run the hour again",
            )
        except Exception as error:  # noqa: BLE001 - the edge of a process: a result that cannot be sent
            return _failure(item, _raised(error))
        return _failure(item, found) if isinstance(found, _Raised) else found


def _guarded(task: Callable[[Item], Result], item: Item) -> Result | _Raised:
    """In the worker: a task's result, or the text of what it raised."""
    try:
        return task(item)
    except Exception as error:  # noqa: BLE001 - the edge of a process: any error is this task's row
        return _raised(error)


def _raised(error: Exception) -> _Raised:
    return _Raised(
        reason=failure_reason(error),
        detail=f"{type(error).__name__}: {error}",
        trace="".join(traceback.format_exception(error)),
    )


def _failure(item: Item, raised: _Raised) -> TaskFailure[Item]:
    _LOG.error("task failed item=%r reason=%s\n%s", item, raised.reason.value, raised.trace)
    return TaskFailure(item=item, reason=raised.reason, detail=raised.detail)


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


def notify(label: str, done: int, total: int) -> None:
    """Tell this process' progress listeners."""
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


_pools: dict[WorkerPool, Any] = {}
_pools_lock = threading.Lock()


def _pool(settings: WorkerPool) -> Any:
    """The process's pool of these settings; a new one where the last one broke."""
    with _pools_lock:
        pool = _pools.get(settings)
        if pool is None or not pool.active:
            pool = _pools[settings] = _start(settings)
        return pool


def _start(settings: WorkerPool) -> Any:
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
