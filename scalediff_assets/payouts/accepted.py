"""The accepted segments of a day, with what their price depends on: scenario and manoeuvre."""

import polars as pl

from scalediff_assets.payouts.policy import PricePolicy
from scalediff_assets.payouts.pricing import ACCEPTED

_COMMANDS = {1: "left", 2: "right", 3: "straight"}


def accepted_segments(
    *,
    verdicts: pl.DataFrame,
    sessions: pl.DataFrame,
    segments: pl.DataFrame,
    frames: pl.DataFrame,
    frames_min_percent: int,
) -> pl.DataFrame:
    """The passing segments of an hour as ACCEPTED rows.

    Args:
        verdicts: VERDICTS.
        sessions: MANIFEST, for the scenario.
        segments: SEGMENTS, for the segments' frames.
        frames: FRAMES, for the navigation commands.
        frames_min_percent: Share of frames from which on a segment counts as a manoeuvre.
    """
    passed = verdicts.filter(pl.col("passed")).select("segment_id", "session_id", "wallet", "frames")
    scenarios = sessions.select("session_id", "wallet", "scenario_id").unique(["session_id", "wallet"])
    found = passed.join(scenarios, on=["session_id", "wallet"], how="left").join(
        manoeuvres(segments, frames, frames_min_percent), on="segment_id", how="left"
    )
    return found.select(pl.col(name).cast(dtype) for name, dtype in ACCEPTED.items())


def earning_sessions(
    accepted: pl.DataFrame, sessions: pl.DataFrame, proven: pl.DataFrame, policy: PricePolicy
) -> pl.DataFrame:
    """`session_id, wallet, scenario_id, completed_ms` of the sessions that may earn: those worth judging.

    Args:
        accepted: ACCEPTED.
        sessions: MANIFEST, for the time of arrival.
        proven: `wallet, session_id` of sessions whose wallet signed for itself.
        policy: Whether only those may earn.
    """
    key = ["session_id", "wallet"]
    mine = accepted.select(*key, "scenario_id").unique(key, maintain_order=True)
    if policy.eligibility.wallets == "issued":
        mine = mine.join(proven, on=key, how="semi")
    arrived = sessions.sort("revision").unique(key, keep="last").select(*key, "completed_ms")
    return mine.join(arrived, on=key, how="inner")


def manoeuvres(segments: pl.DataFrame, frames: pl.DataFrame, frames_min_percent: int) -> pl.DataFrame:
    """`segment_id, manoeuvre` of the segments that have one: the most frequent command but follow lane."""
    bounds = segments.select(
        "session_id", "segment_id", "end_frame_idx", frame_idx=pl.col("first_frame_idx")
    ).sort("frame_idx")
    inside = (
        frames.select("session_id", "frame_idx", "command")
        .sort("frame_idx")
        .join_asof(bounds, on="frame_idx", by="session_id", check_sortedness=False)
        .filter(pl.col("frame_idx") < pl.col("end_frame_idx"))
    )
    shares = [
        (100 * (pl.col("command") == number).fill_null(value=False).mean()).alias(name)
        for number, name in _COMMANDS.items()
    ]
    return (
        inside.group_by("segment_id")
        .agg(shares)
        .unpivot(index="segment_id", variable_name="manoeuvre", value_name="share")
        .filter(pl.col("share") >= frames_min_percent)
        .sort("segment_id", "share", "manoeuvre", descending=[False, True, False])
        .group_by("segment_id", maintain_order=True)
        .agg(pl.col("manoeuvre").first())
    )
