"""How long clips take."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class GenerationTiming:
    """Repeated generation of the same number of clips.

    Attributes:
        mean_s: Seconds a clip.
        std_s: Standard deviation over runs, seconds a clip.
        per_step_ms: Milliseconds of one denoising step of one clip.
        peak_memory_mb: Most memory of the GPU; None on a CPU.
        clips: Of a run.
        runs: Measured, after one to warm up.
    """

    mean_s: float
    std_s: float
    per_step_ms: float
    peak_memory_mb: float | None
    clips: int
    runs: int

    @property
    def clips_per_hour(self) -> float:
        """Of one device that does nothing else."""
        return 3600.0 / self.mean_s


def benchmark_generation(
    generate: Callable[[], object], *, clips: int, steps: int, device: torch.device, runs: int = 5
) -> GenerationTiming:
    """Time a call that makes clips; the first one warms up and is not counted.

    Args:
        generate: Makes `clips` clips.
        clips: Of each call.
        steps: Denoising steps of each.
        device: Waited for at both ends of a run.
        runs: Calls that count.
    """
    generate()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = [_timed(generate, device) / clips for _ in range(runs)]
    mean_s = statistics.fmean(seconds)
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None
    return GenerationTiming(
        mean_s=mean_s,
        std_s=statistics.stdev(seconds) if runs > 1 else 0.0,
        per_step_ms=1000.0 * mean_s / steps,
        peak_memory_mb=peak,
        clips=clips,
        runs=runs,
    )


def _timed(generate: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began_s = time.perf_counter()
    generate()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began_s
