"""Drives an agent over a route set, in minitown or on real CARLA, and leaves the results documents.

Both backends end in the same thing: one results document per scorer version (2.0 and 2.1, from the
same drives) and films. What differs is who drives; see `carla/` for the real evaluator.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gpu_services.errors import JobError
from gpu_services.places import Place
from scalediff_contract.jobs import EvaluateResult, EvaluateSpec
from scoring.leaderboard import ScorerVersion
from world.minitown.drive import DriveOptions
from world.minitown.routes import load_route_set
from world.minitown.runner import DriveJob, Progress, run_job

AGENT_FILE = Path(__file__).with_name("agent.py")
VERSIONS = (ScorerVersion.V2_1, ScorerVersion.V2_0)
OnProgress = Callable[[str, int, int, str], None]


def evaluate(spec: EvaluateSpec, on_progress: OnProgress) -> EvaluateResult:
    """Drive every route of a spec.

    Raises:
        JobError: For a spec that cannot be driven.
    """
    if spec.backend == "carla":
        from gpu_services.driving.carla.evaluate import evaluate_on_carla

        return evaluate_on_carla(spec, on_progress)
    return _evaluate_in_minitown(spec, on_progress)


def agent_of(spec: EvaluateSpec) -> str:
    """The agent as the drivers of both backends name it.

    Raises:
        JobError: For a checkpoint that is not on this machine.
    """
    if spec.agent != "checkpoint":
        return spec.agent
    if spec.checkpoint_url is None:
        raise JobError("the spec", "it has no checkpoint_url", "name the checkpoint's folder")
    return f"{AGENT_FILE}:{spec.checkpoint_url}"


def _evaluate_in_minitown(spec: EvaluateSpec, on_progress: OnProgress) -> EvaluateResult:
    began_s = time.monotonic()
    route_set = load_route_set(spec.route_set)
    output = Place(spec.output_url)
    total = len(route_set.routes) * spec.repetitions
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = {version: folder / f"results_{version.value}.json" for version in VERSIONS}
        job = DriveJob(
            agent=_local_agent(spec, folder),
            route_set=route_set,
            out=files[VERSIONS[0]],
            more={version: files[version] for version in VERSIONS[1:]},
            version=VERSIONS[0],
            repetitions=spec.repetitions,
            options=DriveOptions(seed=spec.seed, agent_timeout_s=spec.agent_timeout_s),
            video=folder / "video" if spec.video_routes else None,
            films=None if spec.video_routes < 0 else spec.video_routes,
            workers=spec.workers,
        )
        done: set[int] = set()

        def show(progress: Progress) -> None:
            if progress.done:
                done.add(progress.index)
            note = f"route {progress.route_id} {progress.share:.0%}"
            on_progress(f"driving {route_set.name}", len(done), total, note)

        document = run_job(job, show)
        for path in sorted(folder.rglob("*.*")):
            if path.suffix in (".json", ".mp4") and "checkpoint" not in path.parts:
                output.upload(path.relative_to(folder).as_posix(), path)
        videos = {path.stem: f"video/{path.name}" for path in sorted((folder / "video").glob("*.mp4"))}
    records = document["_checkpoint"]["records"]
    return EvaluateResult(
        status="finished" if len(records) == total else "failed",
        detail="" if len(records) == total else f"{len(records)} of {total} routes were driven",
        results={version.value: file.name for version, file in files.items()},
        videos=videos,
        seconds=round(time.monotonic() - began_s, 1),
        game_s=_game_s(records),
        attempts={record["route_id"]: (record["status"],) for record in records},
    )


def _local_agent(spec: EvaluateSpec, folder: Path) -> str:
    """The agent; a checkpoint that lies in a bucket is brought here first."""
    if spec.agent == "checkpoint" and spec.checkpoint_url and spec.checkpoint_url.startswith("s3://"):
        place, local = Place(spec.checkpoint_url), folder / "checkpoint"
        local.mkdir()
        for name in ("model.safetensors", "checkpoint.json"):
            (local / name).write_bytes(place.read(name))
        return f"{AGENT_FILE}:{local}"
    return agent_of(spec)


def _game_s(records: list[dict[str, Any]]) -> float:
    return round(sum(float(record["meta"]["duration_game"]) for record in records), 1)
