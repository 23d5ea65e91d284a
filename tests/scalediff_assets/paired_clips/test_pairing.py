"""The join by frame id, without a graph: ids from the log or the stamps, clips that cannot be joined."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scalediff_assets.paired_clips.pairing import ClipFacts, PaintedFrame, paired_clip, read_pairs
from scalediff_assets.paired_clips.stills import Stills, luma_of, read_stills
from scalediff_contract.bundle import FrameLink
from world.recorder.encode import encode_webm, plain_picture
from world.recorder.stamp import stamp_row

SIDE = (320, 192)
FACTS = ClipFacts(
    clip_id="session_1_a_recorded",
    session_id="session_1_a",
    wallet="wallet",
    origin="recorded",
    prompt="rain",
    source_key="source",
    painted_key="painted",
)


def video(path: Path, ids: Sequence[int | None]) -> Path:
    """A gray video with these stamps, one every 100 ms."""

    def picture(frame_id: int | None) -> NDArray[np.uint8]:
        planar = plain_picture(*SIDE)
        planar[70:130, 90:160] = 190
        if frame_id is not None:
            row = stamp_row(frame_id, *SIDE)
            planar[: len(row) // 32, : len(row)] = row
        return planar

    pts_ms = [100 * n for n in range(len(ids))]
    path.write_bytes(encode_webm(map(picture, ids), pts_ms, width_px=SIDE[0], height_px=SIDE[1], live=False))
    return path


def links(ids: Sequence[int | None]) -> list[FrameLink]:
    return [FrameLink(n=n, pts_us=n * 100_000, src_frame=k, rtp=None) for n, k in enumerate(ids)]


def stills(path: Path, logged: Sequence[int | None] = ()) -> Stills:
    return read_stills(path, links=links(logged), wanted=lambda *_: True)


def painted(source: Stills, ids: Sequence[int | None]) -> list[PaintedFrame]:
    jpeg = next(iter(source.by_id.values())).jpeg
    return [
        PaintedFrame(sim_frame=k, frame_idx=n, pts_ms=40 * n, jpeg=jpeg, segment_id="s_001")
        for n, k in enumerate(ids)
    ]


def test_ids_come_from_the_stamps_where_nobody_logged_them(tmp_path: Path) -> None:
    found = stills(video(tmp_path / "v.webm", [4, 5, None, 9]))
    assert {k: still.index for k, still in found.by_id.items()} == {4: 0, 5: 1, 9: 3}
    assert (found.frames, found.unnamed, found.contradictions) == (4, 1, 0)


def test_an_unlogged_id_that_goes_backwards_is_no_id(tmp_path: Path) -> None:
    found = stills(video(tmp_path / "v.webm", [4, 5, 3, 6]))
    assert sorted(found.by_id) == [4, 5, 6]
    assert found.unnamed == 1


def test_a_log_is_held_against_the_stamps(tmp_path: Path) -> None:
    path = video(tmp_path / "v.webm", [4, 5, None, 9])
    assert stills(path, [4, 5, 6, 9]).contradictions == 0
    assert sorted(stills(path, [4, 5, 6, 9]).by_id) == [4, 5, 6, 9]
    assert stills(path, [5, 6, 7, 10]).contradictions == 3


def test_no_stamp_is_left_in_a_still(tmp_path: Path) -> None:
    (still,) = stills(video(tmp_path / "v.webm", [0x5A5A5A])).by_id.values()
    assert np.ptp(still.luma[:18].astype(int)) < 12
    assert np.ptp(luma_of(still.jpeg)[:18].astype(int)) < 16


def test_a_broken_video_gives_what_came_before_the_break(tmp_path: Path) -> None:
    path = video(tmp_path / "v.webm", list(range(20)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = stills(path)
    assert 0 < found.frames < 20
    path.write_bytes(b"no video")
    assert stills(path).problem is not None


def test_frames_are_joined_by_id_and_never_by_time(tmp_path: Path) -> None:
    source = stills(video(tmp_path / "v.webm", [10, 12, 14, 16]))
    clip = paired_clip(FACTS, painted(source, [16, 12, None, 10, 99]), source)
    pairs = clip.tables.pairs
    assert dict(zip(pairs["sim_frame"], pairs["source_idx"], strict=True)) == {16: 3, 12: 1, 10: 0}
    assert dict(zip(pairs["frame_idx"], pairs["sim_frame"], strict=True)) == {0: 16, 1: 12, 3: 10}
    row = clip.tables.clips.row(0, named=True)
    assert (row["state"], row["pairs"], row["painted_frames"]) == ("paired", 3, 5)
    assert clip.shard is not None
    assert read_pairs(clip.shard).drop("source_jpeg", "painted_jpeg").equals(pairs)
    assert pairs["pair_layout"].min() > 0.95  # type: ignore[operator]


def test_the_same_pictures_give_the_same_shard(tmp_path: Path) -> None:
    source = stills(video(tmp_path / "v.webm", [1, 2, 3]))
    first, second = (paired_clip(FACTS, painted(source, [1, 2, 3]), source).shard for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("logged", "shown", "reason", "words"),
    [
        ((), [None, None, None], "frame_id_mismatch", "no painted frame carries a frame id"),
        ((), [50, 51, 52, 1], "frame_id_mismatch", "1 of 4 painted frames have a frame before painting"),
        ([7, 8, 9], [7, 8, 9], "frame_id_mismatch", "3 of 3 source frames are stamped with another id"),
    ],
)
def test_a_clip_that_cannot_be_joined_says_why(
    tmp_path: Path, logged: Sequence[int], shown: list[int | None], reason: str, words: str
) -> None:
    source = stills(video(tmp_path / "v.webm", [1, 2, 3]), logged)
    clip = paired_clip(FACTS, painted(source, shown), source)
    row: dict[str, Any] = clip.tables.clips.row(0, named=True)
    assert (row["state"], row["reason"], row["pairs"]) == ("rejected", reason, 0)
    assert words in row["detail"]
    assert clip.shard is None and clip.tables.pairs.height == 0


def test_a_source_that_nobody_can_decode_is_a_reason(tmp_path: Path) -> None:
    good = stills(video(tmp_path / "v.webm", [1, 2]))
    (tmp_path / "broken.webm").write_bytes(b"<html>")
    clip = paired_clip(FACTS, painted(good, [1, 2]), stills(tmp_path / "broken.webm"))
    assert clip.tables.clips["reason"].to_list() == ["decode_failed"]
