"""A real service in the test's own event loop, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
import numpy as np
import uvicorn
from numpy.typing import NDArray

from gpu_services.streaming.backend import Backend, PaintJob, PassthroughBackend
from gpu_services.streaming.service.app import create_app
from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.server import listening_socket
from gpu_services.streaming.service.settings import StreamSettings

SMALL = (320, 184)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running service."""

    service: PaintingService
    port: int

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/stream"

    @property
    def jpeg_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient() as http:
            return await http.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    async def emptied(self) -> bool:
        """Wait for the last session to end; whether it did."""
        for _ in range(200):
            if not self.service.sessions:
                return True
            await asyncio.sleep(0.02)
        return False

    async def metric(self, line_start: str) -> float:
        """The value of the first metric whose line starts so."""
        text = (await self.get("/metrics")).text
        found = [line for line in text.splitlines() if line.startswith(line_start)]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


@asynccontextmanager
async def running(
    backend: Backend | None = None, settings: StreamSettings | None = None
) -> AsyncIterator[Running]:
    """Serve while the block runs."""
    width, height = SMALL
    backend = backend or PassthroughBackend(width_px=width, height_px=height)
    settings = settings or StreamSettings()
    # A loaded machine is not a failure: who is let in by cost is tested on a turned clock (test_schedule).
    settings = replace(settings, admission=replace(settings.admission, max_load=1e9))
    service = PaintingService(backend, settings)
    bound = listening_socket("127.0.0.1", 0, shared=False)
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        ws_max_size=settings.limits.message_bytes,
        ws_max_queue=2,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([bound]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Running(service=service, port=bound.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        bound.close()


class FourFrameBackend:
    """A fake of a model's rhythm: one frame, then chunks of four; prompts tint; sessions are counted."""

    name = "four"

    def __init__(self) -> None:
        self.width_px, self.height_px = SMALL
        self.open = 0
        self.batches: list[int] = []
        self.fails = False

    def open_session(self, prompt: str) -> object:
        self.open += 1
        return {"prompt": prompt, "chunks": 0}

    def chunk_frames(self, state: object) -> int:
        assert isinstance(state, dict)
        return 4 if state["chunks"] else 1

    def set_prompt(self, state: object, prompt: str) -> None:
        assert isinstance(state, dict)
        state["prompt"] = prompt

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        if self.fails:
            raise RuntimeError("the fake fails as it was told")
        self.batches.append(len(jobs))
        return [self._paint(job) for job in jobs]

    def close_session(self, state: object) -> None:
        self.open -= 1

    def _paint(self, job: PaintJob) -> NDArray[np.uint8]:
        assert isinstance(job.state, dict)
        assert len(job.frames) == self.chunk_frames(job.state)
        job.state["chunks"] += 1
        painted = job.frames.copy()
        if "red" in job.state["prompt"]:
            painted[..., 0] = 255
        return painted
