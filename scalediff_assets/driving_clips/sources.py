"""Which recordings a set of clips is cut from: the players' passing segments, and KITTI's sequences.

A segment is a recording of its own: it has no gap, and its 50 pictures at 10 Hz are a block of 40 and a
guard, so that neighbouring segments share no picture and no motion across a split.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from resources.connections import Connections
from resources.tables import has_tables, read_tables, written_partitions
from scalediff_assets.partitions import day_of
from scalediff_assets.schemas import QualityScores, RawSessions, Segments
from scalediff_contract.clip_manifests import ClipSource
from scalediff_contract.scenarios import ScenarioPrompt, load_catalogue

# What a free drive is, and every staged situation that is of no category.
EVERYDAY = "clear_highway"
_ROAD, _WEATHER, _TIME = "a city street", "clear weather", "daytime"


def hours_between(connections: Connections, first_day: str, last_day: str) -> list[str]:
    """Hours of arrival that have segments and verdicts, from day to day, both included; "" is no bound."""
    lake = connections.lake()
    # A folder has no colon: 2026-02-01-0900.
    hours = [f"{folder[:-2]}:{folder[-2:]}" for folder in written_partitions(lake, "segments")]
    return [
        hour
        for hour in hours
        if first_day <= day_of(hour) <= (last_day or "9999") and has_tables(lake, "quality_scores", hour)
    ]


def player_sources(connections: Connections, hours: Sequence[str]) -> list[ClipSource]:
    """The passing segments of some hours, each with what its session staged."""
    return [source for hour in hours for source in _of_hour(connections, hour)]


def category_of(scenario_id: str | None) -> str:
    """The catalogue's category of a session's staged scenario."""
    for category in load_catalogue().categories:
        if scenario_id is not None and category.game_scenario == scenario_id:
            return category.id
    return EVERYDAY


def caption_of(category_id: str) -> str:
    """What the game shows of a category, in the words of the prompt template: always by day, in a city."""
    event = load_catalogue().category(category_id).events[0]
    return ScenarioPrompt(
        event=event,
        conditions=_WEATHER,
        road_type=_ROAD,
        time_of_day=_TIME,  # type: ignore[arg-type]
    ).render()


def _of_hour(connections: Connections, hour: str) -> Iterator[ClipSource]:
    lake = connections.lake()
    segments = read_tables(lake, "segments", hour, Segments)
    verdicts = read_tables(lake, "quality_scores", hour, QualityScores).segments
    sessions = read_tables(lake, "raw_sessions", hour, RawSessions).sessions
    passing = (
        segments.segments.filter(pl.col("skip_reason").is_null())
        .join(verdicts.filter(pl.col("passed")).select("segment_id"), on="segment_id")
        .join(segments.sessions.select("session_id", "shard_key"), on="session_id")
        .join(sessions.unique("session_id").select("session_id", "scenario_id"), on="session_id")
        .filter(pl.col("shard_key").is_not_null())
        .sort("segment_id")
    )
    for row in passing.iter_rows(named=True):
        category = category_of(row["scenario_id"])
        yield ClipSource(
            kind="frame_shard",
            place_url=lake.url,
            key=row["shard_key"],
            source=row["segment_id"],
            origin=row["origin"],
            category=category,
            caption=caption_of(category),
            segment_id=row["segment_id"],
        )
