"""One player's stream: what comes in, what goes out, when it ends and why. The same for every dialect."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from av import VideoFrame

from gpu_services.streaming.service.instruments import Instruments
from gpu_services.streaming.service.outbox import Outbox
from gpu_services.streaming.service.pictures import IdReader, Picture, prepared
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.settings import ClientLimits
from gpu_services.streaming.service.studio import Painted, Studio
from scalediff_contract.streaming import FrameRow

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who is there.

    Attributes:
        address: Whom the socket's peer stands for.
        wallet: Who the token names; None where nobody is asked.
    """

    address: str
    wallet: str | None


class Pace:
    """Lets so many pictures a second through; a few that the network delivers together pass."""

    _TOGETHER = 3

    def __init__(self, max_fps: float) -> None:
        self._interval_s = 1 / max_fps
        self._due_s = 0.0

    def takes(self, now_s: float) -> bool:
        """Whether a picture that comes now is looked at."""
        if now_s < self._due_s - self._TOGETHER * self._interval_s:
            return False
        self._due_s = max(self._due_s, now_s) + self._interval_s
        return True


class Session:
    """A stream from its admission to its end.

    Args:
        key: Its name.
        visitor: Whose it is.
        studio: Paints.
        limits: Of clients.
        instruments: Count.
    """

    def __init__(
        self,
        key: str,
        visitor: Visitor,
        studio: Studio,
        limits: ClientLimits,
        instruments: Instruments,
    ) -> None:
        self.key, self.visitor, self.studio, self._limits = key, visitor, studio, limits
        self._instruments = instruments
        self._clock_s: Callable[[], float] = studio.clock_s
        self._epoch_s = time.time() - self._clock_s()
        self.outbox = Outbox(self._clock_s)
        self._ids = IdReader()
        self._pace = Pace(limits.max_fps)
        self.started_s = self.heard_s = self._clock_s()
        self.first_painted = asyncio.Event()
        self.ended: asyncio.Future[RefusalError] = asyncio.get_running_loop().create_future()
        self.sent = 0

    async def open(self, prompt: str) -> None:
        """Take a place.

        Raises:
            FullError: There is none.
        """
        await self.studio.open(self.key, prompt, deliver=self._deliver, fail=self._fail)
        self._instruments.admitted.inc()
        _LOG.info("event=session-opened session=%s wallet=%s", self.key, self.visitor.wallet or "-")

    def close(self, reason: str) -> None:
        """Give the place back."""
        self.studio.close(self.key)
        self._instruments.ended.labels(reason).inc()
        _LOG.info(
            "event=session-closed session=%s reason=%s seconds=%.1f sent=%d",
            self.key,
            reason,
            self.seconds,
            self.sent,
        )

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock_s() - self.started_s

    def end(self, refusal: RefusalError) -> None:
        """Ask whoever holds the socket to end it; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(refusal)

    def check_time(self) -> None:
        """End it when it is too long or too silent."""
        limits, now_s = self._limits, self._clock_s()
        if now_s - self.started_s > limits.session_s:
            detail = f"a stream lasts {limits.session_s:g} s at most; connect again"
            self.end(RefusalError("time-limit", detail, status=408, retry_after_s=0))
        elif now_s - self.heard_s > limits.silent_s:
            detail = f"no picture came for {limits.silent_s:g} s; connect again when there are some"
            self.end(RefusalError("silent", detail, status=408))

    def wants(self) -> bool:
        """Whether a picture that comes now is worth decoding; counts the ones that are not."""
        now_s = self._clock_s()
        self.heard_s = now_s
        if self._pace.takes(now_s):
            return True
        self._instruments.frames_dropped.labels("rate").inc()
        return False

    def fits(self, width_px: int, height_px: int) -> bool:
        """Whether a picture of this size is taken; ends the stream where it is not."""
        limits = self._limits
        if 0 < width_px <= limits.max_width_px and 0 < height_px <= limits.max_height_px:
            return True
        limit = f"the largest picture is {limits.max_width_px}x{limits.max_height_px}"
        detail = f"a picture of {width_px}x{height_px} came; {limit}, send smaller ones"
        self.end(RefusalError("picture-too-large", detail, status=413))
        return False

    async def take(self, frame: VideoFrame, in_s: float) -> None:
        """A decoded source frame, to be painted unless its stamp is damaged."""
        if not self.fits(frame.width, frame.height):
            return
        started_s = self._clock_s()
        picture = await asyncio.get_running_loop().run_in_executor(None, self._prepare, frame, in_s)
        self._instruments.stage_s.labels("prepare").observe(self._clock_s() - started_s)
        if picture is None:
            self._instruments.frames_dropped.labels("damaged").inc()
            return
        self.studio.push(self.key, picture)

    def set_prompt(self, prompt: str) -> int:
        """Paint otherwise; the first output frame that shows it."""
        return self.studio.set_prompt(self.key, prompt)

    async def reset(self) -> None:
        """Begin anew."""
        await self.studio.reset(self.key)
        self.outbox.flush()

    def row_of(self, painted: Painted) -> FrameRow:
        """The record of a picture that is sent now."""
        out_s = self._clock_s()
        self.sent += 1
        self._instruments.frames_out.inc()
        self._instruments.glass_s.observe(out_s - painted.source.in_s)
        return FrameRow(
            in_id=painted.source.in_id,
            out_id=painted.out_id,
            t_in=self._epoch_ms(painted.source.in_s),
            t_gpu=self._epoch_ms(painted.painted_s),
            t_out=self._epoch_ms(out_s),
        )

    def _prepare(self, frame: VideoFrame, in_s: float) -> Picture | None:
        backend = self.studio.backend
        return prepared(frame, self._ids, width_px=backend.width_px, height_px=backend.height_px, in_s=in_s)

    def _deliver(self, painted: Painted) -> None:
        before = self.outbox.dropped
        self.outbox.put(painted)
        self._instruments.frames_dropped.labels("outbox").inc(self.outbox.dropped - before)
        self.first_painted.set()

    def _fail(self) -> None:
        self.end(RefusalError("painter-failed", "the painter failed; connect again", status=500))

    def _epoch_ms(self, at_s: float) -> float:
        return round((self._epoch_s + at_s) * 1000, 3)
