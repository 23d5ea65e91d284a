"""What `scalediff generate demo` leaves for people: a table, a contact sheet and generate_report.json."""

from pathlib import Path
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import read_tables, written_partitions
from scalediff_assets.clip_schemas import (
    AbExperiment,
    Drift,
    GatedClips,
    GeneratedClips,
    GenerationCosts,
    SyntheticLake,
)
from scalediff_assets.driving_clips.pictures import clip_sheet
from scalediff_assets.films import decode_film
from scalediff_assets.partitions import SCENARIOS, category_week
from scalediff_assets.synthetic_clips.accepting import accepted_sidecars
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.orders import stage_seconds
from scalediff_assets.video_schemas import ModelRelease, VideoEvaluation, VideoModel

SHEET = "generated_clips.jpg"
_ARMS = {"frame_independent": "frame by frame", "retrieval_augmented": "retrieval", "real": "training clips"}
_ASSETS = (
    "scenario_plans", "generated_clips", "gated_clips", "synthetic_lake", "driving_clips", "clip_dynamics",
    "video_models", "video_evaluations", "model_releases", "ab_experiments", "drift_reports",
    "generation_costs",
)  # fmt: skip


def demo_summary(
    settings: Settings, weeks: tuple[str, ...], *, seconds: dict[str, float], total_s: float
) -> dict[str, Any]:
    """What the demo came to, read from the tables that it left."""
    connections: Connections = resources_for(settings)["connections"]
    lake = connections.lake()
    keys = [category_week(category, week) for week in weeks for category in SCENARIOS.get_partition_keys()]
    generated = [read_tables(lake, "generated_clips", key, GeneratedClips) for key in keys]
    verdicts = pl.concat([read_tables(lake, "gated_clips", key, GatedClips).verdicts for key in keys])
    accepted = pl.concat([read_tables(lake, "synthetic_lake", key, SyntheticLake).clips for key in keys])
    reasons = verdicts.explode("reasons").drop_nulls("reasons").group_by("reasons").len().sort("reasons")
    log = connections.audit_log()
    return {
        "weeks": list(weeks),
        "models": [_model(connections, name) for name in _names(connections)],
        "clips": {
            "made": verdicts.height,
            "accepted": accepted.height,
            "refused_because": dict(reasons.iter_rows()),
            "categories_with_clips": verdicts["category"].n_unique(),
            "categories_accepted": accepted["category"].n_unique(),
        },
        "latency_s": stage_seconds(generated),
        "experiment": _experiment(connections),
        "drift": _drift(connections),
        "costs": [
            read_tables(lake, "generation_costs", week, GenerationCosts).weeks.row(0, named=True)
            for week in weeks
        ],
        "provenance": _provenance(connections, accepted),
        "audit": {"entries": log.verify(), "head": log.head()[1]},
        "assets": [name for name in _ASSETS if _written(connections, name)],
        "contact_sheet": str(_sheet(settings, connections, verdicts)),
        "seconds": seconds,
        "seconds_total": round(total_s, 1),
    }


def print_summary(console: Console, settings: Settings, summary: dict[str, Any]) -> None:
    """The table at the end."""
    table = Table(title="video models against held-out clips", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("model", "arm"):
        table.add_column(name, no_wrap=True)
    for name in ("n", "FVD/noise", "FVD/real", "warp error", "copies"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in summary["models"]:
        for arm in model["arms"]:
            table.add_row(
                f"{model['version']} {model['stage']}", _ARMS.get(arm["arm"], arm["arm"]), str(arm["n"]),
                f"{arm['of_noise']:.3f}", f"{arm['of_real']:.1f}", f"{arm['tcs_flow_error']:.4f}",
                f"{arm['memorised_share']:.0%}",
            )  # fmt: skip
    console.print(table)
    extractors = sorted({arm["extractor"] for model in summary["models"] for arm in model["arms"]})
    console.print(f"distances by {', '.join(extractors)}; under 256 clips they are indicative only")
    clips, costs = summary["clips"], summary["costs"]
    console.print(
        f"clips: {clips['made']} made of {clips['categories_with_clips']} categories, {clips['accepted']} "
        f"accepted of {clips['categories_accepted']}; refused: {clips['refused_because'] or 'none'}",
        highlight=False,
    )
    console.print(f"experiment: {summary['experiment']['outcome']}: {summary['experiment']['reason']}")
    console.print(f"drift alarm: {summary['drift']['alarm']} (held-out against learnt stretches)")
    for cost in costs:
        each = cost["accepted_clip_usd"]
        price = "no clip was accepted" if each is None else f"{each:.5f} USD an accepted clip"
        console.print(
            f"cost of week {cost['week']}: {cost['total_usd']:.4f} USD on {cost['device']}, {price}"
        )
    console.print(f"audit log: {summary['audit']['entries']} entries, whole: scalediff audit verify")
    console.print(f"{len(summary['assets'])} assets; {summary['seconds_total']:.0f} s; "
                  f"report: {settings.home / 'generate_report.json'}", soft_wrap=True)  # fmt: skip
    console.print(f"contact sheet: {summary['contact_sheet']}", soft_wrap=True)


def _names(connections: Connections) -> list[str]:
    return written_partitions(connections.lake(), "model_releases")


def _model(connections: Connections, name: str) -> dict[str, Any]:
    lake = connections.lake()
    model = read_tables(lake, "video_models", name, VideoModel).models.row(0, named=True)
    evaluation = read_tables(lake, "video_evaluations", name, VideoEvaluation)
    release = read_tables(lake, "model_releases", name, ModelRelease).decisions.row(0, named=True)
    kept = ("version", "step", "parameters", "seconds", "steps_per_s", "loss", "val_loss", "device")
    return {key: model[key] for key in kept} | {
        "video_model": name,
        "stage": release["stage"],
        "reason": release["reason"],
        "worst": evaluation.reports["worst"][0],
        "gap": evaluation.reports["gap"][0],
        "arms": evaluation.arms.to_dicts(),
    }


def _experiment(connections: Connections) -> dict[str, Any]:
    rows = [
        read_tables(connections.lake(), "ab_experiments", name, AbExperiment).decisions.row(0, named=True)
        for name in _names(connections)
    ]
    return next((row for row in reversed(rows) if row["control"] is not None), rows[-1])


def _drift(connections: Connections) -> dict[str, Any]:
    month = written_partitions(connections.lake(), "drift_reports")[-1]
    return read_tables(connections.lake(), "drift_reports", month, Drift).months.row(0, named=True)


def _provenance(connections: Connections, accepted: pl.DataFrame) -> dict[str, Any]:
    """One accepted clip back to the recordings that its model learnt from; empty where none was."""
    from scalediff_assets.driving_clips.tables import read_manifest
    from scalediff_assets.video_models.record import place_of_release

    if not accepted.height:
        return {}
    row = accepted.row(0, named=True)
    (sidecar,) = accepted_sidecars(connections, [(row["category"], row["content_key"])])
    place = place_of_release(connections, str(sidecar.training_release))
    name = place.url.rpartition("/")[2] if place else ""
    sources = {clip.source for clip in read_manifest(connections, name).clips if clip.split == "train"}
    return {
        "content_key": sidecar.content_key,
        "prompt": sidecar.prompt,
        "seed": sidecar.seed,
        "model_version": sidecar.model_version,
        "training_release": sidecar.training_release,
        "clip_set": name,
        "training_recordings": len(sources),
        "policy_hash": sidecar.acceptance.policy_hash if sidecar.acceptance else None,
    }


def _written(connections: Connections, asset: str) -> bool:
    return any(True for _ in connections.lake().list(f"{asset}/"))


def _sheet(settings: Settings, connections: Connections, verdicts: pl.DataFrame) -> Path:
    """A clip of each category, with the gate's word on it."""
    shown = verdicts.sort("passed", "content_key", descending=[True, False]).unique("category", keep="first")
    rows = [
        (
            f"{row['category']}: {'accepted' if row['passed'] else 'refused'}",
            decode_film(connections.lake().get(raw_keys(row["content_key"]).clip)),
        )
        for row in shown.sort("category").iter_rows(named=True)
    ]
    path = settings.home / SHEET
    path.write_bytes(clip_sheet(rows, width_px=96, columns=3))
    return path
