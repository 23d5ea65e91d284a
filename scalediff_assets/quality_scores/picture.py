"""What the pictures of a segment are worth: defects of frames, from signals, without any pixel.

Belongs here: expressions over the joined frame table of `verdict.py` (one row per frame of a
segment, FRAMES and SIGNALS columns, ordered). Thresholds come from the policy's `measures`.
"""

import polars as pl

from scalediff_assets.quality_scores.policy import Measures, Pairs

PAIR_COLUMNS = ("pair_layout", "pair_lost", "pair_added")
PICTURE_DEFECTS = ("is_blurred", "is_artifact", "is_still", "is_black", "is_low_entropy")


def picture_flags(measures: Measures) -> list[pl.Expr]:
    """Per-frame flags; needs `moves`, `sharpness_session_p50` and the signals.

    A frame is still when it equals the one before while the car moves; where speed or motion is
    not known it is not called still.
    """
    sharpness = pl.col("sharpness")
    still = (pl.col("motion") < measures.freeze_motion_max) & pl.col("moves")
    black = (pl.col("luma_mean") < measures.luma_mean_min) | (pl.col("luma_std") < measures.luma_std_min)
    return [
        (sharpness < measures.sharpness_min).alias("is_blurred"),
        (sharpness < measures.sharpness_soft).alias("is_soft"),
        (
            (sharpness > measures.artifact_sharpness_min)
            & (sharpness > measures.artifact_median_ratio * pl.col("sharpness_session_p50"))
        ).alias("is_artifact"),
        still.fill_null(False).alias("is_still"),
        black.alias("is_black"),
        (pl.col("entropy_bits") < measures.entropy_min_bits).alias("is_low_entropy"),
        (
            (pl.col("cut") | (pl.col("hist_change") > measures.hist_change_max)).fill_null(False)
            & (pl.col("frame_idx") > pl.col("first_frame_idx"))
        ).alias("is_cut"),
    ]


def pair_medians() -> list[pl.Expr]:
    """The session's medians of PAIR_COLUMNS, which `pair_flag` needs: what its painter does everywhere."""
    return [pl.col(name).median().over("session_id").alias(f"{name}_session_p50") for name in PAIR_COLUMNS]


def pair_flag(pairs: Pairs | None) -> pl.Expr:
    """Whether a frame shows something else than the frame it was painted from; null where nobody knows.

    Needs PAIR_COLUMNS, null for a frame without a pair, and their medians. A painter of comics leaves less of
    the layout and adds more lines than one of daylight, in every frame: so a frame is held against its own
    session, too, and absolute limits are for what no painter does.
    """
    if pairs is None:
        return pl.lit(None, pl.Boolean).alias("is_hallucinated")
    layout = pl.col("pair_layout")
    broken = (layout < pairs.layout_min) | (
        layout < pairs.layout_session_ratio * pl.col("pair_layout_session_p50")
    )
    for name in ("pair_lost", "pair_added"):
        usual = pairs.outlier_session_ratio * pl.col(f"{name}_session_p50")
        local = (pl.col(name) > pairs.outlier_min) & (pl.col(name) > usual)
        broken |= local | (pl.col(name) > pairs.outlier_max)
    return broken.alias("is_hallucinated")


def pair_measures() -> list[pl.Expr]:
    """Per-segment aggregates of the pairs; null, never a number, where the segment has none."""
    return [
        pl.col("pair_layout").count().cast(pl.Int32).alias("pairs"),
        pl.col("is_hallucinated").mean().alias("hallucinated_share"),
        pl.col("pair_layout").median().cast(pl.Float64).alias("pair_layout_p50"),
    ]


def picture_measures() -> list[pl.Expr]:
    """Per-segment aggregates of the flags: the picture columns of VERDICTS, and `sharp_share`."""
    return [
        pl.col("sharpness").median().cast(pl.Float64).alias("sharpness_p50"),
        pl.col("is_blurred").mean().alias("blur_share"),
        (1.0 - pl.col("is_soft").mean()).alias("sharp_share"),
        pl.col("is_artifact").mean().alias("artifact_share"),
        pl.col("is_black").mean().alias("black_share"),
        pl.col("is_low_entropy").mean().alias("low_entropy_share"),
        pl.col("is_cut").sum().cast(pl.Int32).alias("cuts"),
    ]


def freeze_durations(frames: pl.DataFrame) -> pl.DataFrame:
    """The longest still picture of each segment that has one: `segment_id, freeze_s`.

    A still stretch lasts from the frame before its first still frame to its last; the step into a
    segment's first frame does not count, because it lies outside the segment.
    """
    step_ms = pl.col("pts_ms").diff().over("segment_id").fill_null(0)
    return (
        frames.select(
            "segment_id",
            "is_still",
            step_ms.alias("step_ms"),
            pl.col("is_still").rle_id().over("segment_id").alias("stretch"),
        )
        .filter(pl.col("is_still"))
        .group_by("segment_id", "stretch")
        .agg(pl.col("step_ms").sum())
        .group_by("segment_id")
        .agg((pl.col("step_ms").max() / 1000.0).alias("freeze_s"))
    )
