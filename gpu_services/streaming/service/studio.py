"""The painter's one thread and the loop that feeds it: frames of all players in, painted frames out.

Every call of the backend happens in that thread, in order, so a player who leaves in mid-chunk is closed
after the chunk. A prompt waits for the player's next chunk; nothing is dropped for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gpu_services.streaming.backend import Backend, Degradable, PaintJob
from gpu_services.streaming.service.instruments import Instruments
from gpu_services.streaming.service.ladder import Ladder
from gpu_services.streaming.service.pictures import Picture
from gpu_services.streaming.service.schedule import Chunk, FullError, Scheduler

_LOG = logging.getLogger(__name__)
_WARM_UP_CHUNKS = 4
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Painted:
    """One painted picture.

    Attributes:
        rgb: `(H, W, 3) uint8`, without a stamp.
        source: What it was painted from.
        out_id: Its number in the stream.
        painted_s: When it was painted.
        play_s: When to show it.
    """

    rgb: NDArray[np.uint8]
    source: Picture
    out_id: int
    painted_s: float
    play_s: float


@dataclass(kw_only=True)
class _Guest:
    state: object
    deliver: Callable[[Painted], None]
    fail: Callable[[], None]
    prompt: str | None = None
    first_in_s: float | None = None
    painted: int = 0
    in_work: int = 0
    wish: str = ""


class Studio:
    """See the module.

    Args:
        backend: Paints.
        scheduler: Decides what.
        instruments: Count it.
        clock_s: Monotonic seconds.
    """

    def __init__(
        self,
        backend: Backend,
        scheduler: Scheduler[Picture],
        instruments: Instruments,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backend, self.scheduler, self.clock_s = backend, scheduler, clock_s
        self._instruments = instruments
        self._guests: dict[str, _Guest] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="painter")
        self._wake = asyncio.Event()
        self._steady_frames = 1
        levels = backend.quality_levels if isinstance(backend, Degradable) else ("only",)
        self._ladder = Ladder(len(levels))
        self._loop_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Warm the backend up, measure a chunk, and begin to paint."""
        await self._in_thread(self._warm_up)
        self._loop_task = asyncio.create_task(self._run(), name="studio")

    async def stop(self) -> None:
        """Close all players and the thread."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        for key in list(self._guests):
            self.close(key)
        await self._in_thread(lambda: None)  # what was asked of the thread before is done
        self._thread.shutdown(wait=True)

    @property
    def is_running(self) -> bool:
        """It paints."""
        return self._loop_task is not None and not self._loop_task.done()

    def room(self) -> None:
        """Check that one more player would be let in.

        Raises:
            FullError: Not now.
        """
        self.scheduler.admit(self._steady_frames, self.clock_s())

    async def open(
        self, key: str, prompt: str, *, deliver: Callable[[Painted], None], fail: Callable[[], None]
    ) -> None:
        """Let a player in.

        Args:
            key: Name of the stream.
            prompt: How to paint at first.
            deliver: Called with every painted picture.
            fail: Called when the painter cannot go on with this player.

        Raises:
            FullError: There is no room.
        """
        self.room()
        self.scheduler.open(key, chunk_frames=self._steady_frames, now_s=self.clock_s())
        try:
            state, frames = await self._in_thread(lambda: self._open(prompt))
        except BaseException:
            self.scheduler.close(key)
            raise
        self._guests[key] = _Guest(state=state, deliver=deliver, fail=fail, wish=prompt)
        self.scheduler.resume(key, chunk_frames=frames)
        self._count()

    def push(self, key: str, picture: Picture) -> None:
        """A source picture came; a player who has left is ignored."""
        guest = self._guests.get(key)
        if guest is None:
            return
        if guest.first_in_s is None:
            guest.first_in_s = picture.in_s
        dropped = self.scheduler.push(key, picture, self.clock_s())
        self._instruments.frames_in.inc()
        self._instruments.frames_dropped.labels("inbox").inc(dropped)
        self._wake.set()

    def set_prompt(self, key: str, prompt: str) -> int:
        """Paint otherwise from the next chunk on; returns the first output frame that shows it."""
        guest = self._guests[key]
        guest.prompt = guest.wish = prompt
        return guest.painted + guest.in_work

    async def reset(self, key: str) -> None:
        """Drop what waits and begin anew with the player's last prompt."""
        guest, meters = self._guests[key], self._instruments
        self.scheduler.pause(key)
        frames = await self._in_thread(lambda: self._reopen(guest))
        if key in self._guests:
            meters.frames_dropped.labels("reset").inc(self.scheduler.flush(key))
            self.scheduler.resume(key, chunk_frames=frames)

    def close(self, key: str) -> None:
        """A player left; what is being painted for it is thrown away."""
        guest = self._guests.pop(key, None)
        self.scheduler.close(key)
        if guest is not None:
            self._thread.submit(self.backend.close_session, guest.state)
        self._count()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self.scheduler.next_batch(self.clock_s()):
                await self._paint_batch(batch)

    async def _paint_batch(self, batch: list[Chunk[Picture]]) -> None:
        guests = [self._guests[chunk.key] for chunk in batch]
        for guest, chunk in zip(guests, batch, strict=True):
            guest.in_work = len(chunk.frames)
        span = self._instruments.tracer.start_span(
            "chunk", attributes={"sessions": [chunk.key for chunk in batch], "backend": self.backend.name}
        )
        started_s = self.clock_s()
        try:
            with span:
                results = await self._in_thread(lambda: self._paint(guests, batch))
                span.set_attribute("frames", sum(len(chunk.frames) for chunk in batch))
                span.set_attribute("waited_s", max(chunk.waited_s for chunk in batch))
        except Exception:  # noqa: BLE001 - a painter may fail in any way; its players end, the rest go on
            _LOG.exception("event=paint-failed sessions=%s", ",".join(chunk.key for chunk in batch))
            for guest in guests:
                guest.fail()
            return
        spent_s = self.clock_s() - started_s
        self.scheduler.costs.observe(len(batch[0].frames), len(batch), spent_s)
        self._instruments.stage_s.labels("paint").observe(spent_s)
        for guest, chunk, (painted, frames_next) in zip(guests, batch, results, strict=True):
            self._hand_out(guest, chunk, painted, frames_next)
        self._count()

    def _hand_out(
        self, guest: _Guest, chunk: Chunk[Picture], painted: NDArray[np.uint8], frames_next: int
    ) -> None:
        now_s, meters = self.clock_s(), self._instruments
        played = self.scheduler.painted(chunk, now_s, next_chunk_frames=frames_next)
        if played is None:
            return
        meters.chunks.inc()
        meters.queue_age_s.observe(chunk.waited_s)
        meters.misses.inc(played.is_missed)
        if played.is_first and guest.first_in_s is not None and guest.painted == 0:
            meters.first_frame_s.observe(now_s - guest.first_in_s)
        for rgb, source, play_s in zip(painted, chunk.frames, played.play_s, strict=True):
            out_id, guest.painted = guest.painted, guest.painted + 1
            guest.deliver(Painted(rgb=rgb, source=source, out_id=out_id, painted_s=now_s, play_s=play_s))
        guest.in_work = 0
        if self._ladder.observe(is_late=played.is_missed, load=self.scheduler.load(), now_s=now_s):
            self._change_quality()

    def _change_quality(self) -> None:
        level = self._ladder.level
        self._instruments.quality_level.set(level)
        _LOG.warning("event=quality level=%d load=%.2f", level, self.scheduler.load())
        if isinstance(self.backend, Degradable):
            self._thread.submit(self.backend.set_quality, level)

    def _count(self) -> None:
        self._instruments.sessions.set(len(self._guests))

    # From here on in the painter's thread.

    def _open(self, prompt: str) -> tuple[object, int]:
        state = self.backend.open_session(prompt)
        return state, self.backend.chunk_frames(state)

    def _reopen(self, guest: _Guest) -> int:
        self.backend.close_session(guest.state)
        guest.prompt = None
        guest.state, frames = self._open(guest.wish)
        return frames

    def _paint(
        self, guests: Sequence[_Guest], batch: Sequence[Chunk[Picture]]
    ) -> list[tuple[NDArray[np.uint8], int]]:
        for guest in guests:
            self._apply_prompt(guest)
        jobs = [
            PaintJob(state=guest.state, frames=np.stack([picture.rgb for picture in chunk.frames]))
            for guest, chunk in zip(guests, batch, strict=True)
        ]
        painted = self.backend.paint(jobs)
        return [
            (result, self.backend.chunk_frames(guest.state))
            for result, guest in zip(painted, guests, strict=True)
        ]

    def _apply_prompt(self, guest: _Guest) -> None:
        prompt, guest.prompt = guest.prompt, None
        if prompt is not None:
            self.backend.set_prompt(guest.state, prompt)

    def _warm_up(self) -> None:
        state = self.backend.open_session("")
        for _ in range(_WARM_UP_CHUNKS):
            frames = self.backend.chunk_frames(state)
            blank = np.zeros((frames, self.backend.height_px, self.backend.width_px, 3), np.uint8)
            started_s = time.perf_counter()
            self.backend.paint([PaintJob(state=state, frames=blank)])
            spent_s = time.perf_counter() - started_s
        self.scheduler.costs.observe(frames, 1, spent_s)
        self._steady_frames = frames
        self.backend.close_session(state)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


__all__ = ["FullError", "Painted", "Studio"]
