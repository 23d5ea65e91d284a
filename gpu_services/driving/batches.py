"""Batches from the memory map to the device, gathered ahead by one thread.

The gather is a memory copy outside Python's lock; with two batches ahead the loop waits for data less
than a hundredth of its time (benchmarks/driving.py).
"""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gpu_services.driving.frames import FrameStore
from gpu_services.driving.sampler import Rows, Sampler
from gpu_services.runtime import Runtime

_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class RawBatch:
    """Rows of a frame store on the device.

    Attributes:
        picture: `(B, H, W, 3) uint8`.
        command: `(B,) int64`, 0 to 3.
        speed_mps: `(B,)`.
        controls: `(B, 3)` steer, throttle, brake; NaN where not known.
        target_mps: `(B,)`; NaN where not known.
        aim_m: `(B, 2)`; NaN where not known.
    """

    picture: Tensor
    command: Tensor
    speed_mps: Tensor
    controls: Tensor
    target_mps: Tensor
    aim_m: Tensor


class Gatherer:
    """Gathers rows of a frame store."""

    def __init__(self, store: FrameStore, runtime: Runtime) -> None:
        self._frames = torch.from_numpy(store.frames)
        self._device = runtime.device
        index = store.index

        def columns(*names: str) -> Tensor:
            return torch.from_numpy(np.stack([index[name].to_numpy() for name in names], 1))

        self._command = torch.from_numpy(index["command"].to_numpy().astype(np.int64) - 1)
        self._speed = columns("speed_mps", "target_mps")
        self._controls, self._aim = columns("steer", "throttle", "brake"), columns("aim_x_m", "aim_y_m")

    def __call__(self, rows: Rows) -> RawBatch:
        """The rows, on the device."""
        chosen = torch.from_numpy(np.array(rows))
        picture = self._frames.index_select(0, chosen)
        if self._device.type == "cuda":
            picture = picture.pin_memory()
        speed = self._speed[chosen]
        parts = (
            picture,
            self._command[chosen],
            speed[:, 0],
            self._controls[chosen],
            speed[:, 1],
            self._aim[chosen],
        )
        moved = [part.to(self._device, non_blocking=True) for part in parts]
        return RawBatch(**dict(zip(RawBatch.__dataclass_fields__, moved, strict=True)))


class Batches:
    """The batches of steps `first` to `end`, in order; `waited_s` is what the loop lost to them."""

    def __init__(
        self, gather: Gatherer, sampler: Sampler, runtime: Runtime, *, batch: int, first: int, end: int
    ) -> None:
        self._gather, self._sampler, self._runtime = gather, sampler, runtime
        self._batch, self._first, self._end = batch, first, end
        self.waited_s = 0.0

    def __iter__(self) -> Iterator[tuple[int, RawBatch]]:
        steps = iter(range(self._first, self._end))
        with ThreadPoolExecutor(1, "batches") as pool:
            ahead: deque[tuple[int, Future[RawBatch]]] = deque()
            for step in steps:
                ahead.append((step, pool.submit(self._make, step)))
                if len(ahead) > _AHEAD:
                    yield self._next(ahead)
            while ahead:
                yield self._next(ahead)

    def _next(self, ahead: deque[tuple[int, Future[RawBatch]]]) -> tuple[int, RawBatch]:
        step, future = ahead.popleft()
        began_s = time.perf_counter()
        batch = future.result()
        self.waited_s += time.perf_counter() - began_s
        return step, batch

    def _make(self, step: int) -> RawBatch:
        runtime = self._runtime
        return self._gather(self._sampler.batch(step, self._batch, rank=runtime.rank, world=runtime.world))
