"""Does a detector gain by generated clips? Real only against real and synthetic, at equal optimiser steps.

Prior gains vanished when the real-only baseline got the same steps (Dream4Drive, arXiv 2510.19195), so both
arms have them, and the same seeds. Generated pictures come without boxes: the real-only detector of
the same seed says them (self-training), which the result names.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from gpu_services.generation.boxed_pictures import BoxedPictures, draw_boxed_pictures
from gpu_services.generation.clips import Clips, open_clips
from gpu_services.generation.codec import to_pixels
from gpu_services.generation.detector import (
    MakeDetector,
    SmallDetector,
    average_precision,
    detect,
    detection_loss,
)
from gpu_services.generation.errors import ClipDataError
from gpu_services.generation.gains import Gain, gain_of, seeds_needed
from gpu_services.places import Place
from gpu_services.runtime import seed_step, start_runtime
from scalediff_contract.video_evaluation import DownstreamResult, DownstreamSpec

LABELS = "the real-only detector of the same seed, boxes over 0.5"
RESULT = "downstream.json"
_SURE = 0.5
_LR = 3e-3
OnProgress = Callable[[str, int, int, str], None]


def downstream_ap(
    spec: DownstreamSpec, on_progress: OnProgress, make_detector: MakeDetector = SmallDetector
) -> DownstreamResult:
    """Train both arms for every seed and compare.

    Raises:
        ClipDataError: For synthetic clips of another size than the pictures.
    """
    began_s = time.perf_counter()
    start_runtime("never")
    real = draw_boxed_pictures(spec.real_pictures, side_px=spec.side_px, seed=1, held_out=False)
    test = draw_boxed_pictures(spec.test_pictures, side_px=spec.side_px, seed=2, held_out=True)
    synthetic = _synthetic_pictures(spec)
    alone: list[float] = []
    mixed: list[float] = []
    for number, seed in enumerate(spec.seeds):
        on_progress("detectors", number, len(spec.seeds), f"seed {seed}")
        teacher = train_detector(spec, make_detector, seed, real, None)
        alone.append(_precision(teacher, test))
        student = train_detector(spec, make_detector, seed, real, _labelled(teacher, synthetic))
        mixed.append(_precision(student, test))
    on_progress("detectors", len(spec.seeds), len(spec.seeds), "")
    gain = gain_of(alone, mixed)
    result = DownstreamResult(
        status="finished",
        detector=SmallDetector.name,
        labels=LABELS,
        steps=spec.steps,
        seeds=spec.seeds,
        ap_real=tuple(alone),
        ap_mixed=tuple(mixed),
        gain=gain.mean,
        low=gain.low,
        high=gain.high,
        p_paired=gain.p_paired,
        p_welch=gain.p_welch,
        effect=gain.effect,
        seeds_for_80_power=seeds_needed(0.01, gain.spread),
        conclusion=conclusion(gain, len(spec.seeds)),
        seconds=round(time.perf_counter() - began_s, 2),
    )
    Place(spec.output_url).write(RESULT, result.model_dump_json(indent=1).encode())
    return result


def train_detector(
    spec: DownstreamSpec,
    make_detector: MakeDetector,
    seed: int,
    real: BoxedPictures,
    extra: BoxedPictures | None,
) -> torch.nn.Module:
    """One training; a batch with extra pictures has as many pictures as one without."""
    seed_step(seed, -1)
    detector = make_detector()
    optimiser = torch.optim.Adam(detector.parameters(), lr=_LR)
    added = 0 if extra is None else round(spec.batch * spec.synthetic_share)
    rng = np.random.default_rng(seed)
    detector.train()
    for _ in range(spec.steps):
        pictures, boxes = _some(real, spec.batch - added, rng)
        if extra is not None and added:
            more, their_boxes = _some(extra, added, rng)
            pictures, boxes = np.concatenate([pictures, more]), boxes + their_boxes
        loss = detection_loss(detector(to_pixels(pictures)), boxes)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return detector


def conclusion(gain: Gain, seeds: int) -> str:
    """What the interval allows to say."""
    points = (
        f"{100 * gain.mean:+.1f} points (95 % {100 * gain.low:+.1f} to {100 * gain.high:+.1f}, {seeds} seeds)"
    )
    if gain.low > 0:
        return f"synthetic pictures help: {points}"
    if gain.high < 0:
        return f"synthetic pictures harm: {points}"
    return f"no difference is shown: {points}"


def _synthetic_pictures(spec: DownstreamSpec) -> Clips:
    library = open_clips(spec.synthetic)
    frames = np.concatenate([library.train.frames, library.val.frames])
    pictures = frames.reshape(-1, *frames.shape[2:])
    if pictures.shape[1:3] != (spec.side_px, spec.side_px):
        problem = f"pictures are {pictures.shape[1]}x{pictures.shape[2]}, not {spec.side_px} px square"
        raise ClipDataError(f"clips {library.manifest.name}", problem, "set side_px to the clips' side")
    return pictures


def _labelled(teacher: torch.nn.Module, pictures: Clips) -> BoxedPictures:
    boxes = tuple(found.boxes[found.scores > _SURE] for found in detect(teacher, pictures))
    return BoxedPictures(pictures=pictures, boxes=boxes)


def _precision(detector: torch.nn.Module, test: BoxedPictures) -> float:
    return average_precision(detect(detector, test.pictures), test.boxes)


def _some(of: BoxedPictures, count: int, rng: np.random.Generator) -> tuple[Clips, list[np.ndarray]]:
    rows = rng.integers(len(of.pictures), size=count)
    return of.pictures[rows], [of.boxes[row] for row in rows.tolist()]
