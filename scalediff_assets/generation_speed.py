"""How fast clips are made: the job `bench_generation`, its figures in MLflow, and what they mean for a week.

It runs where all GPU jobs run, so that `scalediff bench-generation` measures the machines that make clips and
not the one that asks. The figures are of one device that does nothing else.
"""

import dagster as dg
from pydantic import Field, ValidationError

from resources.connections import Connections
from resources.jobs import JobLauncher
from resources.tracking import Record, Tracking
from scalediff_assets.synthetic_clips.capacity import HOUR_S, gpus_needed
from scalediff_assets.tracking_outbox import deliver_or_owe
from scalediff_assets.video_models.launch import VideoLaunchError
from scalediff_contract.jobs import RESULT
from scalediff_contract.video_speed import BenchGenerationResult, BenchGenerationSpec

FOLDER = KIND = EXPERIMENT = "video_speed"
WEEKLY_CLIPS = 10_000


class BenchConfig(dg.Config):
    """What is measured."""

    name: str = Field(default="", description="Of the measurement; empty: the run's id.")
    preset: str = Field(default="", description="tiny, demo, proto64 or prod720; empty: the device's own.")
    batch: int | None = Field(default=None, description="Clips made together; None: the device's own.")
    steps: int = Field(default=50, description="Denoising steps.")
    guidance: float = Field(default=4.0, description="Weight of the prompt.")
    runs: int = Field(default=5, description="Batches that count, after one to warm up.")


def bench_spec(name: str, config: BenchConfig, connections: Connections) -> BenchGenerationSpec:
    """The job's spec.

    Raises:
        VideoLaunchError: For a value out of range, or an unknown preset.
    """
    form = config.model_dump(exclude={"name"}) | {"preset": config.preset or None}
    url = f"{connections.models().url}/{FOLDER}/{name}"
    try:
        return BenchGenerationSpec.model_validate(form | {"output_url": url})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise VideoLaunchError(f"{where} is {first['input']!r}: {first['msg']}") from None


def read_speed(connections: Connections, name: str) -> BenchGenerationResult:
    """What was measured.

    Raises:
        ObjectMissingError: Nothing of that name.
    """
    result = RESULT.validate_json(connections.models().get(f"{FOLDER}/{name}/result.json"))
    assert isinstance(result, BenchGenerationResult)  # noqa: S101 -- the folder holds measurements only
    return result


def speed_figures(result: BenchGenerationResult, *, weekly_clips: int = WEEKLY_CLIPS) -> dict[str, float]:
    """The figures by name; what was not measured is left out.

    Args:
        result: The measurement.
        weekly_clips: Clips a week that devices are counted for, each at work day and night.
    """
    figures = {
        "mean_s": result.mean_s,
        "std_s": result.std_s,
        "per_step_ms": result.per_step_ms,
        "peak_memory_mb": result.peak_memory_mb,
        "decode_s": result.decode_s,
        "clips_per_hour": HOUR_S / result.clip_s,
        f"devices_for_{weekly_clips}_a_week": gpus_needed(clips=weekly_clips, clip_gpu_s=result.clip_s),
    }
    return {name: value for name, value in figures.items() if value is not None}


def deliver_speed(connections: Connections, tracking: Tracking, name: str, tags: dict[str, str]) -> str:
    """Put a measurement into MLflow; telling it twice changes nothing.

    Returns:
        The MLflow run.

    Raises:
        TrackingUnavailableError: MLflow does not answer; call again later.
    """
    result = read_speed(connections, name)
    run_id = tracking.run_for(f"{KIND}/{name}", experiment=EXPERIMENT, name=name)
    said = (
        "preset",
        "batch",
        "steps",
        "guidance",
        "runs",
        "device",
        "bf16",
        "frames",
        "height_px",
        "width_px",
    )
    params = {each: getattr(result, each) for each in said}
    record = Record(
        params=params,
        metrics=speed_figures(result),
        tags=tags,
        texts={"result.json": result.model_dump_json(indent=1)},
    )
    tracking.record(run_id, record)
    return run_id


@dg.op(pool="gpu", out=dg.Out(dg.Nothing), description="Clips of a preset against the clock.")
def time_clips(
    context: dg.OpExecutionContext,
    config: BenchConfig,
    connections: Connections,
    jobs: JobLauncher,
    tracking: Tracking,
) -> dg.Output[None]:
    """Measure, and tell MLflow."""
    from scalediff_assets.code_version import code_version

    name = config.name or context.run_id
    result = jobs.run(context, bench_spec(name, config, connections))
    assert isinstance(result, BenchGenerationResult)  # noqa: S101 -- of a BenchGenerationSpec
    tags = {"dagster/run_id": context.run_id, "code_sha": code_version()}
    made = deliver_or_owe(KIND, name, deliver_speed, connections, tracking, tags)
    told = "recorded" if made else "pending: MLflow did not answer; it is told as soon as it does"
    figures = speed_figures(result)
    context.log.info("measured name=%s device=%s mlflow=%s %s", name, result.device, told, figures)
    # A step that started a job over Pipes must return an event.
    return dg.Output(None, metadata=figures | {"device": result.device, "mlflow": told})


@dg.job(description="Seconds a clip of a preset on the GPU that jobs get, and how many a week needs.")
def bench_generation() -> None:
    """One step."""
    time_clips()
