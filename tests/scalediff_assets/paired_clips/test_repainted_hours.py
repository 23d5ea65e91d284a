"""Repaints through the real graph: a real job, painted videos in the lake, pairs beside the recorded ones."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from resources.tables import read_tables
from scalediff_assets.pair_schemas import PairedClips, RepaintedSessions
from scalediff_assets.schemas import QualityScores
from tests.scalediff_assets.conftest import QUIET
from world.recorder import RecordedBundle

pytestmark = pytest.mark.slow
Record = Callable[..., RecordedBundle]


def repaint(platform: Any, **order: Any) -> dg.ExecuteInProcessResult:
    return platform.defs.resolve_job_def("repaint_hours").execute_in_process(
        partition_key=platform.hour,
        instance=platform.instance,
        run_config={**QUIET, "ops": {"repainted_sessions": {"config": order}}},
        raise_on_error=False,
    )


def tables(platform: Any, asset: str, kind: Any) -> Any:
    return read_tables(platform.connections.lake(), asset, platform.hour, kind)


def test_repaints_of_an_hour_are_paired_beside_what_the_player_saw(
    platform: Any, both: Record, recorded: Record
) -> None:
    platform.upload(both(1), recorded(4, duration_s=6.0))
    platform.take_in()
    assert platform.run().success
    judged = tables(platform, "quality_scores", QualityScores).segments
    assert repaint(platform, prompts=["heavy rain", "a night in the city"]).success
    videos = tables(platform, "repainted_sessions", RepaintedSessions).videos
    assert videos["state"].to_list() == ["painted", "painted"]
    assert set(videos["backend"]) == {"stylize"}
    paired = tables(platform, "paired_clips", PairedClips)
    own = paired.clips.filter(session_id=both(1).session_id)
    assert own["state"].to_list() == ["paired"] * 3
    assert sorted(own["origin"]) == ["recorded", "repainted", "repainted"]
    assert set(own.filter(origin="repainted")["prompt"]) == {"heavy rain", "a night in the city"}
    painted = paired.pairs.filter(origin="repainted")
    assert painted.height > 100
    assert painted["source_idx"].to_list() == painted["sim_frame"].to_list()
    assert (painted["pts_ms"] - painted["source_pts_ms"]).abs().max() <= 1
    # The stylizer keeps the street where it is; a painter by rule is never called a hallucination by layout.
    assert painted["pair_layout"].median() > 0.6
    # What is painted afterwards says nothing of what the player saw.
    assert platform.run().success
    assert tables(platform, "quality_scores", QualityScores).segments.equals(judged)
    assert tables(platform, "paired_clips", PairedClips).clips.equals(paired.clips)


def test_an_order_that_cannot_be_says_why(platform: Any, both: Record, recorded: Record) -> None:
    platform.upload(recorded(4, duration_s=6.0))
    platform.take_in()
    assert platform.run().success
    session_id = recorded(4, duration_s=6.0).session_id
    refused = repaint(platform, prompts=["night"], session_ids=[session_id])
    assert not refused.success
    (failure,) = [e for e in refused.all_events if e.event_type == dg.DagsterEventType.STEP_FAILURE]
    error = failure.step_failure_data.error
    assert error is not None and error.cause is not None
    assert session_id in error.cause.message and "?source" in error.cause.message
    assert repaint(platform, prompts=[]).success
    assert tables(platform, "repainted_sessions", RepaintedSessions).videos.equals(RepaintedSessions().videos)
