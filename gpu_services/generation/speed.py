"""How fast a preset makes clips: its network with random weights, since speed does not depend on them.

`bench_generation` is the job behind `scalediff bench-generation`; `python -m benchmarks.generation` compares
what batching, DDIM and compiling are worth with the same pieces.
"""

import time
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from gpu_services.generation.codec import IdentityCodec, LatentCodec, latent_shape, make_codec
from gpu_services.generation.conditions import Vocabulary
from gpu_services.generation.diffusion import sample_videos
from gpu_services.generation.model import VideoModel, make_network
from gpu_services.generation.schedule import cosine_noise_schedule
from gpu_services.generation.text import LabelConditioner
from gpu_services.generation.timing import GenerationTiming, benchmark_generation
from gpu_services.runtime import Runtime, start_runtime
from scalediff_contract.video_models import VIDEO_PRESETS, VideoPreset, VideoPresetName
from scalediff_contract.video_speed import BenchGenerationResult, BenchGenerationSpec

OnProgress = Callable[[str, int, int, str], None]
VOCABULARY = Vocabulary(terms=tuple(f"c{number}" for number in range(23)), categories=23, slots=4)
TOKENS = 77
GUIDANCE = 4.0
_DECODES = 3


def random_model(preset: VideoPreset, runtime: Runtime) -> VideoModel:
    """The preset's network with new weights; its codec is left out (see `decode_timing`)."""
    architecture = preset.architecture
    with torch.device(runtime.device):  # 1.31 B weights are made where they are needed
        network = make_network(architecture, preset.spec, len(VOCABULARY.terms))
    if architecture.text == "clip":
        null = torch.zeros(TOKENS, architecture.context_channels or 768, device=runtime.device)
        network.register_buffer("null_tokens", null, persistent=False)
    return VideoModel(
        spec=preset.spec,
        architecture=architecture,
        network=network.to(runtime.device),
        codec=IdentityCodec(),
        conditioner=LabelConditioner(VOCABULARY),
        schedule=cosine_noise_schedule(
            architecture.num_train_timesteps, prediction=architecture.prediction, clip_range=6.0
        ),
        vocabulary=VOCABULARY,
    )


def conditions(model: VideoModel, batch: int, device: torch.device) -> Tensor:
    """Labels or tokens of so many clips."""
    if model.architecture.text == "clip":
        return torch.randn(batch, TOKENS, model.architecture.context_channels or 768, device=device)
    return torch.randint(0, 23, (batch, VOCABULARY.slots), device=device)


class Sampling:
    """Draws batches of clips of one model."""

    def __init__(
        self, model: VideoModel, runtime: Runtime, batch: int, *, guidance: float = GUIDANCE, fused: bool
    ) -> None:
        """Take a model.

        Args:
            model: It.
            runtime: Where it lies.
            batch: Clips drawn together.
            guidance: Weight of the prompt.
            fused: Compile the network, on a GPU; workers do not.
        """
        self.model, self.runtime, self.batch, self.guidance = model, runtime, batch, guidance
        self.labels = conditions(model, batch, runtime.device)
        model.network.eval().requires_grad_(False)
        self.network: nn.Module = model.network
        if fused and runtime.device.type == "cuda":
            self.network = cast(nn.Module, torch.compile(model.network))

    def draw(self, steps: int, sampler: str = "ddim") -> Tensor:
        """One batch."""
        with torch.autocast(self.runtime.device.type, torch.bfloat16, enabled=self.runtime.bf16):
            return sample_videos(
                self.network,
                self.labels,
                self.model.schedule,
                shape=self.model.latent_shape,
                seeds=range(self.batch),
                steps=steps,
                guidance=self.guidance,
                sampler="ddpm" if sampler == "ddpm" else "ddim",
            )


def decode_timing(preset: VideoPreset, runtime: Runtime) -> GenerationTiming:
    """Of decoding a clip picture by picture."""
    codec: LatentCodec = make_codec(preset.architecture, device=runtime.device)
    latents = torch.randn(*latent_shape(preset.spec, preset.architecture), device=runtime.device)
    with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.bf16):
        return benchmark_generation(
            lambda: codec.decode(latents), clips=1, steps=1, device=runtime.device, runs=_DECODES
        )


def usual_batch(name: VideoPresetName, runtime: Runtime) -> int:
    """Clips that are made together."""
    return 64 if runtime.device.type == "cuda" and name != "prod720" else 1


def bench_generation(spec: BenchGenerationSpec, on_progress: OnProgress) -> BenchGenerationResult:
    """Make one batch to warm up and some that count.

    Raises:
        JobError: For a codec that is not there.
    """
    began_s, runtime = time.perf_counter(), start_runtime("auto")
    name: VideoPresetName = spec.preset or ("proto64" if runtime.device.type == "cuda" else "demo")
    preset = VIDEO_PRESETS[name]
    batch = spec.batch or usual_batch(name, runtime)
    sampling = Sampling(random_model(preset, runtime), runtime, batch, guidance=spec.guidance, fused=False)
    drawn = 0

    def draw() -> None:
        nonlocal drawn
        sampling.draw(spec.steps)
        drawn += 1
        on_progress("batches", drawn, spec.runs + 1, f"{name}, {batch} clips each")

    timing = benchmark_generation(draw, clips=batch, steps=spec.steps, device=runtime.device, runs=spec.runs)
    heavy = preset.architecture.codec == "autoencoder_kl"
    decode_s = decode_timing(preset, runtime).mean_s if heavy else None
    return BenchGenerationResult(
        status="finished", device=runtime.name, preset=name, batch=batch, bf16=runtime.bf16,
        frames=preset.spec.frames, height_px=preset.spec.height_px, width_px=preset.spec.width_px,
        steps=spec.steps, guidance=spec.guidance, runs=timing.runs, mean_s=timing.mean_s,
        std_s=timing.std_s, per_step_ms=timing.per_step_ms, peak_memory_mb=timing.peak_memory_mb,
        decode_s=decode_s, seconds=round(time.perf_counter() - began_s, 2),
    )  # fmt: skip
