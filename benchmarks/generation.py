"""Speed of the video models: clips an hour, steps a second, and what batching and DDIM are worth.

    python -m benchmarks.generation [--json] [--smoke] [--preset tiny|demo|proto64|prod720 ...]

On a GPU: proto64 (batch 64, 50 DDIM steps with guidance) and prod720 (one clip, latents 40 x 90 x 160 x 4;
the VAE apart). On a CPU: demo. --smoke (or --quick) measures tiny only, in seconds. Weights are random, since
speed does not depend on them; ratios are of one interleaved run.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.measure import interleaved, report
from gpu_services.generation.codec import LatentCodec, make_codec
from gpu_services.generation.conditions import drop_condition
from gpu_services.generation.diffusion import guided, null_tokens
from gpu_services.generation.learner import VideoLearner
from gpu_services.generation.speed import GUIDANCE, Sampling, conditions, decode_timing, random_model
from gpu_services.generation.timing import benchmark_generation
from gpu_services.runtime import Runtime, start_runtime
from scalediff_assets.synthetic_clips.capacity import gpus_needed
from scalediff_contract.video_models import VIDEO_PRESETS, VideoPreset, VideoPresetName

WEEKLY_CLIPS = 10_000


def guidance_calls(sampling: Sampling) -> dict[str, Callable[[], object]]:
    """One guided prediction: both halves in one batch, and one after the other."""
    device, bf16 = sampling.runtime.device, sampling.runtime.bf16
    noisy = torch.randn(sampling.batch, *sampling.model.latent_shape, device=device)
    times = torch.full((sampling.batch,), 100, device=device)
    dropped = torch.ones(sampling.batch, dtype=torch.bool, device=device)
    nothing = drop_condition(sampling.labels, dropped, null_tokens(sampling.model.network))

    def together() -> None:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            guided(sampling.network, noisy, times, sampling.labels, GUIDANCE, None)
        _wait(device)

    def apart() -> None:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            sampling.network(noisy, times, sampling.labels)
            sampling.network(noisy, times, nothing)
        _wait(device)

    return {"together": together, "apart": apart}


def sampling_figures(name: str, sampling: Sampling, *, steps: int, runs: int) -> dict[str, Any]:
    """Clips an hour, and the ratios."""
    device = sampling.runtime.device
    timing = benchmark_generation(
        lambda: sampling.draw(steps), clips=sampling.batch, steps=steps, device=device, runs=runs
    )
    calls = guidance_calls(sampling)
    for call in calls.values():
        call()
    spent = interleaved(calls, rounds=max(3, runs), clock=time.perf_counter)
    devices = gpus_needed(clips=WEEKLY_CLIPS, clip_gpu_s=timing.mean_s)
    figures: dict[str, Any] = {
        f"{name}_clips_per_hour": timing.clips_per_hour,
        f"{name}_s_per_clip": timing.mean_s,
        f"{name}_std_s": timing.std_s,
        f"{name}_per_step_ms": timing.per_step_ms,
        f"{name}_batch": sampling.batch,
        f"{name}_steps": steps,
        f"{name}_devices_for_{WEEKLY_CLIPS}_a_week": devices,
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
    picture = torch.rand(1, 3, preset.spec.height_px, preset.spec.width_px, device=runtime.device)
    with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.bf16):
        encode = benchmark_generation(
            lambda: codec.encode(picture), clips=1, steps=1, device=runtime.device, runs=3
        )
    decode = decode_timing(preset, runtime)
    return {f"{name}_decode_s_per_clip": decode.mean_s, f"{name}_encode_s_per_picture": encode.mean_s}


def measure_preset(name: VideoPresetName, runtime: Runtime, *, smoke: bool) -> dict[str, Any]:
    """All figures of a preset, at sizes that its device can do."""
    preset, cuda = VIDEO_PRESETS[name], runtime.device.type == "cuda"
    heavy = name == "prod720"
    steps = 4 if smoke else 50 if cuda else 10
    batch = 1 if heavy else 64 if cuda else 2
    sampling = Sampling(random_model(preset, runtime), runtime, batch, fused=True)
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
