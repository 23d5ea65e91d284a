"""All that the endpoints share: the studio, the gate, the players, and the way to the end."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Scope

from gpu_services.streaming.backend import Backend
from gpu_services.streaming.service.bitrates import set_bitrates
from gpu_services.streaming.service.gate import Gate
from gpu_services.streaming.service.instruments import Instruments
from gpu_services.streaming.service.pictures import Picture
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.schedule import FullError, Scheduler
from gpu_services.streaming.service.session import Session, Visitor
from gpu_services.streaming.service.settings import StreamSettings
from gpu_services.streaming.service.studio import Studio
from scalediff_contract.streaming import Readiness

_LOG = logging.getLogger(__name__)
_ROUND_S = 0.5
_NO_PLAYERS_SLACK_S = 1.0


class PaintingService:
    """One process's service.

    Args:
        backend: Paints.
        settings: Everything else.
    """

    def __init__(self, backend: Backend, settings: StreamSettings) -> None:
        self.settings, self.instruments = settings, Instruments()
        scheduler: Scheduler[Picture] = Scheduler(max_batch=settings.max_batch, policy=settings.admission)
        self.studio: Studio = Studio(backend, scheduler, self.instruments)
        self.gate = Gate(settings)
        self.sessions: dict[str, Session] = {}
        self.draining = False
        self._janitor: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()

    async def start(self) -> None:
        """Warm up and begin."""
        set_bitrates(self.settings.transport)
        await self.studio.start()
        self.instruments.sockets.set_function(lambda: self.gate.sockets)
        self.instruments.load.set_function(self.studio.scheduler.load)
        self.instruments.slack_s.set_function(self._least_slack_s)
        self._janitor = asyncio.create_task(self._watch(), name="janitor")
        _LOG.info("event=started backend=%s worker=%d", self.studio.backend.name, self.settings.worker)

    async def stop(self) -> None:
        """End what is left."""
        for session in self.sessions.values():
            session.end(_draining())
        if self._janitor is not None:
            self._janitor.cancel()
            await asyncio.gather(self._janitor, return_exceptions=True)
        await self.studio.stop()

    async def drain(self) -> None:
        """Let nobody in, let players finish, end those who do not."""
        self.draining = True
        _LOG.info("event=draining sessions=%d limit_s=%g", len(self.sessions), self.settings.drain_s)
        deadline_s = self.studio.clock_s() + self.settings.drain_s
        while self.sessions and self.studio.clock_s() < deadline_s:
            await asyncio.sleep(_ROUND_S / 5)
        for session in self.sessions.values():
            session.end(_draining())

    def visitor(self, scope: Scope, address: str) -> Visitor:
        """Who is there, if anybody may come in at all.

        Raises:
            RefusalError: Nobody may, or the token is wrong.
        """
        if self.draining:
            raise _draining()
        return self.gate.visitor(scope, address)

    @asynccontextmanager
    async def session(self, visitor: Visitor, prompt: str) -> AsyncIterator[Session]:
        """A stream while it lasts.

        Raises:
            RefusalError: There is no place for it.
        """
        if self.draining:
            raise _draining()
        with self.gate.stream(visitor):
            key = secrets.token_hex(8)
            session = Session(key, visitor, self.studio, self.settings.limits, self.instruments)
            try:
                await session.open(prompt)
            except FullError as error:
                raise RefusalError(
                    "full", str(error), status=503, retry_after_s=error.retry_after_s
                ) from error
            self.sessions[key] = session
            try:
                yield session
            finally:
                del self.sessions[key]
                session.close(session.ended.result().code if session.ended.done() else "client-left")

    def readiness(self) -> Readiness:
        """Whether another player would be let in."""
        return Readiness(
            ready=(reason := self._why_not()) is None,
            reason=reason,
            backend=self.studio.backend.name,
            sessions=len(self.sessions),
            draining=self.draining,
            worker=self.settings.worker,
        )

    def _why_not(self) -> str | None:
        if self.draining:
            return "draining"
        if not self.studio.is_running:
            return "the painter does not run"
        try:
            self.studio.room()
        except FullError as error:
            return str(error)
        return None

    def _least_slack_s(self) -> float:
        found = self.studio.scheduler.least_slack_s()
        return _NO_PLAYERS_SLACK_S if found is None else found

    async def _watch(self) -> None:
        """What ends by time; and the rate of pictures."""
        sent, at_s = 0.0, self.studio.clock_s()
        while True:
            await asyncio.sleep(_ROUND_S)
            for session in list(self.sessions.values()):
                session.check_time()
            now_s, total = self.studio.clock_s(), float(sum(s.sent for s in self.sessions.values()))
            self.instruments.fps.set(max(0.0, total - sent) / (now_s - at_s))
            sent, at_s = total, now_s


def _draining() -> RefusalError:
    detail = "this server ends; connect again and another takes over"
    return RefusalError("draining", detail, status=503, retry_after_s=1)
