"""Measuring how fast clips are made; spec and result."""

from typing import Literal

from pydantic import Field

from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus
from scalediff_contract.video_models import VideoPresetName


class BenchGenerationSpec(Declared):
    """Make clips and look at the clock.

    Attributes:
        kind: Tells specs apart.
        preset: Whose network and clip size; None: `proto64` on a GPU, `demo` on a CPU.
        batch: Clips made together; None: what the device is good for.
        steps: Denoising steps.
        guidance: Weight of the prompt; 1 computes only one half.
        runs: Batches that count, after one to warm up.
        output_url: Folder of the result.
    """

    kind: Literal["bench_generation"] = "bench_generation"
    preset: VideoPresetName | None = None
    batch: int | None = Field(default=None, ge=1)
    steps: int = Field(default=50, ge=1, le=1_000)
    guidance: float = Field(default=4.0, ge=0)
    runs: int = Field(default=5, ge=1)
    output_url: str


class BenchGenerationResult(Declared):
    """How fast clips were made, by one device that did nothing else.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        device: What it ran on.
        preset: Whose network; its weights were random, which speed does not depend on.
        frames: Of a clip.
        height_px: Of a clip.
        width_px: Of a clip.
        batch: Clips made together.
        steps: Denoising steps.
        guidance: Weight of the prompt.
        bf16: Whether it computed in bfloat16.
        runs: Batches that counted.
        mean_s: Seconds of denoising a clip.
        std_s: Standard deviation over runs, seconds a clip.
        per_step_ms: Of one denoising step of one clip.
        peak_memory_mb: Most memory of the GPU; None on a CPU.
        decode_s: Seconds to decode a clip; None where the codec is none, or one matrix product.
        seconds: Wall time of all.
    """

    kind: Literal["bench_generation"] = "bench_generation"
    status: JobStatus
    device: str
    preset: VideoPresetName
    frames: int
    height_px: int
    width_px: int
    batch: int
    steps: int
    guidance: float
    bf16: bool
    runs: int
    mean_s: float = Field(gt=0)
    std_s: float = Field(ge=0)
    per_step_ms: float = Field(gt=0)
    peak_memory_mb: float | None
    decode_s: float | None
    seconds: float

    @property
    def clip_s(self) -> float:
        """Seconds of the device that a clip takes."""
        return self.mean_s + (self.decode_s or 0.0)
