"""Real-time diffusion: frames a second from bytes to bytes, deadlines of several players, the first frame.

    python -m benchmarks.streaming [--smoke] [--json] [--rounds N] [--sustain-s N] [--compile] [--graphs]

Wan 2.1 of the true 1.3B shape with random weights at 832x480: right for speed (dense work does not depend on
the numbers), silent on quality. Frames start and end as bytes on the host. Rounds take turns over all
settings; figures are medians. Every rate stands beside the ceiling that the same run's bare matrix product
allows. With STREAMDIFFUSIONV2_ROOT set to a checkout of that project, its own code runs in the same rounds
with random weights of the same shape. `--smoke` runs everything with the tiny model, on a CPU too.

Target per GPU of the H200 class: 100 fps at 2 steps with the tiny codec, 35 with the Wan VAE, 3 times
StreamDiffusionV2's default, 4 players at 24 fps for 5 minutes without a missed deadline, 100 ms to the first
frame.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.diffusion_work import FRAMES, ceiling_fps, chunk_tflop, forward_tflop
from benchmarks.measure import interleaved, report
from gpu_services.streaming.engine.assembly import best_device, random_painter
from gpu_services.streaming.engine.config import PRESETS, CodecName, EngineConfig
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.ring import begin_frame, empty_ring
from gpu_services.streaming.engine.session import Session

RIVAL_VARIABLE = "STREAMDIFFUSIONV2_ROOT"
PLAYER_FPS = 24
CODECS: tuple[CodecName, ...] = ("tiny", "wan")
Chunk = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    config: EngineConfig
    rounds: int
    chunks: int
    sessions: tuple[int, ...]
    sustain_s: float


def plan_of(given: argparse.Namespace) -> Plan:
    """What the command line asks for."""
    if given.smoke:
        config = replace(PRESETS["tiny"], width_px=32, height_px=32, window=2, sinks=1)
        return Plan(config=config, rounds=1, chunks=1, sessions=(1, 2), sustain_s=0.5)
    changes = {"compile_blocks": given.compile, "cuda_graphs": given.graphs}
    config = replace(PRESETS[given.preset], **changes)
    return Plan(
        config=config, rounds=given.rounds, chunks=50, sessions=(1, 2, 3, 4, 6), sustain_s=given.sustain_s
    )


class Stream:
    """Players whose next chunks are painted together, over and over, with full rings."""

    def __init__(self, painter: Painter, *, sessions: int, steps: int) -> None:
        self._painter, self._steps = painter, steps
        self._sessions = [painter.open(f"a street in style {i}", seed=i) for i in range(sessions)]
        self._chunks = [pictures(painter.config, seed=i) for i in range(sessions)]
        painter.paint(self._sessions, [chunk[:1] for chunk in self._chunks])
        for _ in range(painter.config.window):
            self()

    def __call__(self) -> None:
        """Paint one chunk of each."""
        self._painter.steps = self._steps
        self._painter.paint(self._sessions, self._chunks)


def pictures(config: EngineConfig, *, seed: int) -> Chunk:
    """Four frames."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (FRAMES, config.height_px, config.width_px, 3), dtype=np.uint8)


def repeated(work: Callable[[], object], times: int) -> Callable[[], None]:
    """The work so many times."""

    def run() -> None:
        for _ in range(times):
            work()

    return run


def medians(work: Mapping[str, Callable[[], object]], plan: Plan) -> dict[str, float]:
    """Seconds of one chunk of each."""
    batches = {name: repeated(one, plan.chunks) for name, one in work.items()}
    spent = interleaved(batches, rounds=plan.rounds, clock=clock)
    return {name: seconds / plan.chunks for name, seconds in spent.items()}


def clock() -> float:
    """Wall time when the device has done all that it was asked."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def bare_product_tflop_per_s(size: int, device: torch.device, dtype: torch.dtype) -> float:
    """The rate of one plain matrix product."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    began = clock()
    for _ in range(10):
        a @ b
    return 10 * 2 * size**3 / (clock() - began) / 1e12


def throughput(painters: Mapping[CodecName, Painter], plan: Plan, rate: float) -> dict[str, Any]:
    """One player: every codec and number of steps; StreamDiffusionV2 beside them, where it is given."""
    work: dict[str, Callable[[], object]] = {
        f"{codec}_{steps}_steps": Stream(painter, sessions=1, steps=steps)
        for codec, painter in painters.items()
        for steps in (1, 2, 4)
    }
    rivals = rival_streams(plan)
    spent = medians({**work, **rivals}, plan)
    figures: dict[str, Any] = {f"{name}_fps": FRAMES / seconds for name, seconds in spent.items()}
    if plan.config.preset != "tiny":  # its codecs are smaller than the published ones that are counted
        figures |= beside_the_ceiling(painters, spent, rate)
    for name in rivals:
        figures[f"tiny_2_steps_over_{name}"] = spent[name] / spent["tiny_2_steps"]
        figures[f"wan_2_steps_over_{name}"] = spent[name] / spent["wan_2_steps"]
    return figures


def beside_the_ceiling(
    painters: Mapping[CodecName, Painter], spent: Mapping[str, float], rate: float
) -> dict[str, Any]:
    """What the bare matrix product's rate would allow, and what part of it was reached."""
    figures = {}
    for codec, painter in painters.items():
        for steps in (1, 2, 4):
            name = f"{codec}_{steps}_steps"
            ceiling = ceiling_fps(painter.config, steps, tflop_per_s=rate)
            figures[f"{name}_ceiling_fps"] = ceiling
            figures[f"{name}_of_ceiling"] = FRAMES / spent[name] / ceiling
            figures[f"{name}_tflop_per_s"] = chunk_tflop(painter.config, steps) / spent[name]
    return figures


def rival_streams(plan: Plan) -> dict[str, Callable[[], object]]:
    """StreamDiffusionV2's own code, where a checkout of it is named."""
    root = os.environ.get(RIVAL_VARIABLE)
    if not root:
        return {}
    from benchmarks.streamdiffusionv2 import rival_streams as streams

    return streams(root, plan.config)


def batches(painters: Mapping[str, Painter], plan: Plan) -> dict[str, Any]:
    """Several players at once, 2 steps, the tiny codec: products apart, and folded into one."""
    work: dict[str, Callable[[], object]] = {
        f"{name}_{count}_players": Stream(painter, sessions=count, steps=2)
        for name, painter in painters.items()
        for count in plan.sessions
    }
    spent = medians(work, plan)
    counts = {f"{name}_{count}_players": count for name in painters for count in plan.sessions}
    return {f"{name}_fps": FRAMES * counts[name] / seconds for name, seconds in spent.items()}


def forward_rates(painters: Mapping[str, Painter], plan: Plan) -> dict[str, Any]:
    """The transformer alone, by number of players."""
    work: dict[str, Callable[[], object]] = {
        f"{name}_forward_{count}": bare_forward(painter, count)
        for name, painter in painters.items()
        for count in plan.sessions
    }
    spent = medians(work, plan)
    counts = {f"{name}_forward_{count}": count for name in painters for count in plan.sessions}
    tflop = forward_tflop(plan.config)
    return {f"{name}_tflop_per_s": counts[name] * tflop / seconds for name, seconds in spent.items()}


def bare_forward(painter: Painter, count: int) -> Callable[[], object]:
    """One forward over the full rings of so many players."""
    config, denoiser = painter.config, painter.denoiser
    rings = [
        empty_ring(config, heads=denoiser.heads, device=denoiser.device, dtype=denoiser.dtype)
        for _ in range(count)
    ]
    for ring in rings * config.window:
        begin_frame(ring, window=config.window, sinks=config.sinks)
    prompts = [painter.open("x").prompt_memory] * count
    shape = (count, config.network.latent_channels, 1, *config.latent_size)
    latents = torch.randn(shape, device=denoiser.device, dtype=denoiser.dtype)
    times = torch.full((count,), 700.0, device=denoiser.device)
    return torch.inference_mode()(lambda: denoiser.flow(rings, prompts, latents, times))


def folded_difference(apart: Painter, folded: Painter, plan: Plan) -> int:
    """Greatest difference, of 255, between a player painted alone and in a folded batch."""
    worst = 0
    alone = apart.open("mine")
    together = [folded.open("mine"), folded.open("theirs", seed=1)]
    for i in range(plan.config.window + 2):
        chunk = pictures(plan.config, seed=i)[: apart.chunk_frames(alone)]
        one = apart.paint([alone], [chunk])[0]
        other = folded.paint(together, [chunk, chunk])[0]
        worst = max(worst, int(np.abs(one.astype(int) - other).max()))
    return worst


def first_frame(painter: Painter, plan: Plan) -> dict[str, Any]:
    """From a warm engine and the first input frame to the first painted frame; the prompt is known."""
    chunk, spent = pictures(painter.config, seed=0)[:1], []
    for seed in range(max(5, plan.rounds)):
        began = clock()
        painter.paint([painter.open("known", seed=seed)], [chunk])
        spent.append(clock() - began)
    return {
        "first_frame_ms": statistics.median(spent[1:]) * 1000,
        "first_frame_worst_ms": max(spent[1:]) * 1000,
    }


def sustained(painter: Painter, plan: Plan, *, players: int) -> dict[str, Any]:
    """Players whose chunks come at 24 fps, spread evenly; a chunk is due when the next one is ready."""
    stream = [painter.open(f"player {i}", seed=i) for i in range(players)]
    chunks = [pictures(painter.config, seed=i) for i in range(players)]
    painter.paint(stream, [chunk[:1] for chunk in chunks])
    period = FRAMES / PLAYER_FPS
    began = time.perf_counter()
    ready = [began + period * (1 + i / players) for i in range(players)]
    late: list[float] = []
    while time.perf_counter() - began < plan.sustain_s:
        now = time.perf_counter()
        due = [i for i in range(players) if ready[i] <= now]
        if not due:
            time.sleep(max(0.0, min(ready) - now))
            continue
        painter.paint([stream[i] for i in due], [chunks[i] for i in due])
        done = time.perf_counter()
        for i in due:
            late.append(done - ready[i])
            ready[i] += period
    return deadline_figures(late, period, players)


def deadline_figures(taken: list[float], period: float, players: int) -> dict[str, Any]:
    """What became of the chunks, from the seconds that each took after it was ready."""
    ordered = sorted(taken)
    return {
        f"{players}_players_chunks": len(ordered),
        f"{players}_players_missed": sum(seconds > period for seconds in ordered),
        f"{players}_players_p50_ms": ordered[len(ordered) // 2] * 1000,
        f"{players}_players_p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
        "deadline_ms": period * 1000,
    }


def prompt_change(painter: Painter) -> dict[str, Any]:
    """Chunks until a new prompt shows, and what the first of them took."""
    streams: list[Session] = [painter.open("a quiet street") for _ in range(2)]
    chunk = pictures(painter.config, seed=0)
    painter.paint(streams, [chunk[:1]] * 2)
    painter.paint(streams, [chunk] * 2)
    began = clock()
    painter.set_prompt(streams[0], "a burning forest")
    for waited in range(1, 4):
        changed, same = painter.paint(streams, [chunk] * 2)
        if waited == 1:
            spent = clock() - began
        if not np.array_equal(changed, same):
            return {"prompt_change_chunks": waited, "prompt_change_ms": spent * 1000}
    raise RuntimeError("a new prompt did not show in 3 chunks")


def measure(plan: Plan) -> dict[str, Any]:
    """All figures."""
    device = best_device()
    config = plan.config
    apart = {codec: random_painter(replace(config, encoder=codec, decoder=codec)) for codec in CODECS}
    folded = random_painter(replace(config, fold_sessions=True))
    both = {"apart": apart["tiny"], "folded": folded}
    rate = bare_product_tflop_per_s(8192 if device.type == "cuda" else 256, device, folded.denoiser.dtype)
    figures: dict[str, Any] = {"device": device_name(device), "bare_product_tflop_per_s": rate}
    figures |= throughput(apart, plan, rate)
    figures |= batches(both, plan)
    figures |= forward_rates(both, plan)
    figures["folded_difference_of_255"] = folded_difference(apart["tiny"], folded, plan)
    figures |= first_frame(apart["tiny"], plan)
    figures |= prompt_change(apart["tiny"])
    figures |= sustained(folded, plan, players=4)
    if device.type == "cuda":
        figures["peak_memory_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return {**figures, "preset": config.preset, "size": f"{config.width_px}x{config.height_px}"}


def device_name(device: torch.device) -> str:
    """What computed."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smoke", "--quick", action="store_true", help="the tiny model, a few chunks")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--preset", choices=("wan-1.3b", "wan-14b"), default="wan-1.3b")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sustain-s", type=float, default=300.0)
    parser.add_argument("--compile", action="store_true", help="torch.compile the transformer's blocks")
    parser.add_argument("--graphs", action="store_true", help="replay CUDA graphs")
    given = parser.parse_args()
    if not given.smoke and best_device().type != "cuda":
        parser.error("no GPU is here; run it with --smoke")
    report("streaming diffusion", measure(plan_of(given)), as_json=given.json)


if __name__ == "__main__":
    main()
