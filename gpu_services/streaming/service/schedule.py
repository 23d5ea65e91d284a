"""Whose chunk is painted next, when its pictures are shown, who is let in. No clock, no sockets, no threads.

* A lane (one player) holds the frames of its next chunk and no more: a newer frame pushes out the oldest.
* A lane is ready when its chunk is full. Its deadline is when its last painted picture will have been shown;
  the playout slack is the time until then. A lane that has shown nothing is due at once.
* Ready lanes are painted earliest deadline first, together with others of the same chunk length, as many as
  the first one's slack allows.
* A chunk of one frame is shown when it is painted. One of several is spread over as many intervals of its
  sources, and begins a steady time after its last source came: the longest that painting took lately, so
  that a busy painter costs latency once and no gaps.
* A chunk misses its deadline when its player waits an interval longer than for a painter that takes no time:
  what comes late over the network is not the painter's fault.

Times are seconds of any one monotonic clock.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gpu_services.streaming.service.costs import AdmissionPolicy, CostModel

F = TypeVar("F")
_FORGETS = 0.1
_SHORTEST_S, _LONGEST_S = 1 / 120, 0.5
_CALMS = 0.995


@dataclass(kw_only=True)
class Lane(Generic[F]):
    """One player's place."""

    key: str
    opened_s: float
    chunk_frames: int
    waiting: deque[tuple[float, F]] = field(default_factory=deque)
    interval_s: float = 1 / 30
    last_push_s: float | None = None
    plays_until_s: float | None = None
    slack_s: float | None = None
    delay_s: float = 0.0
    painting: bool = False
    paused: bool = False

    @property
    def is_ready(self) -> bool:
        """A whole chunk waits and none is being painted."""
        return not (self.painting or self.paused) and len(self.waiting) >= self.chunk_frames

    @property
    def deadline_s(self) -> float:
        """When its next picture has to be there."""
        if self.plays_until_s is None:
            return self.waiting[0][0] if self.waiting else self.opened_s
        return self.plays_until_s


@dataclass(frozen=True, kw_only=True)
class Chunk(Generic[F]):
    """One lane's share of a batch.

    Attributes:
        key: The lane.
        frames: Oldest first.
        ready_s: When the last of them came.
        waited_s: How long the oldest waited.
        due_s: When a painted picture comes too late.
    """

    key: str
    frames: tuple[F, ...]
    ready_s: float
    waited_s: float
    due_s: float


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of a painted chunk.

    Attributes:
        play_s: When to show each picture.
        slack_s: Time left until it was due; negative: missed.
        is_first: There was no deadline, because nothing had been shown.
    """

    play_s: tuple[float, ...]
    slack_s: float
    is_first: bool

    @property
    def is_missed(self) -> bool:
        """The player saw a gap."""
        return not self.is_first and self.slack_s < 0


class FullError(Exception):
    """Nobody is let in now.

    Attributes:
        retry_after_s: When to ask again.
    """

    def __init__(self, why: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(why)


class Scheduler(Generic[F]):
    """See the module."""

    def __init__(self, *, max_batch: int, policy: AdmissionPolicy | None = None) -> None:
        self._max_batch = max_batch
        self._policy = policy or AdmissionPolicy()
        self._lanes: dict[str, Lane[F]] = {}
        self.costs = CostModel()

    def __len__(self) -> int:
        return len(self._lanes)

    def lanes(self) -> Iterable[Lane[F]]:
        """All lanes, oldest first."""
        return self._lanes.values()

    def load(self) -> float:
        """Share of the painter's time that the lanes take."""
        return sum(self._load_of(lane.chunk_frames, lane.interval_s) for lane in self._lanes.values())

    def admit(self, chunk_frames: int, now_s: float) -> None:
        """Check that one more lane has room.

        Args:
            chunk_frames: Of its chunks when it runs.
            now_s: Now.

        Raises:
            FullError: It has none.
        """
        policy = self._policy
        if len(self._lanes) >= policy.max_sessions:
            raise FullError(f"all {policy.max_sessions} places are taken", self._retry_after_s(now_s))
        load = self.load() + self._load_of(chunk_frames, 1 / policy.expected_fps)
        if self._lanes and load > policy.max_load:
            share = f"{load:.0%} of the painter's time, the limit is {policy.max_load:.0%}"
            raise FullError(f"with one more player they would take {share}", self._retry_after_s(now_s))

    def open(self, key: str, *, chunk_frames: int, now_s: float) -> None:
        """A new lane."""
        interval_s = 1 / self._policy.expected_fps
        self._lanes[key] = Lane(key=key, opened_s=now_s, chunk_frames=chunk_frames, interval_s=interval_s)

    def close(self, key: str) -> None:
        """The lane is gone, whatever of it is being painted."""
        self._lanes.pop(key, None)

    def push(self, key: str, frame: F, now_s: float) -> int:
        """A source frame came; returns how many older ones it pushed out."""
        lane = self._lanes[key]
        if lane.last_push_s is not None:
            seen_s = min(_LONGEST_S, max(_SHORTEST_S, now_s - lane.last_push_s))
            lane.interval_s += _FORGETS * (seen_s - lane.interval_s)
        lane.last_push_s = now_s
        lane.waiting.append((now_s, frame))
        return self._trim(lane)

    def next_batch(self, now_s: float) -> list[Chunk[F]]:
        """The chunks to paint now; none when no lane is ready."""
        ready = sorted((lane for lane in self._lanes.values() if lane.is_ready), key=lambda x: x.deadline_s)
        if not ready:
            return []
        first = ready[0]
        alike = [lane for lane in ready if lane.chunk_frames == first.chunk_frames]
        return [self._take(lane, now_s) for lane in alike[: self._batch_size(first, len(alike), now_s)]]

    def painted(self, chunk: Chunk[F], now_s: float, *, next_chunk_frames: int) -> Played | None:
        """A chunk is painted; None where its player has left."""
        lane = self._lanes.get(chunk.key)
        if lane is None:
            return None
        lane.painting = False
        lane.chunk_frames = next_chunk_frames
        self._trim(lane)
        is_first = lane.plays_until_s is None
        play_s = self._play_times(lane, chunk, now_s)
        lane.plays_until_s = play_s[-1] + lane.interval_s
        lane.slack_s = chunk.due_s - now_s
        return Played(play_s=play_s, slack_s=lane.slack_s, is_first=is_first)

    def pause(self, key: str) -> None:
        """Paint nothing for a lane until it is resumed."""
        self._lanes[key].paused = True

    def resume(self, key: str, *, chunk_frames: int) -> None:
        """Go on with chunks of this length."""
        lane = self._lanes[key]
        lane.paused, lane.chunk_frames = False, chunk_frames
        self._trim(lane)

    def flush(self, key: str) -> int:
        """Forget what waits and what was shown; returns how many frames waited."""
        lane = self._lanes[key]
        dropped = len(lane.waiting)
        lane.waiting.clear()
        lane.plays_until_s = None
        return dropped

    def least_slack_s(self) -> float | None:
        """The least playout slack of all lanes, each at its last chunk; None where nothing was painted."""
        return min((lane.slack_s for lane in self._lanes.values() if lane.slack_s is not None), default=None)

    def _take(self, lane: Lane[F], now_s: float) -> Chunk[F]:
        shown_until_s = lane.deadline_s
        taken = [lane.waiting.popleft() for _ in range(lane.chunk_frames)]
        lane.painting = True
        return Chunk(
            key=lane.key,
            frames=tuple(frame for _, frame in taken),
            ready_s=taken[-1][0],
            waited_s=now_s - taken[0][0],
            due_s=max(shown_until_s, taken[-1][0]) + lane.interval_s,
        )

    def _batch_size(self, first: Lane[F], available: int, now_s: float) -> int:
        """As many as do not make the first one late, if it can be in time at all."""
        allowed_s = max(first.deadline_s - now_s, self.costs.predict(first.chunk_frames, 1))
        size = min(available, self._max_batch)
        if first.deadline_s <= now_s:
            return size  # late already: what serves most players is best
        while size > 1 and self.costs.predict(first.chunk_frames, size) > allowed_s:
            size -= 1
        return size

    @staticmethod
    def _trim(lane: Lane[F]) -> int:
        dropped = max(0, len(lane.waiting) - lane.chunk_frames)
        for _ in range(dropped):
            lane.waiting.popleft()
        return dropped

    @staticmethod
    def _play_times(lane: Lane[F], chunk: Chunk[F], now_s: float) -> tuple[float, ...]:
        if len(chunk.frames) == 1:
            return (now_s,)
        lane.delay_s = max(now_s - chunk.ready_s, _CALMS * lane.delay_s)
        start_s = chunk.ready_s + lane.delay_s
        return tuple(start_s + k * lane.interval_s for k in range(len(chunk.frames)))

    def _load_of(self, chunk_frames: int, interval_s: float) -> float:
        return self.costs.share(chunk_frames) / (chunk_frames * interval_s)

    def _retry_after_s(self, now_s: float) -> float:
        oldest_s = min((lane.opened_s for lane in self._lanes.values()), default=now_s)
        return min(60.0, max(1.0, oldest_s + self._policy.session_s - now_s))
