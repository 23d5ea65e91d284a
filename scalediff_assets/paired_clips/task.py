"""One session of `paired_clips` in a worker process: its source decoded once, then each painting of it.

The player's own painting was decoded by `segments`; its stored pictures are paired, so that no video of the
hour is decoded twice. A repainted video is decoded here, once.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from resources.object_store import ObjectStore
from scalediff_assets.pair_schemas import PairedClips
from scalediff_assets.paired_clips.pairing import (
    ClipFacts,
    PaintedFrame,
    PairedClip,
    contradiction,
    paired_clip,
    unpaired,
)
from scalediff_assets.paired_clips.stills import Still, Stills, read_stills
from scalediff_assets.segments.decode import grid_tick
from scalediff_contract.bundle import FrameLink, LatencyReport
from scalediff_contract.reasons import Reason
from scalediff_contract.repaint import SIDECAR_SUFFIX, VIDEO_SUFFIX, RepaintedVideo


@dataclass(frozen=True, kw_only=True)
class PairTask:
    """What a worker needs to pair one session.

    Attributes:
        raw: Store of the uploads.
        lake: Store of frame shards, repainted videos and pair shards.
        session: The session's row of the manifest, with its `shard_key`.
        sidecars: Object keys of its repainted videos' sidecars.
        repaint_hz: Pairs a second of a repainted video.
    """

    raw: ObjectStore
    lake: ObjectStore
    session: dict[str, Any]
    sidecars: tuple[str, ...] = ()
    repaint_hz: float = 10.0


def pair_task(task: PairTask) -> PairedClips:
    """Pair one session with every painting of it; shards are stored under names of their content."""
    row = task.session
    if row["source_video_key"] is None:
        return unpaired(recorded_facts(row), "no_source").tables
    painted = _stored_frames(task)
    repaints = {key: RepaintedVideo.model_validate_json(task.lake.get(key)) for key in task.sidecars}
    links = LatencyReport.model_validate_json(task.raw.get(row["latency_key"])).source_frames
    source = _source_stills(task, painted, links, with_grid=bool(repaints))
    facts = recorded_facts(row, frame_ids="sidecar" if links else "stamp")
    clips = [paired_clip(facts, painted, source)]
    clips += [_repainted(task, key, video, source) for key, video in repaints.items()]
    return PairedClips.concat([_stored(task.lake, clip) for clip in clips])


def recorded_facts(row: dict[str, Any], frame_ids: Any = None) -> ClipFacts:
    """The facts of what the player saw, from the session's row of the manifest."""
    return ClipFacts(
        clip_id=f"{row['session_id']}_recorded",
        session_id=row["session_id"],
        wallet=row["wallet"],
        origin="recorded",
        prompt=row["prompt"],
        source_key=row["source_video_key"],
        painted_key=row["video_key"],
        frame_ids=frame_ids,
    )


def failed_pairing(row: dict[str, Any], reason: Reason, detail: str) -> PairedClips:
    """The rejected row of a session whose worker gave no result."""
    return unpaired(recorded_facts(row), "rejected", reason, f"{row['session_id']}: {detail}").tables


def _stored_frames(task: PairTask) -> list[PaintedFrame]:
    """The player's painted frames as `segments` stored them."""
    if task.session["shard_key"] is None:
        return []
    columns = ["segment_id", "sim_frame", "frame_idx", "pts_ms", "jpeg"]
    with task.lake.local_copy(task.session["shard_key"]) as path:
        rows = pl.read_parquet(path, columns=columns).sort("frame_idx")
    return [PaintedFrame(**row) for row in rows.iter_rows(named=True)]


def _source_stills(
    task: PairTask, painted: list[PaintedFrame], links: tuple[FrameLink, ...], *, with_grid: bool
) -> Stills:
    """The frames before painting that somebody is paired with."""
    shown = {frame.sim_frame for frame in painted}
    on_grid = Grid(task.repaint_hz)

    def wanted(frame_id: int, pts_ms: int) -> bool:
        return (with_grid and on_grid(pts_ms)) or frame_id in shown

    with task.raw.local_copy(task.session["source_video_key"]) as path:
        return read_stills(path, links=links, wanted=wanted)


class Grid:
    """Says of increasing time stamps whether each is the first of its tick."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz, self._last = rate_hz, -1

    def __call__(self, pts_ms: int) -> bool:
        """Whether this time stamp begins a tick."""
        tick = grid_tick(pts_ms, self._rate_hz)
        first, self._last = tick != self._last, tick
        return first


def _repainted(task: PairTask, sidecar_key: str, video: RepaintedVideo, source: Stills) -> PairedClip:
    row, video_key = task.session, sidecar_key.removesuffix(SIDECAR_SUFFIX) + VIDEO_SUFFIX
    facts = ClipFacts(
        clip_id=f"{row['session_id']}_{video.repaint_id}",
        session_id=row["session_id"],
        wallet=row["wallet"],
        origin="repainted",
        prompt=video.prompt,
        backend=video.backend,
        source_key=row["source_video_key"],
        painted_key=video_key,
        frame_ids="stamp",
    )
    if video.source_key != row["source_video_key"]:
        detail = f"{facts.clip_id}: it was painted from {video.source_key}, which is not the session's source"
        return unpaired(facts, "rejected", Reason.SUPERSEDED, f"{detail} any more; repaint it")
    with task.lake.local_copy(video_key) as path:
        stills = read_stills(path, links=video.frames, wanted=lambda frame_id, _: frame_id in source.by_id)
    if (problem := contradiction(facts.clip_id, "painted", stills)) is not None:
        return unpaired(facts, "rejected", Reason.FRAME_ID_MISMATCH, problem)
    return paired_clip(facts, [_frame(frame_id, still) for frame_id, still in stills.by_id.items()], source)


def _frame(frame_id: int, still: Still) -> PaintedFrame:
    return PaintedFrame(
        sim_frame=frame_id, frame_idx=still.index, pts_ms=still.pts_ms, jpeg=still.jpeg, luma=still.luma
    )


def _stored(lake: ObjectStore, clip: PairedClip) -> PairedClips:
    if clip.shard is not None:
        key = clip.tables.clips["shard_key"][0]
        if lake.head(key) is None:
            lake.put(key, clip.shard, content_type="application/vnd.apache.parquet")
    return clip.tables
