"""Speed of the video models: clips an hour, steps a second, and what batching and DDIM are worth.

    python -m benchmarks.generation [--json] [--smoke] [--preset tiny|demo|proto64|prod720 ...]

On a GPU: proto64 (batch 64, 50 DDIM steps with guidance) and prod720 (one clip, latents 40 x 90 x 160 x 4;
the VAE apart). On a CPU: demo. --smoke (or --quick) measures tiny only, in seconds. Weights are random, since
speed does not depend on them; ratios are of one interleaved run.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks.measure import interleaved, report
from gpu_services.generation.codec import IdentityCodec, LatentCodec, latent_shape, make_codec
from gpu_services.generation.conditions import Vocabulary, drop_condition
from gpu_services.generation.diffusion import guided, null_tokens, sample_videos
from gpu_services.generation.learner import VideoLearner
from gpu_services.generation.model import VideoModel, make_network
from gpu_services.generation.schedule import cosine_noise_schedule
from gpu_services.generation.text import LabelConditioner
from gpu_services.generation.timing import benchmark_generation
from gpu_services.runtime import Runtime, start_runtime
from scalediff_contract.video_models import VIDEO_PRESETS, VideoPreset, VideoPresetName

WEEKLY_CLIPS = 10_000
GUIDANCE = 4.0
VOCABULARY = Vocabulary(terms=tuple(f"c{number}" for number in range(23)), categories=23, slots=4)
TOKENS = 77


def random_model(preset: VideoPreset, runtime: Runtime) -> VideoModel:
    """The preset's network with new weights; its codec is left out (see `autoencoder`)."""
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

    def __init__(self, model: VideoModel, runtime: Runtime, batch: int) -> None:
        self.model, self.runtime, self.batch = model, runtime, batch
        self.labels = conditions(model, batch, runtime.device)
        model.network.eval().requires_grad_(False)
        self.network: nn.Module = model.network
        if runtime.device.type == "cuda":
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
                guidance=GUIDANCE,
                sampler="ddpm" if sampler == "ddpm" else "ddim",
            )

    def guidance_calls(self) -> dict[str, Callable[[], object]]:
        """One guided prediction: both halves in one batch, and one after the other."""
        device = self.runtime.device
        noisy = torch.randn(self.batch, *self.model.latent_shape, device=device)
        times = torch.full((self.batch,), 100, device=device)
        dropped = torch.ones(self.batch, dtype=torch.bool, device=device)
        nothing = drop_condition(self.labels, dropped, null_tokens(self.model.network))

        def together() -> None:
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self.runtime.bf16):
                guided(self.network, noisy, times, self.labels, GUIDANCE, None)
            _wait(device)

        def apart() -> None:
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self.runtime.bf16):
                self.network(noisy, times, self.labels)
                self.network(noisy, times, nothing)
            _wait(device)

        return {"together": together, "apart": apart}


def sampling_figures(name: str, sampling: Sampling, *, steps: int, runs: int) -> dict[str, Any]:
    """Clips an hour, and the ratios."""
    device = sampling.runtime.device
    timing = benchmark_generation(
        lambda: sampling.draw(steps), clips=sampling.batch, steps=steps, device=device, runs=runs
    )
    calls = sampling.guidance_calls()
    for call in calls.values():
        call()
    spent = interleaved(calls, rounds=max(3, runs), clock=time.perf_counter)
    figures: dict[str, Any] = {
        f"{name}_clips_per_hour": timing.clips_per_hour,
        f"{name}_s_per_clip": timing.mean_s,
        f"{name}_std_s": timing.std_s,
        f"{name}_per_step_ms": timing.per_step_ms,
        f"{name}_batch": sampling.batch,
        f"{name}_steps": steps,
        f"{name}_devices_for_{WEEKLY_CLIPS}_a_week": timing.devices_for(WEEKLY_CLIPS),
        f"{name}_guidance_apart_over_together": spent["apart"] / spent["together"],
    }
    if timing.peak_memory_mb is not None:
        figures[f"{name}_peak_memory_mb"] = timing.peak_memory_mb
    return figures


def sampler_ratio(name: str, sampling: Sampling, steps: int) -> dict[str, Any]:
    """What DDPM with all steps costs over DDIM with a quarter of them."""
    device = sampling.runtime.device
    few, many = (
        benchmark_generation(
            lambda count=count, kind=kind: sampling.draw(count, kind),  # type: ignore[misc]
            clips=sampling.batch, steps=count, device=device, runs=1,
        )
        for count, kind in ((steps, "ddim"), (4 * steps, "ddpm"))
    )  # fmt: skip
    return {f"{name}_ddpm_{4 * steps}_over_ddim_{steps}": many.mean_s / few.mean_s}


def training_figures(
    name: str, preset: VideoPreset, runtime: Runtime, *, batch: int, steps: int
) -> dict[str, Any]:
    """Optimiser steps a second with clips that are there already."""
    model = random_model(preset, runtime)
    learner = VideoLearner(model, preset.recipe.model_copy(update={"batch": batch}), 10_000, runtime)
    latents = torch.randn(batch, *model.latent_shape, device=runtime.device)
    labels = conditions(model, batch, runtime.device)
    for number in range(3):
        learner.step(number, latents, labels)
    _wait(runtime.device)
    began_s = time.perf_counter()
    for number in range(steps):
        learner.step(number, latents, labels)
    _wait(runtime.device)
    rate = steps / (time.perf_counter() - began_s)
    return {
        f"{name}_train_steps_per_s_batch_{batch}": rate,
        f"{name}_train_clips_per_s_batch_{batch}": rate * batch,
    }


def autoencoder_figures(name: str, preset: VideoPreset, runtime: Runtime) -> dict[str, Any]:
    """Seconds to decode a clip picture by picture, and to encode one picture."""
    codec: LatentCodec = make_codec(preset.architecture, device=runtime.device)
    frames, channels, height, width = latent_shape(preset.spec, preset.architecture)
    latents = torch.randn(frames, channels, height, width, device=runtime.device)
    picture = torch.rand(1, 3, preset.spec.height_px, preset.spec.width_px, device=runtime.device)
    with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.bf16):
        decode, encode = (
            benchmark_generation(work, clips=1, steps=1, device=runtime.device, runs=3)
            for work in (lambda: codec.decode(latents), lambda: codec.encode(picture))
        )
    return {f"{name}_decode_s_per_clip": decode.mean_s, f"{name}_encode_s_per_picture": encode.mean_s}


def measure_preset(name: VideoPresetName, runtime: Runtime, *, smoke: bool) -> dict[str, Any]:
    """All figures of a preset, at sizes that its device can do."""
    preset, cuda = VIDEO_PRESETS[name], runtime.device.type == "cuda"
    heavy = name == "prod720"
    steps = 4 if smoke else 50 if cuda else 10
    batch = 1 if heavy else 64 if cuda else 2
    sampling = Sampling(random_model(preset, runtime), runtime, batch)
    figures = sampling_figures(name, sampling, steps=steps, runs=2 if smoke or heavy else 5)
    if not heavy:
        figures |= sampler_ratio(name, sampling, steps)
        for size in (8, 64) if cuda else (8,):
            count = 2 if smoke else 100 if cuda else 5
            figures |= training_figures(name, preset, runtime, batch=size, steps=count)
    del sampling
    if preset.architecture.codec == "autoencoder_kl":
        figures |= autoencoder_figures(name, preset, runtime)
    return figures


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--smoke", "--quick", action="store_true", help="the tiny preset only")
    parser.add_argument(
        "--preset", nargs="+", choices=tuple(VIDEO_PRESETS), help="instead of the device's own"
    )
    arguments = parser.parse_args()
    runtime = start_runtime("auto")
    cuda = runtime.device.type == "cuda"
    usual: list[VideoPresetName] = ["proto64", "prod720"] if cuda else ["demo"]
    names = arguments.preset or (["tiny"] if arguments.smoke else usual)
    figures: dict[str, Any] = {"device": runtime.name, "bf16": runtime.bf16}
    for name in names:
        figures |= measure_preset(name, runtime, smoke=arguments.smoke)
    if not cuda:
        figures["unmeasured"] = "the goals of proto64 and prod720 need a GPU"
    report("Video models: sampling and training", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
