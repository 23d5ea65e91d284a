"""Several processes paint as one: the first serves, the others do everything that it does.

Started by torchrun. The serving process announces each call before it makes it; the followers make the same
call on the same arguments, so that all meet in the transformer's sums. Announcements are small and go over
the host's network; frames go as tensors. The processes are parts of one program on a private network and
trust each other: an announcement is a pickle.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from gpu_services.errors import JobError
from gpu_services.streaming.backend import PaintJob
from gpu_services.streaming.engine.assembly import best_device, random_painter
from gpu_services.streaming.engine.config import EngineConfig
from gpu_services.streaming.engine.split import Split
from gpu_services.streaming.engine.weights import load_painter
from gpu_services.streaming.wan import WanBackend

_LOG = logging.getLogger(__name__)
_PATIENCE = dt.timedelta(days=365)
_STOP = "stop"


class Announcer:
    """Tells the followers what is done next."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group = group

    def tell(self, method: str, *arguments: Any) -> None:
        """Announce a call."""
        dist.broadcast_object_list([(method, arguments)], src=0, group=self._group)

    def send(self, frames: NDArray[np.uint8]) -> None:
        """Send a chunk's frames, whose shape was announced."""
        dist.broadcast(torch.from_numpy(np.ascontiguousarray(frames)), src=0, group=self._group)

    def hear(self) -> tuple[str, tuple[Any, ...]]:
        """Wait for the next announcement."""
        heard: list[Any] = [None]
        dist.broadcast_object_list(heard, src=0, group=self._group)
        method, arguments = heard[0]
        return method, arguments

    def receive(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Wait for a chunk's frames."""
        frames = torch.empty(shape, dtype=torch.uint8)
        dist.broadcast(frames, src=0, group=self._group)
        return frames.numpy()


class MirroredBackend:
    """The backend of the serving process; a session's state is its number."""

    def __init__(self, backend: WanBackend, announcer: Announcer) -> None:
        self._backend, self._announcer = backend, announcer
        self._sessions: dict[int, object] = {}
        self._opened = 0
        self.name = f"{backend.name} over {dist.get_world_size()} processes"
        self.width_px, self.height_px = backend.width_px, backend.height_px
        self.quality_levels = backend.quality_levels

    def open_session(self, prompt: str) -> object:
        """The number of a new player's session."""
        number, self._opened = self._opened, self._opened + 1
        self._announcer.tell("open", number, prompt)
        self._sessions[number] = self._backend.open_session(prompt)
        return number

    def chunk_frames(self, state: object) -> int:
        """1 for a stream's first chunk, then 4."""
        return self._backend.chunk_frames(self._sessions[_number(state)])

    def set_prompt(self, state: object, prompt: str) -> None:
        """Paint otherwise from the next chunk on."""
        self._announcer.tell("prompt", _number(state), prompt)
        self._backend.set_prompt(self._sessions[_number(state)], prompt)

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        """Paint one chunk of each session, all processes together."""
        numbers = [_number(job.state) for job in jobs]
        self._announcer.tell("paint", numbers, [job.frames.shape for job in jobs])
        for job in jobs:
            self._announcer.send(job.frames)
        states = [self._sessions[number] for number in numbers]
        pairs = zip(states, jobs, strict=True)
        return self._backend.paint([PaintJob(state=state, frames=job.frames) for state, job in pairs])

    def close_session(self, state: object) -> None:
        """Free the session everywhere."""
        self._announcer.tell("close", _number(state))
        self._backend.close_session(self._sessions.pop(_number(state)))

    def set_quality(self, level: int) -> None:
        """Take as many denoising steps as `quality_levels` says."""
        self._announcer.tell("quality", level)
        self._backend.set_quality(level)

    def stop(self) -> None:
        """Let the followers go; call it when the service ends."""
        self._announcer.tell(_STOP)


def _number(state: object) -> int:
    if not isinstance(state, int):
        raise TypeError(f"state is a {type(state).__name__}; give what open_session returned")
    return state


def follow(backend: WanBackend, announcer: Announcer) -> None:
    """Do what the serving process does until it stops."""
    sessions: dict[int, object] = {}
    while (call := announcer.hear())[0] != _STOP:
        method, arguments = call
        if method == "open":
            sessions[arguments[0]] = backend.open_session(arguments[1])
        elif method == "prompt":
            backend.set_prompt(sessions[arguments[0]], arguments[1])
        elif method == "close":
            backend.close_session(sessions.pop(arguments[0]))
        elif method == "quality":
            backend.set_quality(arguments[0])
        else:
            _paint(backend, sessions, announcer, *arguments)


def _paint(
    backend: WanBackend,
    sessions: dict[int, object],
    announcer: Announcer,
    numbers: list[int],
    shapes: list[tuple[int, ...]],
) -> None:
    chunks = [announcer.receive(shape) for shape in shapes]
    try:
        backend.paint([PaintJob(state=sessions[n], frames=f) for n, f in zip(numbers, chunks, strict=True)])
    except JobError as error:
        _LOG.warning("refused here as there: %s", error)


def lead(
    config: EngineConfig, weights: Path | None = None, device: torch.device | None = None
) -> MirroredBackend:
    """The backend of the first process, which serves. `stop` it at the end.

    Args:
        config: What to build.
        weights: Folder of published weights; None: random ones.
        device: Where to compute; None: the GPU of the local rank, or the CPU.

    Raises:
        CheckpointError: Weights are missing or wrong.
    """
    return MirroredBackend(*_joined(config, weights, device))


def paint_along(
    config: EngineConfig, weights: Path | None = None, device: torch.device | None = None
) -> None:
    """In every other process: do what the first does until it stops. Arguments and errors as for `lead`."""
    follow(*_joined(config, weights, device))


def _joined(
    config: EngineConfig, weights: Path | None, device: torch.device | None
) -> tuple[WanBackend, Announcer]:
    """This process's part of the model, and the way to tell the others."""
    if device is None:
        on_gpu = best_device().type == "cuda"
        device = torch.device("cuda", dist.get_node_local_rank()) if on_gpu else best_device()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    split = Split(rank=dist.get_rank(), parts=dist.get_world_size())
    if weights is None:
        backend = WanBackend(random_painter(config, device=device, split=split))
    else:
        backend = WanBackend(load_painter(config, weights, device=device, split=split))
    return backend, Announcer(dist.new_group(backend="gloo", timeout=_PATIENCE))
