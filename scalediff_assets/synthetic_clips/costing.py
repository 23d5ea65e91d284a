"""A week's clips in money: processor time from the jobs, bytes from the lake, prices from the table."""

import polars as pl

from resources.connections import Connections
from scalediff_assets.clip_schemas import COSTS, GeneratedClips, GenerationCosts, SyntheticLake
from scalediff_assets.partitions import week_of
from scalediff_assets.synthetic_clips.costs import ClipCosts, Prices, Production, gb_months
from scalediff_assets.video_models.launch import FOLDER
from scalediff_contract.jobs import RESULT
from scalediff_contract.video_training import TrainVideoResult

_RAW_DAYS = 90.0
_DEVICES = ("h200", "h100", "a100")


def production_of(
    week: str,
    generated: list[GeneratedClips],
    lake: list[SyntheticLake],
    connections: Connections,
    *,
    device: str,
    clip_s: float,
) -> Production:
    """What was made in a week, as measured; refused clips cost as much as accepted ones."""
    jobs = pl.concat([each.jobs for each in generated]) if generated else GeneratedClips().jobs
    stages = pl.concat([each.stages for each in generated]) if generated else GeneratedClips().stages
    kept = pl.concat([each.clips for each in lake]) if lake else SyntheticLake().clips
    seconds = dict(stages.group_by("stage").agg(pl.col("seconds").sum()).sort("stage").iter_rows())
    trained = trained_seconds(connections, week)
    return Production(
        device=device,
        gpu_s=seconds | ({"training": trained} if trained else {}),
        made=jobs.filter(pl.col("status") == "completed").height,
        accepted=kept.height,
        clip_s=clip_s,
        stored_gb_months=gb_months(int(kept["clip_bytes"].sum()), _RAW_DAYS),
    )


def trained_seconds(connections: Connections, week: str) -> float:
    """Seconds of the trainings that ended in a week."""
    import datetime as dt

    models, total = connections.models(), 0.0
    for info in models.list(f"{FOLDER}/"):
        if info.key.count("/") == 2 and info.key.endswith("/result.json"):
            ended = dt.datetime.fromtimestamp(info.modified_ms / 1000, dt.UTC)
            result = RESULT.validate_json(models.get(info.key))
            if week_of(ended) == week and isinstance(result, TrainVideoResult):
                total += result.seconds
    return total


def price_key(device: str) -> str:
    """A device's name in the price table, by what a job says that it ran on."""
    low = device.lower()
    return next((name for name in _DEVICES if name in low), "cpu" if low.startswith("cpu") else device)


def cost_tables(week: str, production: Production, costs: ClipCosts, prices: Prices) -> GenerationCosts:
    """The week's row."""
    trained = production.gpu_s.get("training", 0.0)
    row = {
        "week": week,
        "device": production.device,
        "prices_version": prices.version,
        "made": production.made,
        "accepted": production.accepted,
        "generation_s": sum(production.gpu_s.values()) - trained,
        "training_s": trained,
        "stored_gb_months": production.stored_gb_months,
        "total_usd": costs.total_usd,
        "made_clip_usd": costs.made_clip_usd,
        "accepted_clip_usd": costs.accepted_clip_usd,
        "video_hour_usd": costs.video_hour_usd,
        "cheaper_than_real": costs.cheaper_than_real,
    }
    return GenerationCosts(weeks=COSTS.frame([row]))
