"""The cheap gate before a full training: does the code still learn, on a few clips and small pictures?

The random3d limits of the case study (stop over 500) never fire: noise itself scores under 5. So the
gate reads two ratios instead: the error on seen clips, by a formula written apart from training's, and
the samples' Frechet distance as a share of the noise's.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from gpu_services.errors import DivergedError
from gpu_services.generation.clips import Clips, open_clips, write_clips, write_manifest
from gpu_services.generation.extractors import RANDOM, make_extractor
from gpu_services.generation.generator import ClipRequest
from gpu_services.generation.learner import denoising_error
from gpu_services.generation.model import load_video_model
from gpu_services.generation.resident import ResidentModel
from gpu_services.generation.train import LatentClips, train_video
from gpu_services.places import Place
from scalediff_contract.clip_manifests import ClipManifest, ClipsPlace, ManifestClip
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_models import VIDEO_PRESETS
from scalediff_contract.video_training import SmokeVideoResult, SmokeVideoSpec, TrainVideoSpec
from scoring.frechet import FeatureSet, frechet_distance

_STEPS = 10
OnProgress = Callable[[str, int, int, str], None]


def smoke_video(spec: SmokeVideoSpec, on_progress: OnProgress) -> SmokeVideoResult:
    """Train the `tiny` preset and gate it; `failed` means: start nothing larger.

    Raises:
        ClipDataError: For clips that are not what the spec names.
    """
    began_s = time.perf_counter()
    with TemporaryDirectory() as scratch:
        where, frames = _small_clips(spec, Path(scratch))
        loss = of_noise = None
        try:
            loss, of_noise = _trained(spec, where, frames, Path(scratch), on_progress)
            detail = _verdict(spec, loss, of_noise)
        except DivergedError as error:
            detail = str(error)
    return SmokeVideoResult(
        status="failed" if detail else "finished",
        detail=detail,
        loss=loss,
        of_noise=of_noise,
        extractor=RANDOM,
        n=len(frames),
        seconds=round(time.perf_counter() - began_s, 2),
    )


def _small_clips(spec: SmokeVideoSpec, folder: Path) -> tuple[ClipsPlace, Clips]:
    """A few clips at the size of the `tiny` preset, as a manifest of their own."""
    library, size = open_clips(spec.clips), VIDEO_PRESETS["tiny"].spec
    count = min(spec.train_clips, len(library.train))
    rows = np.linspace(0, len(library.train) - 1, count).round().astype(int).tolist()
    shape = (size.width_px, size.height_px)
    frames = np.stack(
        [
            [cv2.resize(picture, shape, interpolation=cv2.INTER_AREA) for picture in clip[: size.frames]]
            for clip in library.train.frames[rows]
        ]
    )
    place = Place(str(folder / "clips"))
    shard = write_clips(place, np.concatenate([frames, frames[:1]]), "clips.npy")
    chosen = [library.train.clips[row] for row in rows]
    clips = [
        ManifestClip(
            clip_id=f"{row}", origin=clip.origin, source="train", block=0, split="train",
            category=clip.category, caption=clip.caption, first_frame=row, shard=shard.key, row=row,
        )
        for row, clip in enumerate(chosen)
    ]  # fmt: skip
    held_out = clips[0].model_copy(
        update={"clip_id": "held out", "source": "val", "split": "val", "row": len(clips)}
    )
    manifest = ClipManifest(
        name="smoke", spec=size, stride_frames=1, guard_frames=0, clips=(*clips, held_out), shards=(shard,)
    )
    return write_manifest(place, manifest), frames


def _trained(
    spec: SmokeVideoSpec, where: ClipsPlace, frames: Clips, folder: Path, on_progress: OnProgress
) -> tuple[float, float]:
    """The error on seen clips, and the samples' distance as a share of the noise's."""
    preset = VIDEO_PRESETS["tiny"]
    recipe = preset.recipe.model_copy(
        update={
            "steps": spec.steps,
            "save_every": spec.steps,
            "validate_every": spec.steps,
            "seed": spec.seed,
            "drill": spec.drill,
        }
    )
    run = TrainVideoSpec(
        training_run="smoke", version="v0.0.0", architecture=preset.architecture, recipe=recipe, clips=where,
        output_url=str(folder / "run"), tracking=TrackingTarget(uri="unused"),
    )  # fmt: skip
    train_video(run, on_progress)
    model, card = load_video_model(run.output_url, torch.device("cpu"))
    seen = LatentClips(open_clips(where).train, model, torch.device("cpu"))
    loss = denoising_error(model, *seen.batch(np.arange(len(seen))))
    resident = ResidentModel(model, card, torch.device("cpu"))
    prompts = [(clip.category, clip.caption) for clip in open_clips(where).train.clips]
    made = resident.generate(
        [
            ClipRequest(prompt=caption, category=category, seed=seed, steps=_STEPS, guidance=1.0)
            for seed, (category, caption) in enumerate(prompts)
        ]
    )
    return loss, _of_noise(frames, np.stack(made), spec.seed)


def _of_noise(real: Clips, made: Clips, seed: int) -> float:
    extract = make_extractor(RANDOM)
    noise = np.random.default_rng(seed).integers(0, 256, real.shape, np.uint8)
    sets = [FeatureSet(extractor=RANDOM, values=extract(clips)) for clips in (real, made, noise)]
    return frechet_distance(sets[0], sets[1]).value / frechet_distance(sets[0], sets[2]).value


def _verdict(spec: SmokeVideoSpec, loss: float, of_noise: float) -> str:
    if loss > spec.limit_loss:
        return f"loss on seen clips is {loss:.3f}, over {spec.limit_loss:g}: it does not learn"
    if of_noise > spec.limit_of_noise:
        return f"samples have {of_noise:.2f} of the noise's distance, over {spec.limit_of_noise:g}"
    return ""
