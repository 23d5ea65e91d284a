"""What paints: one protocol for the diffusion model and for the painters that need no GPU.

The service owns queues, deadlines and sockets; a backend owns pictures and nothing else. All the state of
one player is the object that `open_session` returns, so that sessions cannot leak into each other. The
service calls one method at a time, all from one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PaintJob:
    """One session's next chunk.

    Attributes:
        state: What `open_session` returned.
        frames: `(T, H, W, 3) uint8` RGB of the backend's size; T is what `chunk_frames` said.
    """

    state: object
    frames: NDArray[np.uint8]


class Backend(Protocol):
    """A painter.

    Attributes:
        name: As the player is told it.
        width_px: Width of the pictures that it takes and gives.
        height_px: Their height.
    """

    name: str
    width_px: int
    height_px: int

    def open_session(self, prompt: str) -> object:
        """The state of a new player."""
        ...

    def chunk_frames(self, state: object) -> int:
        """How many frames the next chunk takes."""
        ...

    def set_prompt(self, state: object, prompt: str) -> None:
        """Paint otherwise, from the next chunk on."""
        ...

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        """Paint one chunk of each session, batched across sessions; shapes as they came."""
        ...

    def close_session(self, state: object) -> None:
        """Free what the state holds."""
        ...


@runtime_checkable
class Degradable(Protocol):
    """A backend that can paint cheaper when it falls behind.

    Attributes:
        quality_levels: What each level means, the best first, such as `("2 steps", "1 step")`.
    """

    quality_levels: tuple[str, ...]

    def set_quality(self, level: int) -> None:
        """Paint at a level from the next chunk on, for all sessions."""
        ...


class PassthroughBackend:
    """Gives back what it got: the transport alone, for tests and for measuring it."""

    name = "passthrough"

    def __init__(self, *, width_px: int = 640, height_px: int = 360) -> None:
        self.width_px, self.height_px = width_px, height_px

    def open_session(self, prompt: str) -> object:
        """A state that holds nothing; the prompt changes nothing."""
        del prompt
        return object()

    def chunk_frames(self, state: object) -> int:
        """Always one."""
        del state
        return 1

    def set_prompt(self, state: object, prompt: str) -> None:
        """Nothing is painted, so nothing is painted otherwise."""

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        """The frames as they came."""
        return [job.frames for job in jobs]

    def close_session(self, state: object) -> None:
        """There is nothing to free."""
