"""One process: uvicorn around the app, a port that several processes may share, and a SIGTERM that drains."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from gpu_services.streaming.backend import Backend
from gpu_services.streaming.service.app import create_app
from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.settings import StreamSettings

_LOG = logging.getLogger(__name__)
_QUEUED_MESSAGES = 2
_ROUND_S = 1.0


class DrainingServer(uvicorn.Server):
    """The first signal drains: no new players, the ones inside may finish. The second ends at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: PaintingService,
        *,
        shares_port: bool,
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._service, self._shares_port, self._on_ready = service, shares_port, on_ready
        self._draining: asyncio.Task[None] | None = None
        self._guarding: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()
        if self._shares_port:
            self._guarding = asyncio.create_task(self._outlive_nobody(os.getppid()))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the event loop's signal handler."""
        if self._draining is None and not self.should_exit and sig == signal.SIGTERM:
            self._draining = asyncio.get_running_loop().create_task(self._drain())
        else:
            super().handle_exit(sig, frame)

    async def _outlive_nobody(self, supervisor: int) -> None:
        """A worker whose supervisor was killed drains and ends too."""
        while os.getppid() == supervisor:
            await asyncio.sleep(_ROUND_S)
        _LOG.error("event=supervisor-died pid=%d", supervisor)
        self.handle_exit(signal.SIGTERM, None)

    async def _drain(self) -> None:
        if self._shares_port:
            for server in self.servers:
                server.close()  # the port's other processes take the new players
        await self._service.drain()
        self.should_exit = True


def listening_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound socket.

    Raises:
        OSError: The port is taken, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    bound.set_inheritable(True)
    return bound


def serve(
    backend: Backend,
    settings: StreamSettings,
    bound: socket.socket,
    *,
    shares_port: bool = False,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal.

    Args:
        backend: Paints.
        settings: Of the service.
        bound: The port.
        shares_port: Other processes listen on it too.
        on_ready: Called when players may come.
    """
    service = PaintingService(backend, settings)
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws_max_size=settings.limits.message_bytes,
        ws_max_queue=_QUEUED_MESSAGES,
        timeout_graceful_shutdown=10,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = DrainingServer(config, service, shares_port=shares_port, on_ready=on_ready)
    server.run(sockets=[bound])
