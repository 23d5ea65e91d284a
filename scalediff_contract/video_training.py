"""Training a video model: the small one that gates, and the full one; specs and results."""

from typing import Literal

from pydantic import Field

from scalediff_contract.clip_manifests import ClipsPlace, ClipSplit
from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus, TrackingTarget
from scalediff_contract.video_models import VideoArchitecture, VideoDiffusionTrainConfig

SEMVER = r"^v\d+\.\d+\.\d+$"


class TrainVideoSpec(Declared):
    """Train one video model.

    Attributes:
        kind: Tells specs apart.
        training_run: Name of the training run, unique.
        version: Semantic version of the model.
        architecture: The network.
        recipe: The training.
        clips: What it learns from.
        output_url: Folder of checkpoints, result and spool.
        initial_weights: Checkpoint folder to start from (fine-tuning), or None.
        tracking: MLflow.
        stop_after_steps: End early, as if killed; for tests of resuming.
    """

    kind: Literal["train_video"] = "train_video"
    training_run: str
    version: str = Field(pattern=SEMVER)
    architecture: VideoArchitecture
    recipe: VideoDiffusionTrainConfig
    clips: ClipsPlace
    output_url: str
    initial_weights: str | None = None
    tracking: TrackingTarget
    stop_after_steps: int | None = None


class TrainVideoResult(Declared):
    """What training came to.

    Attributes:
        kind: Tells results apart.
        status: `diverged` means: stopped, and the last good checkpoint is the result.
        detail: Why it stopped, in one sentence; empty where it finished.
        warnings: What is allowed and probably not meant.
        version: Semantic version of the model.
        step: Optimiser steps of the checkpoint.
        checkpoint: Folder of the published checkpoint under the output folder.
        weights_sha256: Of its model.safetensors.
        parameters: Of the network.
        trained_parameters: Those that were trained.
        seconds: Wall time in the loop, over all attempts.
        steps_per_s: In the loop of the last attempt.
        resumed_from_step: Where the last attempt began.
        device: What it ran on.
        clips: Clips by split.
        loss: Training loss at the end, a mean of the last steps.
        val_loss: Loss on held-out clips.
        spool: Key of the metrics' spool under the output folder.
        delivered: Metric rows that MLflow has already.
    """

    kind: Literal["train_video"] = "train_video"
    status: JobStatus
    detail: str = ""
    warnings: tuple[str, ...] = ()
    version: str
    step: int
    checkpoint: str | None
    weights_sha256: str | None
    parameters: int
    trained_parameters: int
    seconds: float
    steps_per_s: float
    resumed_from_step: int
    device: str
    clips: dict[ClipSplit, int]
    loss: float | None
    val_loss: float | None
    spool: str
    delivered: int = 0


class SmokeVideoSpec(Declared):
    """Train something small and see whether it learns: the cheap gate before the full training.

    Attributes:
        kind: Tells specs apart.
        clips: A few clips are used.
        train_clips: How many.
        steps: Optimiser steps.
        output_url: Folder of the result.
        limit_of_noise: Largest share of the noise's Frechet distance that passes.
        limit_loss: Largest loss on seen clips that passes; saying nothing scores 1.
        seed: Of everything.
        drill: As in the recipe.
    """

    kind: Literal["smoke_video"] = "smoke_video"
    clips: ClipsPlace
    train_clips: int = Field(default=16, ge=4)
    steps: int = Field(default=150, ge=1)
    output_url: str
    limit_of_noise: float = Field(default=0.5, gt=0)
    limit_loss: float = Field(default=0.5, gt=0)
    seed: int = 0
    drill: Literal["none", "flipped_loss"] = "none"


class SmokeVideoResult(Declared):
    """What the smoke training came to.

    Attributes:
        kind: Tells results apart.
        status: `failed` where a limit was broken; nothing larger is to be started.
        detail: Which limit, with both numbers; empty where it passed.
        loss: On seen clips, measured by the evaluation's own formula.
        of_noise: Frechet distance of samples as a share of the noise's.
        extractor: Whose features.
        n: Clips on each side.
        seconds: Wall time.
    """

    kind: Literal["smoke_video"] = "smoke_video"
    status: JobStatus
    detail: str = ""
    loss: float | None
    of_noise: float | None
    extractor: str
    n: int
    seconds: float
