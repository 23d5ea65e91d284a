"""What the gate costs: all measures and a verdict for clips at 64x64x8 and at 1280x720x40.

    python -m benchmarks.gate [--quick|--smoke] [--json]

CPU seconds of one core; the budgets are 25 ms and 2 s (facts/generation.md, section 6). The baseline of
the same run is the optical flow alone at full resolution, which is what the 320 px of the gate save.
"""

import argparse
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from benchmarks.measure import interleaved, report
from scoring.clips import measure_clip
from scoring.gate import judge_clip, load_gate_policy
from scoring.privacy import check_privacy

SMALL_BUDGET_S, LARGE_BUDGET_S = 0.025, 2.0
_SMALL_CLIPS = 20


def drifting_texture(frames: int, height_px: int, width_px: int) -> np.ndarray:
    """A clip `(T, H, W, 3) uint8` whose picture moves two pixels a frame, with detail at all sizes."""
    import cv2

    rng = np.random.default_rng(0)
    wide = width_px + 2 * frames
    picture = np.zeros((height_px, wide, 3), np.float32)
    for cells in (4, 16, 64):
        coarse = rng.random((cells, 2 * cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (wide, height_px), interpolation=cv2.INTER_CUBIC)
    levels = (picture / picture.max() * 255).clip(0, 255).astype(np.uint8)
    return np.stack([levels[:, 2 * t : 2 * t + width_px] for t in range(frames)])


def gate(clip: np.ndarray) -> object:
    """Measures and verdict, as the worker computes them."""
    return judge_clip(measure_clip(clip), load_gate_policy(), privacy=check_privacy(clip, None))


def full_flow(clip: np.ndarray) -> None:
    """The optical flow of all frames at full size."""
    import cv2

    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for before, after in pairwise(grays):
        flow.calc(after, before, None)  # type: ignore[call-overload]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", "--smoke", dest="quick", action="store_true", help="two rounds, short clips"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    import cv2

    cv2.setNumThreads(1)
    rounds, frames = (2, 8) if options.quick else (5, 40)
    small, large = drifting_texture(8, 64, 64), drifting_texture(frames, 720, 1280)
    work: dict[str, Callable[[], object]] = {
        "small": lambda: [gate(small) for _ in range(_SMALL_CLIPS)],
        "large": lambda: gate(large),
        "full_flow": lambda: full_flow(large),
    }
    gate(small)  # what is loaded once is not a clip's cost
    spent_s = interleaved(work, rounds=rounds)
    small_s = spent_s["small"] / _SMALL_CLIPS
    figures = {
        "ratio_flow_full_size_to_whole_gate": spent_s["full_flow"] / spent_s["large"],
        "small_64x64x8_ms": 1000 * small_s,
        "small_share_of_budget": small_s / SMALL_BUDGET_S,
        f"large_1280x720x{frames}_s": spent_s["large"],
        "large_share_of_budget": spent_s["large"] * 40 / frames / LARGE_BUDGET_S,
        "core_hours_for_10000_large_clips": spent_s["large"] * 40 / frames * 10_000 / 3600,
        "rounds": rounds,
    }
    report("the gate's cost, CPU time of one core", figures, as_json=options.json)


if __name__ == "__main__":
    main()
