"""The backend of a name. Only the chosen one is imported: `stylize` on a laptop loads no torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from gpu_services.errors import JobError
from gpu_services.streaming.backend import Backend, PassthroughBackend
from gpu_services.streaming.engine.config import PRESETS, EngineConfig, PresetName

BackendName = Literal["wan", "stylize", "passthrough"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
WAN_PRESETS: tuple[PresetName, ...] = tuple(PRESETS)


class BackendError(JobError):
    """A backend that cannot be used here."""


@dataclass(frozen=True, kw_only=True)
class BackendChoice:
    """Who paints, and how large.

    Attributes:
        name: Which.
        width_px: Width to paint at; None: the backend's own.
        height_px: Height to paint at.
        preset: Of wan: which architecture.
        weights: Of wan: folder of the published weights.
        random_weights: Of wan: paint noise at the true speed.
    """

    name: BackendName
    width_px: int | None = None
    height_px: int | None = None
    preset: PresetName = "wan-1.3b"
    weights: Path | None = None
    random_weights: bool = False


def processes() -> int:
    """How many processes paint as one: what torchrun started, else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def serves() -> bool:
    """Whether this process speaks with players: torchrun's first does, the others paint along."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def opened_backend(choice: BackendChoice) -> Iterator[Backend]:
    """A backend until the context ends, in the process that serves.

    Raises:
        JobError: It cannot run here; says what is missing and what helps.
    """
    if processes() == 1:
        yield open_backend(choice)
        return
    from gpu_services.streaming.mirror import lead

    backend = lead(*_model(choice))
    try:
        yield backend
    finally:
        backend.stop()


def paint_along(choice: BackendChoice) -> None:
    """Do what the serving process does until it stops.

    Raises:
        JobError: As for `opened_backend`.
    """
    from gpu_services.streaming import mirror

    mirror.paint_along(*_model(choice))


def _model(choice: BackendChoice) -> tuple[EngineConfig, Path | None]:
    from gpu_services.streaming.wan import wan_config, weights_of

    config = wan_config(choice.preset, width_px=choice.width_px, height_px=choice.height_px)
    return config, None if choice.random_weights else weights_of(choice.preset, choice.weights)


def open_backend(choice: BackendChoice) -> Backend:
    """Load a backend.

    Raises:
        JobError: It cannot run here; says what is missing and what helps.
    """
    if choice.name == "wan":
        return _wan(choice)
    width_px, height_px = choice.width_px or 640, choice.height_px or 360
    if choice.name == "passthrough":
        return PassthroughBackend(width_px=width_px, height_px=height_px)
    from gpu_services.streaming.stylize.painter import StylizeBackend

    return StylizeBackend(width_px=width_px, height_px=height_px)


def _wan(choice: BackendChoice) -> Backend:
    try:
        from gpu_services.streaming.wan import open_wan

        return open_wan(
            preset=choice.preset,
            weights=choice.weights,
            random_weights=choice.random_weights,
            width_px=choice.width_px,
            height_px=choice.height_px,
        )
    except ModuleNotFoundError as error:
        mend = "install scalediff[stream], or use --backend stylize"
        raise BackendError("backend wan", f"{error.name} is not installed", mend) from error
