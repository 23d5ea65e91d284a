"""What crosses to and from the generation jobs: clip manifests, specs and results.

cut_clips       recordings (KITTI folders, frame shards)  ->  a manifest of clips, split by time
smoke_video     a small training, gated: does the code still learn?
train_video     a manifest  ->  checkpoints
evaluate_video  a checkpoint and held-out clips  ->  a report beside both baselines, pictures, samples
downstream_ap   does a detector gain by the clips?
"""

import hashlib
import json
from typing import Literal, Self

from pydantic import Field, model_validator

from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus, TrackingTarget
from scalediff_contract.video_models import ClipSpec, VideoArchitecture, VideoDiffusionTrainConfig

Origin = Literal["real", "game", "synthetic"]
ClipSplit = Literal["train", "val"]
SEMVER = r"^v\d+\.\d+\.\d+$"


class ManifestClip(Declared):
    """One clip of a manifest.

    Attributes:
        clip_id: Unique in the manifest.
        origin: Recorded in the world, in the game, or generated.
        source: Recording that it was cut from.
        block: Stretch of time of that recording; a block is in one split only.
        split: What it is for.
        category: What it shows, in a word: the condition that the model learns.
        caption: What it shows, in the words of the prompt template.
        label: KITTI's integer label of the case study, where it has one.
        kitti_category: KITTI's own category, which differs from that label's name for some.
        first_frame: Index of its first picture in the recording.
        shard: Key of the array that its pictures lie in.
        row: Its row there.
    """

    clip_id: str
    origin: Origin
    source: str
    block: int
    split: ClipSplit
    category: str
    caption: str
    label: int | None = None
    kitti_category: str | None = None
    first_frame: int = Field(ge=0)
    shard: str
    row: int = Field(ge=0)


class ClipShard(Declared):
    """An array of clips: an .npy file `(n, T, H, W, 3) uint8`.

    Attributes:
        key: Of the object.
        clips: n.
        sha256: Of its bytes.
    """

    key: str
    clips: int = Field(ge=1)
    sha256: str


class ClipManifest(Declared):
    """Clips of one size to train on and to be held against.

    Attributes:
        name: For people.
        spec: Size of the clips.
        stride_frames: Pictures between the starts of two clips of one recording.
        guard_frames: Pictures between blocks that no clip contains.
        blurred: Faces and plates that were made unrecognisable; None: too small to show any.
        clips: All clips.
        shards: The arrays.
    """

    name: str
    spec: ClipSpec
    stride_frames: int = Field(ge=1)
    guard_frames: int = Field(ge=0)
    blurred: int | None = None
    clips: tuple[ManifestClip, ...]
    shards: tuple[ClipShard, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        rows = {shard.key: shard.clips for shard in self.shards}
        splits: dict[tuple[str, int], str] = {}
        for clip in self.clips:
            if clip.row >= rows.get(clip.shard, 0):
                raise ValueError(
                    f"clip {clip.clip_id} is row {clip.row} of {clip.shard}, which has no such row"
                )
            if splits.setdefault((clip.source, clip.block), clip.split) != clip.split:
                raise ValueError(f"block {clip.block} of {clip.source} is in two splits; split by block")
        if len({clip.clip_id for clip in self.clips}) != len(self.clips):
            raise ValueError("two clips have one clip_id; make them unique")
        return self

    @property
    def content_hash(self) -> str:
        """Of what the clips are: labels, splits and pictures."""
        text = json.dumps([clip.model_dump() for clip in self.clips], sort_keys=True)
        text += json.dumps(
            [shard.model_dump() for shard in self.shards] + [self.spec.model_dump()], sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()


class ClipSource(Declared):
    """A recording to cut clips from.

    Attributes:
        kind: A folder of pictures in order (KITTI's image_02/data), or a frame shard of a session.
        place_url: Where its store is: a path or `s3://bucket/prefix`.
        key: The folder or the shard there.
        source: Its name, unique.
        origin: Where it was recorded.
        category: What it shows.
        caption: In the words of the prompt template.
        label: KITTI's label of the case study.
        kitti_category: KITTI's own category.
        fps: Pictures a second, for folders; shards carry their times.
        segment_id: Rows of a frame shard to use; None: all.
    """

    kind: Literal["frame_folder", "frame_shard"]
    place_url: str
    key: str
    source: str
    origin: Origin
    category: str
    caption: str
    label: int | None = None
    kitti_category: str | None = None
    fps: float = Field(default=10.0, gt=0)
    segment_id: str | None = None


class CutClipsSpec(Declared):
    """Cut clips from recordings.

    Attributes:
        kind: Tells specs apart.
        name: Of the manifest.
        sources: The recordings.
        clip: Size of the clips.
        stride_frames: Pictures between the starts of two clips.
        block_frames: Pictures of a block of time, which goes into one split whole.
        guard_frames: Pictures left out between blocks.
        val_share: Share of blocks held out.
        seed: Of which blocks are held out.
        detector_url: Folder of EgoBlur's two files; None: for pictures too low to show anybody.
        output_url: Folder of manifest and shards.
    """

    kind: Literal["cut_clips"] = "cut_clips"
    name: str
    sources: tuple[ClipSource, ...] = Field(min_length=1)
    clip: ClipSpec
    stride_frames: int = Field(default=4, ge=1)
    block_frames: int = Field(default=40, ge=2)
    guard_frames: int = Field(default=8, ge=0)
    val_share: float = Field(default=0.25, gt=0, lt=1)
    seed: int = 0
    detector_url: str | None = None
    output_url: str


class CutClipsResult(Declared):
    """What cutting came to.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        manifest_key: Of the manifest under the output folder.
        manifest_hash: Its content hash.
        clips: Clips by split.
        by_category: Clips by category.
        skipped: Recording -> why nothing was cut from it.
        privacy: Why nothing was looked for, or how many places were blurred.
        seconds: Wall time.
    """

    kind: Literal["cut_clips"] = "cut_clips"
    status: JobStatus
    manifest_key: str
    manifest_hash: str
    clips: dict[ClipSplit, int]
    by_category: dict[str, int]
    skipped: dict[str, str]
    privacy: str
    seconds: float


class ClipsPlace(Declared):
    """A manifest and where it lies.

    Attributes:
        url: Folder of the manifest; shard keys are relative to it.
        key: Of the manifest there.
        content_hash: That it must have.
    """

    url: str
    key: str = "manifest.json"
    content_hash: str


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
    """

    kind: Literal["smoke_video"] = "smoke_video"
    clips: ClipsPlace
    train_clips: int = Field(default=16, ge=4)
    steps: int = Field(default=150, ge=1)
    output_url: str
    limit_of_noise: float = Field(default=0.5, gt=0)
    limit_loss: float = Field(default=0.5, gt=0)
    seed: int = 0


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


class EvaluateVideoSpec(Declared):
    """Hold a model against real clips, beside both baselines.

    Attributes:
        kind: Tells specs apart.
        checkpoint_url: The checkpoint's folder.
        clips: Manifest with the held-out clips.
        n: Clips of every arm, cut to the held-out clips that there are; under 256 is indicative.
        seeds: Each is a sampling run of its own.
        steps: Denoising steps.
        guidance: Of the sampling.
        extractors: `random3d-v1`, `torchscript:ID=FILE` or `videomae:FOLDER`.
        clip_model_url: Folder of a CLIP model for text scores; None: no text scores.
        baseline_epochs: Of the frame-independent baseline.
        baseline_steps: Instead, its optimiser steps.
        fixed_samples: Clips of fixed seeds that are kept with the model.
        output_url: Folder of report, pictures and samples.
        tracking: MLflow.
    """

    kind: Literal["evaluate_video"] = "evaluate_video"
    checkpoint_url: str
    clips: ClipsPlace
    n: int = Field(default=256, ge=4)
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    steps: int = Field(default=50, ge=1)
    guidance: float = 4.0
    extractors: tuple[str, ...] = ("random3d-v1",)
    clip_model_url: str | None = None
    baseline_epochs: int = Field(default=5, ge=1)
    baseline_steps: int | None = Field(default=None, ge=1)
    fixed_samples: int = Field(default=100, ge=0)
    output_url: str
    tracking: TrackingTarget


class FrechetFigure(Declared):
    """A Frechet distance with all that it needs.

    Attributes:
        extractor: Whose features.
        n: Clips on each side.
        per_seed: The distance of each sampling seed.
        value: Their mean.
        of_noise: Share of uniform noise's distance.
        of_real: Multiple of the distance between training and held-out clips.
        indicative: n is under 256: not to be published.
    """

    extractor: str
    n: int
    per_seed: tuple[float, ...]
    value: float
    of_noise: float
    of_real: float
    indicative: bool


class ArmReport(Declared):
    """One way of making clips, measured.

    Attributes:
        arm: `model`, `frame_independent`, `retrieval_augmented`, or `real` (held out, for scale).
        frechet: Against held-out clips, by extractor.
        tcs: Mean cosine of neighbouring pictures.
        tcs_flow_error: Mean warp error.
        sharpness: Mean Sobel gradient.
        motion: Mean change from picture to picture.
        motion_gap: |its motion - real| / real, the worst condition's.
        motion_gap_by_condition: Of each condition.
        memorised_share: Clips nearer to a training clip than real clips are to each other.
        clip_score: Mean cosine of pictures and prompt; None: no CLIP was given.
        diversity: Retrieval: distinct clips retrieved of those asked for.
        stated_defects: Defect -> clips, as the case study defines them.
    """

    arm: str
    frechet: tuple[FrechetFigure, ...]
    tcs: float
    tcs_flow_error: float
    sharpness: float
    motion: float
    motion_gap: float
    motion_gap_by_condition: dict[str, float]
    memorised_share: float
    clip_score: float | None = None
    diversity: float | None = None
    stated_defects: dict[str, int]


class ConditionReport(Declared):
    """Quality of one condition's clips.

    Attributes:
        condition: The category.
        n: Clips.
        coherence: 1 - mean warp error.
        sharpness: Mean Sobel gradient.
        motion: Mean change from picture to picture.
    """

    condition: str
    n: int
    coherence: float
    sharpness: float
    motion: float


class EvaluateVideoResult(Declared):
    """The report of an evaluation; also `report.json` beside its pictures.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        version: Of the model.
        weights_sha256: Of the model.
        manifest_hash: Of the clips.
        n: Clips of every arm.
        seeds: Sampling seeds.
        steps: Denoising steps.
        guidance: Of the sampling.
        device: What it ran on.
        arms: The model, both baselines, and real clips for scale.
        conditions: The model's, the worst first.
        worst: The least coherent condition.
        best: The most coherent one.
        gap: Difference of their coherence.
        latency_s: Mean seconds a clip by stage, and `wall`.
        pictures: What a picture shows -> its key under the output folder.
        samples: Keys of the fixed samples.
        seconds: Wall time.
    """

    kind: Literal["evaluate_video"] = "evaluate_video"
    status: JobStatus
    version: str
    weights_sha256: str
    manifest_hash: str
    n: int
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    device: str
    arms: tuple[ArmReport, ...]
    conditions: tuple[ConditionReport, ...]
    worst: str
    best: str
    gap: float
    latency_s: dict[str, float]
    pictures: dict[str, str]
    samples: tuple[str, ...]
    seconds: float


class DownstreamSpec(Declared):
    """Train a detector on real pictures only and with synthetic ones, at equal steps.

    Attributes:
        kind: Tells specs apart.
        real_pictures: Drawn with boxes for training.
        test_pictures: Drawn with boxes, from other places.
        synthetic: Manifest of generated clips; None: the real arm alone (to choose steps).
        seeds: Each trains both arms once.
        steps: Optimiser steps of either arm.
        batch: Pictures of a step.
        side_px: Side of a picture.
        synthetic_share: Share of synthetic pictures in the second arm's batches.
        output_url: Folder of the result.
    """

    kind: Literal["downstream_ap"] = "downstream_ap"
    real_pictures: int = Field(default=400, ge=8)
    test_pictures: int = Field(default=200, ge=8)
    synthetic: ClipsPlace
    seeds: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4, 5), min_length=2)
    steps: int = Field(default=300, ge=1)
    batch: int = Field(default=16, ge=2)
    side_px: int = Field(default=64, ge=32)
    synthetic_share: float = Field(default=0.5, gt=0, lt=1)
    output_url: str


class DownstreamResult(Declared):
    """What a detector gains by synthetic pictures.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        detector: Which.
        labels: Where the synthetic pictures' boxes come from.
        steps: Optimiser steps of either arm.
        seeds: Of the trainings; the unit of the test.
        ap_real: Average precision of each seed, real only.
        ap_mixed: With synthetic pictures.
        gain: Mean difference, in AP.
        low: 95 % interval of it.
        high: 95 % interval of it.
        p_paired: Two-sided paired t-test.
        p_welch: Two-sided, without pairing.
        effect: Mean difference in standard deviations of the differences.
        seeds_for_80_power: Seeds an arm for 80 % power at a gain of 1 point, at this spread.
        conclusion: In one sentence.
        seconds: Wall time.
    """

    kind: Literal["downstream_ap"] = "downstream_ap"
    status: JobStatus
    detector: str
    labels: str
    steps: int
    seeds: tuple[int, ...]
    ap_real: tuple[float, ...]
    ap_mixed: tuple[float, ...]
    gain: float
    low: float
    high: float
    p_paired: float
    p_welch: float
    effect: float
    seeds_for_80_power: int
    conclusion: str
    seconds: float


VideoJobSpec = CutClipsSpec | SmokeVideoSpec | TrainVideoSpec | EvaluateVideoSpec | DownstreamSpec
VideoJobResult = CutClipsResult | SmokeVideoResult | TrainVideoResult | EvaluateVideoResult | DownstreamResult

__all__ = [
    "ArmReport",
    "ClipManifest",
    "ClipShard",
    "ClipSource",
    "ClipSpec",
    "ClipsPlace",
    "ConditionReport",
    "CutClipsResult",
    "CutClipsSpec",
    "DownstreamResult",
    "DownstreamSpec",
    "EvaluateVideoResult",
    "EvaluateVideoSpec",
    "FrechetFigure",
    "ManifestClip",
    "SmokeVideoResult",
    "SmokeVideoSpec",
    "TrainVideoResult",
    "TrainVideoSpec",
    "VideoJobResult",
    "VideoJobSpec",
]
