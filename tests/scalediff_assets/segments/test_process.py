"""One session from video to shard and verdict."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.raw_sessions.bundle import JSON_FILES, parse_bundle
from scalediff_assets.schemas import DECODINGS, SEGMENTS, SHARD_FRAMES, SIGNALS
from scalediff_assets.segments.decode import DecodeOptions
from scalediff_assets.segments.process import ProcessedVideo, process_video
from scalediff_contract.sessions import BundleFile

SESSION_ID = "session_1769925785000_abc"
REAL = Path(__file__).parents[3] / ".." / "shared" / "real_sessions"
Clip = Callable[..., Path]
MakeFrames = Callable[..., pl.DataFrame]


def processed(path: Path, frames: pl.DataFrame, options: DecodeOptions | None = None) -> ProcessedVideo:
    made = process_video(path, session_id=SESSION_ID, frames=frames, options=options)
    assert DECODINGS.problems(DECODINGS.frame([made.decoding])) == []
    assert SEGMENTS.problems(made.segments) == SIGNALS.problems(made.signals) == []
    return made


@pytest.fixture
def aligned(make_frames: MakeFrames) -> Callable[[Path], pl.DataFrame]:
    """FRAMES of a file: what its packets say, on a steady drive."""
    return lambda path: make_frames(read_packets(path).pts_ms)


def test_a_good_video_gives_segments_signals_and_a_shard(
    clip: Clip, aligned: Callable[[Path], pl.DataFrame]
) -> None:
    path = clip(count=300)
    made = processed(path, aligned(path))
    assert made.shard is not None
    rows = pl.read_parquet(io.BytesIO(made.shard))
    assert SHARD_FRAMES.problems(rows) == []
    assert made.decoding["verdict"] == "valid"
    assert made.decoding["reason"] is made.decoding["detail"] is None
    assert (made.decoding["frames"], made.decoding["segments"]) == (300, 2)
    assert rows.height == made.decoding["exported_frames"] == made.segments["exported_frames"].sum() == 100
    assert made.decoding["shard_sha256"] == hashlib.sha256(made.shard).hexdigest()
    assert made.decoding["shard_bytes"] == len(made.shard)
    assert made.shard == processed(path, aligned(path)).shard


def test_a_scene_change_parts_the_segments(clip: Clip, aligned: Callable[[Path], pl.DataFrame]) -> None:
    path = clip(count=240, jump_at=110)
    made = processed(path, aligned(path)).segments
    assert made["first_frame_idx"].to_list() == [0, 110]


def test_only_pictures_in_the_shard_count_as_exported(
    clip: Clip, aligned: Callable[[Path], pl.DataFrame]
) -> None:
    path = clip(count=180, jump_at=60)
    made = processed(path, aligned(path))
    assert made.shard is not None
    stored = pl.read_parquet(io.BytesIO(made.shard))["frame_idx"].to_list()
    assert min(stored) == 60
    assert made.signals.filter("exported")["frame_idx"].to_list() == stored


def test_an_idle_session_is_valid_but_stores_no_picture(clip: Clip, make_frames: MakeFrames) -> None:
    path = clip(count=150)
    made = processed(path, make_frames(read_packets(path).pts_ms, x_m=0.0, held_w=False))
    assert made.decoding["verdict"] == "valid"
    assert made.segments["skip_reason"].to_list() == ["idle"]
    assert made.decoding["segments"] == made.decoding["exported_frames"] == 0
    assert made.shard is None


def test_a_video_without_a_long_part_is_refused_and_told_how_long_it_was(
    clip: Clip, aligned: Callable[[Path], pl.DataFrame]
) -> None:
    path = clip(count=75, jump_at=20)
    made = processed(path, aligned(path))
    assert made.decoding["reason"] == "no_usable_run"
    assert "the longest part without a gap, cut or teleport is 1.8 s (minimum 3 s)" in made.decoding["detail"]
    assert made.shard is None


def test_a_video_that_lost_most_of_its_end_is_refused(
    clip: Clip, encode: Callable[..., bytes], make_frames: MakeFrames
) -> None:
    content = encode(count=120)
    frames = make_frames([round(k * 1000 / 30) for k in range(120)])
    made = processed(clip(content[: len(content) // 2]), frames)
    assert made.decoding["reason"] == "truncated_video"
    assert "of 120 frames decode (minimum 80%)" in made.decoding["detail"]
    assert made.segments.height == 0


@pytest.mark.parametrize("content", [b"", b"text"])
@pytest.mark.parametrize("packets", [0, 150])
def test_what_is_no_video_is_refused(
    content: bytes, packets: int, clip: Clip, make_frames: MakeFrames
) -> None:
    made = processed(clip(content), make_frames([k * 40 for k in range(packets)]))
    assert made.decoding["verdict"] == "rejected"
    assert made.decoding["reason"] == "decode_failed"
    assert made.decoding["frames"] == made.segments.height == made.signals.height == 0


def test_a_limit_of_the_pass_refuses_the_session(clip: Clip, aligned: Callable[[Path], pl.DataFrame]) -> None:
    path = clip(count=120)
    made = processed(path, aligned(path), DecodeOptions(max_frames=100))
    assert made.decoding["reason"] == "too_many_frames"
    assert made.segments.height == 0
    assert made.shard is None


@pytest.mark.skipif(not REAL.is_dir(), reason="no real sessions beside this checkout")
def test_the_real_recording_gives_two_segments() -> None:
    found = {file: next(REAL.glob(f"*_tp5owb{file.value}")) for file in JSON_FILES}
    video = next(REAL.glob("*_tp5owb.webm"))
    files = {file: path.read_bytes() for file, path in found.items()}
    meta = json.loads(files[BundleFile.META])
    session_id = meta["sessionId"]
    bundle = parse_bundle(session_id, meta["walletAddress"], files)
    upload_ms = int(found[BundleFile.LATENCY].name[:13])
    aligned = align_session(bundle, read_packets(video), latency_upload_ms=upload_ms)
    made = process_video(
        video,
        session_id=session_id,
        frames=aligned.frames,
        start_uncertainty_ms=aligned.sessions["start_uncertainty_ms"][0],
    )
    assert made.decoding["verdict"] == "valid"
    assert made.decoding["frames"] == 147
    assert made.decoding["segments"] == made.segments.height == 2
