"""The specs and results of GPU jobs: the only things that cross between the graph and `gpu_services`.

A job is started as `python -m gpu_services.job SPEC.json`; its result lies at `result.json` under the
spec's output folder, and is sent back over Dagster Pipes where there is a Dagster run. Places are
URLs: a path, or `s3://bucket/prefix`.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from scalediff_contract.driving import Architecture, Camera, Declared, PresetName, Recipe
from scalediff_contract.generation_jobs import VideoJobResult, VideoJobSpec
from scalediff_contract.repaint import RepaintResult, RepaintSpec
from scalediff_contract.tracking import JobStatus, TrackingTarget

Backend = Literal["minitown", "carla"]


class TrainSpec(Declared):
    """Train one model on one release.

    Attributes:
        kind: Tells specs apart.
        training_run: Name of the training run, unique.
        preset: Which preset the recipe began as.
        architecture: The network.
        recipe: The training.
        pedals: What the agent obeys.
        look_every_s: Simulated time between two pictures that the agent looks at.
        camera: The camera of the release's frames.
        clean_url: Store that the release's shards lie in.
        release_key: Object key of the release's manifest there.
        release_hash: Content hash that the manifest must have.
        output_url: Folder of checkpoints, result and spool.
        cache_dir: Local folder for decoded frames.
        initial_weights: Reference-format weights (.pth) or a checkpoint folder to start from.
        tracking: MLflow.
        stop_after_steps: End early, as if killed; for tests of resuming.
    """

    kind: Literal["train"] = "train"
    training_run: str
    preset: PresetName
    architecture: Architecture
    recipe: Recipe
    pedals: Literal["model", "speed"]
    look_every_s: float = 0.1
    camera: Camera = Camera()
    clean_url: str
    release_key: str
    release_hash: str
    output_url: str
    cache_dir: str
    initial_weights: str | None = None
    tracking: TrackingTarget
    stop_after_steps: int | None = None


class OfflineMetric(Declared):
    """An error on the validation split.

    Attributes:
        control: `steer`, `throttle`, `brake` or `speed_mps`.
        slice: What is measured: `all`, `command=left`, `speed=0-3`, `turning` and so on.
        n: Frames.
        mae: Mean absolute error of the model.
        mae_median: Of always saying the training split's median.
        mae_previous: Of repeating the label of the frame before.
    """

    control: str
    slice: str
    n: int
    mae: float
    mae_median: float
    mae_previous: float | None


class TrainResult(Declared):
    """What training came to.

    Attributes:
        kind: Tells results apart.
        status: `diverged` means: stopped, and the last good checkpoint is the result.
        detail: Why it stopped, in one sentence; empty where it finished.
        step: Optimiser steps of the checkpoint.
        checkpoint: Folder of the published checkpoint under the output folder; None: there is none.
        weights_sha256: Of its model.safetensors.
        seconds: Wall time in the loop, over all attempts.
        samples_per_s: In the loop of the last attempt.
        data_wait_share: Share of the loop spent waiting for data.
        resumed_from_step: Where the last attempt began.
        device: What it ran on.
        frames: Frames by split.
        loss: The training loss at the end.
        offline: Errors on the validation split.
        confusion: Rows true, columns predicted: brake pedal off and on.
        spool: Key of the metrics' spool under the output folder.
        delivered: Metric rows that MLflow has already.
    """

    kind: Literal["train"] = "train"
    status: JobStatus
    detail: str = ""
    step: int
    checkpoint: str | None
    weights_sha256: str | None
    seconds: float
    samples_per_s: float
    data_wait_share: float
    resumed_from_step: int
    device: str
    frames: dict[str, int]
    loss: float | None
    offline: tuple[OfflineMetric, ...]
    spool: str
    delivered: int = 0


class CarlaPlaces(Declared):
    """Installations that the real evaluator needs.

    Attributes:
        carla_root: Folder of CarlaUE4.sh.
        leaderboard_root: Checkout of the upstream leaderboard.
        scenario_runner_root: Checkout of the upstream scenario_runner.
    """

    carla_root: str
    leaderboard_root: str
    scenario_runner_root: str


class EvaluateSpec(Declared):
    """Drive one agent over one route set.

    Attributes:
        kind: Tells specs apart.
        agent: `expert`, `noop`, `random`, or `checkpoint`.
        checkpoint_url: The checkpoint's folder, for `checkpoint`.
        route_set: Name of a shipped route set, or a routes XML file.
        repetitions: Of each route.
        seed: Base seed.
        backend: Where to drive.
        carla: Installations, for `carla`.
        track: The Leaderboard's track.
        output_url: Folder of results, route objects and films.
        video_routes: Films of the first so many routes; -1: of all.
        workers: Routes driven at the same time.
        agent_timeout_s: Wall time that the agent may take for a step.
        tracking: MLflow.
    """

    kind: Literal["evaluate"] = "evaluate"
    agent: str
    checkpoint_url: str | None = None
    route_set: str
    repetitions: int = Field(default=1, ge=1, le=100)
    seed: int = 0
    backend: Backend = "minitown"
    carla: CarlaPlaces | None = None
    track: Literal["SENSORS", "MAP"] = "SENSORS"
    output_url: str
    video_routes: int = -1
    workers: int = Field(default=1, ge=1, le=256)
    agent_timeout_s: float = 60.0


class EvaluateResult(Declared):
    """What an evaluation came to.

    Attributes:
        kind: Tells results apart.
        status: `finished` means every route has a final result.
        detail: One sentence where it is not.
        results: Scorer version -> key of the results document under the output folder.
        videos: Route -> key of its film.
        seconds: Wall time.
        game_s: Simulated time.
        attempts: Route -> how each of its attempts ended, the last one being the result.
    """

    kind: Literal["evaluate"] = "evaluate"
    status: JobStatus
    detail: str = ""
    results: dict[str, str]
    videos: dict[str, str]
    seconds: float
    game_s: float
    attempts: dict[str, tuple[str, ...]]


JobSpec = Annotated[TrainSpec | EvaluateSpec | RepaintSpec | VideoJobSpec, Field(discriminator="kind")]
JobResult = Annotated[
    TrainResult | EvaluateResult | RepaintResult | VideoJobResult, Field(discriminator="kind")
]
SPEC: TypeAdapter[JobSpec] = TypeAdapter(JobSpec)
RESULT: TypeAdapter[JobResult] = TypeAdapter(JobResult)

__all__ = [
    "RESULT",
    "SPEC",
    "Backend",
    "CarlaPlaces",
    "EvaluateResult",
    "EvaluateSpec",
    "JobResult",
    "JobSpec",
    "JobStatus",
    "OfflineMetric",
    "TrackingTarget",
    "TrainResult",
    "TrainSpec",
]
