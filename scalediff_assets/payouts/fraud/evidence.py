"""What an hour's tables tell of its sessions, before any limit: measures and tracks."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from scalediff_assets.payout_schemas import PAYOUT_EVIDENCE, PAYOUT_TRACKS
from scalediff_assets.payouts.fraud.films import Film, FilmLimits, film_of
from scalediff_assets.payouts.fraud.limits import FraudLimits
from scalediff_assets.payouts.fraud.marks import key_marks, place_marks
from scalediff_assets.payouts.fraud.motion import unexplained_motion
from scalediff_assets.payouts.fraud.scripts import timing_of
from scalediff_assets.payouts.fraud.tracks import PLACE_EVERY, STEP_S, Track, tracks_of

PLACE_S = PLACE_EVERY * STEP_S
_BATCH = 256  # sessions that the law of motion steps at once
_FILM_COLUMNS = ("game_t_ms", "x_m", "y_m", "speed_mps")
_SIGNAL_COLUMNS = ("luma_mean", "luma_std", "sharpness", "hist_change", "pdq_hash")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of sessions.

    Attributes:
        measures: PAYOUT_EVIDENCE.
        tracks: PAYOUT_TRACKS; a session whose pose or keys are not known has none.
    """

    measures: pl.DataFrame
    tracks: pl.DataFrame

    @classmethod
    def of(cls, parts: Sequence["Evidence"]) -> "Evidence":
        """Several hours as one; of a session that arrived again the last counts."""
        empty = cls(measures=PAYOUT_EVIDENCE.empty(), tracks=PAYOUT_TRACKS.empty())
        key = ["session_id", "wallet"]
        measures, tracks = (
            pl.concat([getattr(part, name) for part in (empty, *parts)]).unique(
                key, keep="last", maintain_order=True
            )
            for name in ("measures", "tracks")
        )
        return cls(measures=measures, tracks=tracks)


def gather(
    *,
    sessions: pl.DataFrame,
    frames: pl.DataFrame,
    signals: pl.DataFrame,
    verdicts: pl.DataFrame,
    limits: FraudLimits,
) -> Evidence:
    """Measure sessions.

    Args:
        sessions: `session_id, wallet, scenario_id, completed_ms` of those to measure.
        frames: FRAMES.
        signals: SIGNALS.
        verdicts: VERDICTS, for duplicates of pictures.
        limits: When there is enough to tell; no verdict is given here.
    """
    ids = sessions["session_id"].unique().sort().to_list()
    tracks = list(tracks_of(frames, ids))
    columns = [
        _motions(tracks, limits),
        _timings(tracks, limits),
        _films(frames, signals, ids, limits),
        _duplicates(verdicts),
    ]
    measures = sessions
    for found in columns:
        measures = measures.join(found, on="session_id", how="left")
    kept = sessions.join(_kept(tracks), on="session_id", how="inner")
    return Evidence(measures=PAYOUT_EVIDENCE.conform(measures), tracks=PAYOUT_TRACKS.conform(kept))


def _motions(tracks: Sequence[Track], limits: FraudLimits) -> pl.DataFrame:
    rule = limits.unexplained_motion
    found = [
        vars(each)
        for first in range(0, len(tracks), _BATCH)
        for each in unexplained_motion(
            tracks[first : first + _BATCH],
            turned_min_rad=rule.turned_min_rad,
            paced_min_mps=rule.paced_min_mps,
        )
    ]
    return pl.DataFrame(found, schema={"session_id": pl.String, "turning": pl.Float64, "pace": pl.Float64})


def _timings(tracks: Sequence[Track], limits: FraudLimits) -> pl.DataFrame:
    rule = limits.scripted_input
    found = [vars(timing_of(track, rule)) for track in tracks]
    names = ("beat", "repeat", "metres_per_change")
    return pl.DataFrame(found, schema={"session_id": pl.String} | dict.fromkeys(names, pl.Float64))


def _films(frames: pl.DataFrame, signals: pl.DataFrame, ids: list[str], limits: FraudLimits) -> pl.DataFrame:
    rule = limits.repeated_video
    film_limits = FilmLimits(
        distance_max=rule.distance_max,
        apart_min_m=rule.apart_min_m,
        hashes_min=rule.hashes_min,
        moving_min_s=rule.moving_min_s,
        still_change_max=rule.still_change_max,
    )
    key = ["session_id", "frame_idx"]
    rows = (
        signals.filter(pl.col("session_id").is_in(ids)).select(*key, *_SIGNAL_COLUMNS)
        .join(frames.select(*key, *_FILM_COLUMNS), on=key).sort(key)
    )  # fmt: skip
    found = [
        vars(film_of(str(session_id), part, film_limits))
        for (session_id,), part in rows.group_by("session_id", maintain_order=True)
    ]
    names = [name for name in Film.__dataclass_fields__ if name != "session_id"]
    return pl.DataFrame(found, schema={"session_id": pl.String} | dict.fromkeys(names, pl.Float64))


def _duplicates(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Share of each session's judged segments that show what an earlier session's show."""
    share = pl.col("duplicate_of").is_not_null().mean()
    return verdicts.group_by("session_id").agg(duplicate_segments=share)


def _kept(tracks: Sequence[Track]) -> pl.DataFrame:
    rows = []
    for track in tracks:
        x_m, y_m = track.x_m[::PLACE_EVERY], track.y_m[::PLACE_EVERY]
        rows.append(
            {
                "session_id": track.session_id,
                "x_m": x_m.tolist(),
                "y_m": y_m.tolist(),
                "keys": track.keys.tobytes(),
                "key_changes": len(track.changes[0]),
                "place_marks": place_marks(x_m, y_m, PLACE_S).marks.tolist(),
                "key_marks": key_marks(track.keys).marks.tolist(),
            }
        )
    names = ("session_id", "x_m", "y_m", "keys", "key_changes", "place_marks", "key_marks")
    return pl.DataFrame(rows, schema={name: PAYOUT_TRACKS.schema[name] for name in names})
