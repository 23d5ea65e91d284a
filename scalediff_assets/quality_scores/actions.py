"""What the player did in a segment: keys, movement and whether the one explains the other.

Belongs here: expressions over FRAMES. Keys and positions share the game's clock, so these measures
do not depend on how well the video was aligned.
"""

import polars as pl

from scalediff_assets.quality_scores.policy import Measures

_DRIVE_KEY = pl.col("held_w") | pl.col("held_s") | pl.col("keys_other").str.contains("arrow")


def with_steps(frames: pl.DataFrame, measures: Measures) -> pl.DataFrame:
    """FRAMES, ordered, with `step_ms`, `moves`, `spam` and `is_uncaused` for every frame.

    Key times are not in FRAMES, only their number since the frame before. Of n transitions in a
    step of t ms at most `floor(t / spam_gap_ms) + 1` can lie that far apart, so the surplus is
    certainly spam. The count is a lower bound: nobody is accused by chance.

    A frame is uncaused when the speed rises faster than the limit although no drive key (W, S,
    an arrow) was down for `uncaused_settle_ms` and the car does not roll downhill. Where keys,
    speed or time are not known it is not.
    """
    ordered = frames.sort("session_id", "frame_idx")
    step_ms = pl.col("game_t_ms").diff().over("session_id")
    held_t_ms = pl.when(_DRIVE_KEY).then(pl.col("game_t_ms")).forward_fill().over("session_id")
    ordered = ordered.with_columns(
        step_ms.alias("step_ms"),
        (pl.col("speed_mps") > measures.moving_speed_min_mps).alias("moves"),
        (pl.col("game_t_ms") - held_t_ms).alias("since_key_ms"),
        pl.col("speed_mps").diff().over("session_id").alias("speed_step_mps"),
        pl.col("z_m").diff().over("session_id").alias("climb_m"),
    )
    step_s = pl.col("step_ms") / 1000.0
    fitting = (pl.col("step_ms").clip(0) / measures.spam_gap_ms).floor() + 1
    rolls = (pl.col("climb_m") < -measures.uncaused_fall_max_mps * step_s).fill_null(False)
    idle_keys = pl.col("since_key_ms").is_null() | (pl.col("since_key_ms") > measures.uncaused_settle_ms)
    speeds_up = (pl.col("step_ms") > 0) & (
        pl.col("speed_step_mps") > measures.uncaused_accel_min_mps2 * step_s
    )
    return ordered.with_columns(
        (pl.col("key_events") - fitting).clip(0).fill_null(0).cast(pl.Int32).alias("spam"),
        (speeds_up & idle_keys & ~_DRIVE_KEY & ~rolls & ~pl.col("teleport"))
        .fill_null(False)
        .alias("is_uncaused"),
    )


def action_measures() -> list[pl.Expr]:
    """Per-segment aggregates: the action columns of VERDICTS."""
    posed = pl.col("x_m").is_not_null() & pl.col("y_m").is_not_null() & pl.col("yaw_rad").is_not_null()
    opposing = (pl.col("held_a") & pl.col("held_d")) | (pl.col("held_w") & pl.col("held_s"))
    step_m = (pl.col("x_m").diff() ** 2 + pl.col("y_m").diff() ** 2).sqrt()
    return [
        pl.col("teleport").sum().cast(pl.Int32).alias("teleports"),
        posed.mean().alias("pose_share"),
        pl.col("key_events").sum().cast(pl.Int32).alias("key_events"),
        pl.col("moves").fill_null(False).mean().alias("moving_share"),
        step_m.sum().alias("path_m"),
        pl.col("spam").sum().cast(pl.Int32).alias("spam_events"),
        opposing.fill_null(False).mean().alias("opposing_share"),
        pl.col("is_uncaused").mean().alias("uncaused_motion_share"),
        pl.col("keys_uncertain").mean().alias("keys_uncertain_share"),
    ]
