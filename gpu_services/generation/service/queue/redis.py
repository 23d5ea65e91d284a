"""The production queue: Redis, one sorted set with ageing, leases keyed by expiry, atomic scripts.

| key | holds |
|---|---|
| `{ns}:waiting` | sorted set of jobs by score |
| `{ns}:due` | sorted set of jobs that wait out a back-off, by its end |
| `{ns}:leases` | sorted set of leased jobs by expiry |
| `{ns}:entries` | hash job -> `score|priority|batch key` |
| `{ns}:fences` | hash leased job -> its token |
| `{ns}:fence`, `{ns}:halted` | the last token; why nobody may claim |
| `{ns}:counts` | hash priority -> waiting jobs |

`{ns}` is a hash tag, so that a cluster keeps all in one slot and the scripts stay atomic. Times are the
server's: no worker's clock counts. Keep its data by an append-only file synced every second; what is
lost all the same comes back from the jobs' table.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import redis

from gpu_services.generation.service.queue.interface import (
    BOOST_MS,
    LOOK_AHEAD,
    Claim,
    Depth,
    Entry,
    QueueUnavailableError,
)

_SCRIPTS = Path(__file__).with_name("scripts")
_TIMEOUT_S = 5.0
P = ParamSpec("P")
R = TypeVar("R")


def _guarded(method: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (
            redis.ConnectionError,
            redis.TimeoutError,
            redis.BusyLoadingError,
            redis.ReadOnlyError,
        ) as error:
            where = cast("RedisQueue", args[0]).where
            raise QueueUnavailableError(where, f"{type(error).__name__}: {error}") from error

    return guarded


class RedisQueue:
    """A `JobQueue` in Redis.

    Example:
        queue = RedisQueue("redis://queue.internal:6379/0")
    """

    def __init__(
        self, url: str, namespace: str = "scalediff:generation", clock_ms: Callable[[], int] | None = None
    ) -> None:
        parts = urlsplit(url)
        self.where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        self._clock_ms = clock_ms
        # No retries: a lost answer of a claim would lease a second batch; leases bring back the first.
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            decode_responses=True,
            retry=None,
        )
        names = ("waiting", "entries", "due", "counts", "leases", "fences", "fence", "halted")
        self._keys = {name: f"{{{namespace}}}:{name}" for name in names}
        self._scripts = {
            path.stem: self._redis.register_script(path.read_text()) for path in _SCRIPTS.glob("*.lua")
        }

    @_guarded
    def push(self, entries: Sequence[Entry]) -> int:
        """Add jobs; returns how many were new."""
        if not entries:
            return 0
        rows = [(each.job_id, each.score, each.priority, each.batch_key) for each in entries]
        arguments = [part for job, score, priority, batch in rows for part in (job, score, batch, priority)]
        return int(self._run("push", 4, arguments))

    @_guarded
    def claim(self, limit: int, lease_ms: int) -> list[Claim]:
        """Lease the next job and its companions."""
        found = self._run("claim", 8, [limit, lease_ms, LOOK_AHEAD, self._now()])
        return [
            Claim(job_id=job, fence=int(fence)) for job, fence in zip(found[::2], found[1::2], strict=True)
        ]

    @_guarded
    def renew(self, claims: Sequence[Claim], lease_ms: int) -> list[Claim]:
        """Extend leases."""
        held = set(self._settle("renew", lease_ms, claims))
        return [claim for claim in claims if claim.job_id in held]

    @_guarded
    def ack(self, claims: Sequence[Claim]) -> int:
        """Forget jobs that are done."""
        return len(self._settle("ack", 0, claims))

    @_guarded
    def requeue(self, claims: Sequence[Claim], delay_ms: int) -> int:
        """Give jobs back."""
        return len(self._settle("requeue", delay_ms, claims))

    @_guarded
    def remove(self, job_id: str) -> bool:
        """Take a waiting job out."""
        return bool(self._run("remove", 4, [job_id]))

    @_guarded
    def rank(self, job_id: str) -> int | None:
        """How many waiting jobs are before it; one that waits out a back-off stands at the end."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrank(self._keys["waiting"], job_id)
            pipe.zscore(self._keys["due"], job_id)
            pipe.zcard(self._keys["waiting"])
            place, due, waiting = pipe.execute()
        if place is not None:
            return int(place)
        return None if due is None else int(waiting)

    @_guarded
    def missing(self, job_ids: Sequence[str]) -> list[str]:
        """Those that the queue does not know."""
        if not job_ids:
            return []
        found = cast(list[Any], self._redis.hmget(self._keys["entries"], list(job_ids)))
        return [job_id for job_id, entry in zip(job_ids, found, strict=True) if entry is None]

    @_guarded
    def depth(self) -> Depth:
        """How full it is."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._keys["counts"])
            pipe.zcard(self._keys["leases"])
            pipe.zcard(self._keys["due"])
            counts, leased, delayed = pipe.execute()
        waiting = {name: int(counts.get(name, 0)) for name in BOOST_MS}
        return Depth(waiting=waiting, leased=int(leased), delayed=int(delayed))

    @_guarded
    def halt(self, reason: str) -> None:
        """Let nobody claim until `resume`."""
        self._redis.set(self._keys["halted"], reason)

    @_guarded
    def resume(self) -> None:
        """End a halt."""
        self._redis.delete(self._keys["halted"])

    @_guarded
    def halted(self) -> str | None:
        """Why it is halted."""
        found = self._redis.get(self._keys["halted"])
        return None if found is None else str(found)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _settle(self, what: str, ms: int, claims: Iterable[Claim]) -> list[str]:
        pairs = [part for claim in claims for part in (claim.job_id, claim.fence)]
        return cast(list[str], self._run("settle", 6, [what, ms, self._now(), *pairs])) if pairs else []

    def _now(self) -> int | str:
        return "" if self._clock_ms is None else self._clock_ms()

    def _run(self, script: str, keys: int, arguments: Sequence[Any]) -> Any:
        return self._scripts[script](keys=list(self._keys.values())[:keys], args=arguments)
