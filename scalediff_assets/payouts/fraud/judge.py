"""Verdicts: a day's evidence against the limits of the policy and against earlier sessions.

The order of arrival (`completed_ms`, session, wallet) decides who is the original, so that a day computed
again gives the same verdicts.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from scalediff_assets.payout_schemas import PAYOUT_FRAUD
from scalediff_assets.payouts.fraud.copies import Kept, overlay, same_keys
from scalediff_assets.payouts.fraud.evidence import PLACE_S, Evidence
from scalediff_assets.payouts.fraud.limits import FraudLimits
from scalediff_assets.payouts.fraud.marks import candidates, key_marks, place_marks
from scalediff_assets.payouts.fraud.people import crowded_networks, farmed_scenarios

COPIED_DRIVE, COPIED_PICTURES, REPLAYED = "copied_drive", "copied_pictures", "replayed_inputs"
SCRIPTED, UNEXPLAINED, REPEATED = "scripted_input", "unexplained_motion", "repeated_video"
FARMED, CROWDED = "farmed_scenario", "crowded_network"
RULES = (COPIED_DRIVE, COPIED_PICTURES, REPLAYED, SCRIPTED, UNEXPLAINED, REPEATED, FARMED, CROWDED)
ISSUED = pl.Schema(
    {"session_id": pl.String, "wallet": pl.String, "address": pl.String, "issued_ms": pl.Int64}
)
_KEY = ("wallet", "session_id")


def judge(
    evidence: Evidence, *, earlier: pl.DataFrame, issued: pl.DataFrame, limits: FraudLimits
) -> pl.DataFrame:
    """PAYOUT_FRAUD of a day.

    Args:
        evidence: Of the day's sessions with accepted segments.
        earlier: PAYOUT_TRACKS of the days before.
        issued: ISSUED: sessions that the upload API issued, with the address that asked, of the wallets and
            networks of the day.
        limits: The policy's.
    """
    parts = [
        _over_limits(evidence.measures, limits),
        pl.DataFrame(list(_copies(evidence.tracks, earlier, limits)), schema=PAYOUT_FRAUD.schema),
        _hits(farmed_scenarios(
            evidence.measures, limits.farmed_scenario.sessions_max, limits.farmed_scenario.free
        ), FARMED, "sessions in the scenario", limits.farmed_scenario.sessions_max),
        _hits(crowded_networks(
            issued, limits.crowded_network.wallets_max, limits.crowded_network.shared
        ), CROWDED, "wallets of the network", limits.crowded_network.wallets_max, severity="hold"),
    ]  # fmt: skip
    mine = evidence.measures.select(_KEY)
    return PAYOUT_FRAUD.conform(pl.concat(parts).join(mine, on=_KEY, how="semi").sort(PAYOUT_FRAUD.key))


def exclusions(fraud: pl.DataFrame) -> pl.DataFrame:
    """EXCLUSIONS of PAYOUT_FRAUD: each session with each of its rules once."""
    return fraud.select("session_id", "wallet", "rule", "severity").unique(maintain_order=True)


def _over_limits(measures: pl.DataFrame, limits: FraudLimits) -> pl.DataFrame:
    scripts, video = limits.scripted_input, limits.repeated_video
    table = (
        (COPIED_PICTURES, "duplicate_segments", limits.copied_pictures.share_min),
        (SCRIPTED, "beat", scripts.beat_min),
        (SCRIPTED, "repeat", scripts.repeat_min),
        (SCRIPTED, "metres_per_change", scripts.metres_per_change_min),
        (UNEXPLAINED, "turning", limits.unexplained_motion.turning_min),
        (UNEXPLAINED, "pace", limits.unexplained_motion.pace_min),
        (REPEATED, "repeated", video.repeated_min),
        (REPEATED, "loop", video.loop_min),
        (REPEATED, "still", video.still_min),
    )
    return pl.concat(
        _hits(measures.filter(pl.col(name) >= limit).with_columns(value=name), rule, name, limit)
        for rule, name, limit in table
    )


def _hits(
    rows: pl.DataFrame, rule: str, measure: str, limit: float, severity: str = "exclude"
) -> pl.DataFrame:
    said = {"rule": rule, "severity": severity, "measure": measure}
    found = rows.select(
        *_KEY,
        "value",
        *(pl.lit(text).alias(name) for name, text in said.items()),
        limit=pl.lit(float(limit)),
        other_session_id=pl.lit(None, dtype=pl.String),
    )
    return found.select(pl.col(name).cast(dtype) for name, dtype in PAYOUT_FRAUD.schema.items())


def _copies(tracks: pl.DataFrame, earlier: pl.DataFrame, limits: FraudLimits) -> Iterator[dict[str, object]]:
    """Rows of sessions that repeat another's way or keys."""
    order = ["completed_ms", "session_id", "wallet"]
    known = earlier.join(tracks.select(_KEY), on=_KEY, how="anti")
    pool = pl.concat([known, tracks]).sort(order).with_row_index("row")
    fresh = pool.join(tracks.select(_KEY), on=_KEY, how="semi", maintain_order="left")
    drives = candidates(fresh, pool, "place_marks", limits.copied_drive.marks_share_min)
    busy = fresh.filter(pl.col("key_changes") >= limits.replayed_inputs.changes_min)
    inputs = candidates(busy, pool, "key_marks", limits.replayed_inputs.marks_share_min)
    needed = pl.concat([pairs[name] for pairs in (drives, inputs) for name in ("mine", "theirs")]).unique()
    rows = {
        row["row"]: row for row in pool.filter(pl.col("row").is_in(needed.implode())).iter_rows(named=True)
    }
    for pairs, compare in ((drives, _copied_drive), (inputs, _replayed)):
        for (mine,), found in pairs.group_by("mine", maintain_order=True):
            hits = (compare(rows[mine], rows[theirs], limits) for theirs in found["theirs"])
            first = next((hit for hit in hits if hit is not None), None)
            if first is not None:
                yield first


def _copied_drive(
    mine: dict[str, object], theirs: dict[str, object], limits: FraudLimits
) -> dict[str, object] | None:
    rule, (later, first) = limits.copied_drive, (_kept(mine), _kept(theirs))
    marks = (place_marks(later.x_m, later.y_m, PLACE_S), place_marks(first.x_m, first.y_m, PLACE_S))
    loose = overlay(later, first, marks, rule.tolerance_m)
    if loose.way < rule.way_min:
        return None
    if loose.keys is not None and loose.keys >= rule.keys_min:
        return _copy(mine, theirs, COPIED_DRIVE, "share of the way", loose.way, rule.way_min)
    close = overlay(later, first, marks, rule.close_m)
    if close.way >= rule.close_way_min:
        return _copy(mine, theirs, COPIED_DRIVE, "share of the way, close", close.way, rule.close_way_min)
    return None


def _replayed(
    mine: dict[str, object], theirs: dict[str, object], limits: FraudLimits
) -> dict[str, object] | None:
    rule, (later, first) = limits.replayed_inputs, (_kept(mine), _kept(theirs))
    kappa = same_keys(later, first, (key_marks(later.keys), key_marks(first.keys)), rule.overlap_min)
    if kappa is None or kappa < rule.keys_min:
        return None
    return _copy(mine, theirs, REPLAYED, "agreement of keys", kappa, rule.keys_min)


def _kept(row: dict[str, object]) -> Kept:
    keys = row["keys"]
    if not isinstance(keys, bytes):
        raise TypeError(
            f"{row['session_id']}: keys are {type(keys).__name__}, not bytes; compute the day again"
        )
    return Kept(
        x_m=np.asarray(row["x_m"], np.float64),
        y_m=np.asarray(row["y_m"], np.float64),
        keys=np.frombuffer(keys, np.uint8),
        place_s=PLACE_S,
    )


def _copy(
    mine: dict[str, object], theirs: dict[str, object], rule: str, measure: str, value: float, limit: float
) -> dict[str, object]:
    return {
        "wallet": mine["wallet"],
        "session_id": mine["session_id"],
        "rule": rule,
        "severity": "exclude",
        "measure": measure,
        "value": value,
        "limit": limit,
        "other_session_id": theirs["session_id"],
    }
