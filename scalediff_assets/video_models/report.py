"""What people see of a model in the UI: learning curves, arms, conditions, latency, samples."""

import json
from typing import Any

import dagster as dg

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.driving_clips.pictures import MAX_ROWS, sheet_metadata
from scalediff_assets.hours import sample
from scalediff_assets.pictures import markdown_picture
from scalediff_assets.video_models.launch import FOLDER
from scalediff_assets.video_schemas import VideoEvaluation
from scalediff_contract.video_evaluation import EvaluateVideoResult
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec

_SHOWN_ARMS = (
    "arm", "extractor", "n", "fvd", "of_noise", "of_real", "indicative", "tcs_flow_error", "motion_gap",
    "memorised_share",
)  # fmt: skip
_INLINE_BYTES = 50_000


def training(connections: Connections, spec: TrainVideoSpec, result: TrainVideoResult) -> dict[str, Any]:
    """Of a training run."""
    key = f"{FOLDER}/{spec.training_run}/{result.spool}"
    rows = [json.loads(line) for line in connections.models().get(key).splitlines() if line]
    return {
        "dagster/data_version_hash": result.weights_sha256 or "",
        "version": result.version,
        "status": f"{result.status} {result.detail}".strip(),
        "step": result.step,
        "parameters": result.parameters,
        "steps_per_s": result.steps_per_s,
        "resumed_from_step": result.resumed_from_step,
        "device": result.device,
        "curves": _curves(rows),
        "warnings": ", ".join(result.warnings) or "none",
    }


def evaluation(
    connections: Connections, name: str, result: EvaluateVideoResult, tables: VideoEvaluation
) -> dict[str, Any]:
    """Of an evaluation."""
    report = {
        "version": result.version,
        "device": result.device,
        "n": result.n,
        "worst_condition": result.worst,
        "gap": result.gap,
        "arms": sample(tables.arms.select(_SHOWN_ARMS)),
        "conditions": sample(tables.conditions.sort("coherence"), rows=30),
        "latency": latency_picture(result.latency_s),
        "report": dg.MetadataValue.path(f"{connections.models().url}/{FOLDER}/{name}/evaluation"),
    }
    for title in ("model", "nearest_training_clips"):
        picture = _small_picture(connections, f"{FOLDER}/{name}/evaluation/{result.pictures[title]}")
        if picture is not None:
            report[title] = picture
    return report


def release(connections: Connections, name: str) -> dict[str, Any]:
    """Some of the clips of fixed seeds."""
    models, start = connections.models(), f"{FOLDER}/{name}/evaluation"
    try:
        index = json.loads(models.get(f"{start}/samples/index.json"))
    except ObjectMissingError:
        return {}
    from scalediff_assets.films import decode_film

    rows = [
        (f"{each['category']}, seed {each['seed']}", decode_film(models.get(f"{start}/{each['key']}")))
        for each in index[:MAX_ROWS]
    ]
    return {"samples": sheet_metadata(rows), "samples_kept": len(index)} if rows else {}


def latency_picture(latency_s: dict[str, float]) -> dg.MarkdownMetadataValue:
    """Milliseconds of a clip by stage, and whether the stages make up the wall time."""
    from scalediff_assets.charts import figure, png

    stages = {name: 1000 * seconds for name, seconds in latency_s.items() if name != "wall"}
    drawn, (axis,) = figure(1, 1, (5.0, 0.8 + 0.28 * len(stages)))
    shown = axis.barh(list(stages), list(stages.values()), color="#4c78a8")
    axis.bar_label(shown, fmt="%.1f", fontsize=7)
    axis.invert_yaxis()
    wall = f", wall {1000 * latency_s['wall']:.0f}" if "wall" in latency_s else ""
    axis.set_title(f"milliseconds a clip by stage{wall}", fontsize=8)
    return markdown_picture(png(drawn), "image/png", "latency by stage")


def _curves(rows: list[dict[str, Any]]) -> dg.MarkdownMetadataValue:
    from scalediff_assets.charts import figure, png

    drawn, (axis,) = figure(1, 1, (5.0, 2.4))
    for name, colour in (("train/loss", "#4c78a8"), ("val/loss", "#e45756")):
        points = [(row["step"], row["metrics"][name]) for row in rows if name in row["metrics"]]
        if points:
            axis.plot(*zip(*points, strict=True), color=colour, label=name, marker=".", markersize=3)
    axis.set_yscale("log")
    axis.legend(fontsize=7)
    axis.set_xlabel("step", fontsize=8)
    return markdown_picture(png(drawn), "image/png", "learning curves")


def _small_picture(connections: Connections, key: str) -> dg.MarkdownMetadataValue | None:
    """A PNG as a small JPEG, so that it may lie in the event's metadata."""
    import cv2
    import numpy as np

    content = np.frombuffer(connections.models().get(key), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if picture is None:
        return None
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 75])
    if len(jpeg) > _INLINE_BYTES:
        half = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return markdown_picture(jpeg.tobytes(), "image/jpeg", "clips")
