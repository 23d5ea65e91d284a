"""Measuring a video model: the report beside both baselines, features, and what a detector gains."""

from typing import Literal

from pydantic import Field

from scalediff_contract.clip_manifests import ClipsPlace, ClipSplit
from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus, TrackingTarget


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


class ManifestToEmbed(Declared):
    """Clips of a manifest that features are wanted of.

    Attributes:
        name: Of the set.
        clips: The manifest.
        split: One side of it; None: all.
    """

    name: str
    clips: ClipsPlace
    split: ClipSplit | None = None


class FilmsToEmbed(Declared):
    """Films in a store that features are wanted of.

    Attributes:
        name: Of the set.
        store_url: The store.
        keys: Of MP4 files there, all of one size.
    """

    name: str
    store_url: str
    keys: tuple[str, ...] = Field(min_length=1)


class EmbedClipsSpec(Declared):
    """Make features of sets of clips.

    Attributes:
        kind: Tells specs apart.
        manifests: Sets that are manifests.
        films: Sets that are films.
        extractor: `random3d-v1`, `torchscript:ID=FILE` or `videomae:FOLDER`.
        output_url: Folder of the features.
    """

    kind: Literal["embed_clips"] = "embed_clips"
    manifests: tuple[ManifestToEmbed, ...] = ()
    films: tuple[FilmsToEmbed, ...] = ()
    extractor: str = "random3d-v1"
    output_url: str


class EmbeddedSet(Declared):
    """Features of one set.

    Attributes:
        name: Of the set.
        key: An .npy file `(n, D) float64` under the output folder.
        rows: What each row is of: clip ids, or keys of films.
        categories: Of each row of a manifest; empty for films.
        apart: Rows that share no picture; all, for films.
    """

    name: str
    key: str
    rows: tuple[str, ...]
    categories: tuple[str, ...] = ()
    apart: tuple[int, ...]


class EmbedClipsResult(Declared):
    """Features of all sets.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        extractor: Whose features, by its own name.
        sets: One for each set of the spec.
        seconds: Wall time.
    """

    kind: Literal["embed_clips"] = "embed_clips"
    status: JobStatus
    extractor: str
    sets: tuple[EmbeddedSet, ...]
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
