"""Offline repainting: ids kept, prompts obeyed, killed jobs go on, bad sources are failures."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gpu_services.streaming.backend import PaintJob
from gpu_services.streaming.repaint import paint_stream, repaint
from gpu_services.streaming.service.pictures import Picture
from scalediff_contract.repaint import RepaintedVideo, RepaintResult, RepaintSession, RepaintSpec
from world.recorder.encode import encode_webm, plain_picture
from world.recorder.stamp import read_stamp, stamp_row

WIDTH, HEIGHT, FRAMES = 320, 192, 9
SESSION = "session_1769925785747_z9mm6j"
IDS = [5, 6, 8, 9, 10, 11, 13, 14, 15]  # some ticks were never recorded
PTS_MS = [n * 66 for n in range(FRAMES)]


def stamped_video(ids: Sequence[int | None]) -> bytes:
    """A gray street with a bright wall, stamped."""

    def picture(frame_id: int | None) -> NDArray[np.uint8]:
        planar = plain_picture(WIDTH, HEIGHT)
        planar[80:150, 100:200] = 200
        if frame_id is not None:
            row = stamp_row(frame_id, WIDTH, HEIGHT)
            planar[: len(row) // 32, : len(row)] = row
        return planar

    pts_ms = PTS_MS[: len(ids)]
    return encode_webm(map(picture, ids), pts_ms, width_px=WIDTH, height_px=HEIGHT, live=False)


def spec_for(folder: Path, **changes: Any) -> RepaintSpec:
    key = f"wallet/{SESSION}_source.webm"
    fields: dict[str, Any] = {
        "sessions": (RepaintSession(session_id=SESSION, source_key=key),),
        "prompts": ("heavy rain", "night"),
        "width_px": 320,
        "height_px": 192,
        "raw_url": str(folder / "raw"),
        "videos_url": str(folder / "videos"),
        "output_url": str(folder / "job"),
    }
    return RepaintSpec(**{**fields, **changes})


def put_source(folder: Path, content: bytes) -> None:
    path = folder / "raw" / "wallet" / f"{SESSION}_source.webm"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def run(spec: RepaintSpec) -> RepaintResult:
    return repaint(spec, lambda *_: None)


def lumas(content: bytes) -> list[NDArray[np.uint8]]:
    with av.open(io.BytesIO(content), mode="r") as container:
        return [np.asarray(f.to_ndarray(format="gray"), np.uint8) for f in container.decode(video=0)]


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RepaintResult]:
    folder = tmp_path_factory.mktemp("repaint")
    put_source(folder, stamped_video(IDS))
    return folder, run(spec_for(folder))


def sidecars(folder: Path, result: RepaintResult) -> list[RepaintedVideo]:
    return [
        RepaintedVideo.model_validate_json((folder / "videos" / key).read_bytes()) for key in result.painted
    ]


def test_every_painted_frame_carries_its_source_s_id_and_time(painted: tuple[Path, RepaintResult]) -> None:
    folder, result = painted
    assert (result.status, result.backend, result.frames, result.failures) == ("finished", "stylize", 18, ())
    for video in sidecars(folder, result):
        content = (folder / "videos" / video.video_key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == video.video_sha256
        assert [link.src_frame for link in video.frames] == IDS
        assert [round(link.pts_us / 1000) for link in video.frames] == PTS_MS
        assert [read_stamp(luma) for luma in lumas(content)] == IDS


def test_each_prompt_paints_another_picture(painted: tuple[Path, RepaintResult]) -> None:
    folder, result = painted
    rain, night = (
        lumas((folder / "videos" / each.video_key).read_bytes())[4] for each in sidecars(folder, result)
    )
    assert rain[40:].mean() > night[40:].mean() + 20


def test_what_is_painted_is_not_painted_again(tmp_path: Path) -> None:
    put_source(tmp_path, stamped_video(IDS))
    first = run(spec_for(tmp_path, prompts=("night",)))
    (kept,) = (tmp_path / "videos" / first.painted[0]).parent.glob("*.webm")
    before = kept.stat().st_mtime_ns
    # A job that was killed between video and sidecar paints that video again, and only that.
    second = run(spec_for(tmp_path, prompts=("night", "snow")))
    assert (second.reused, second.frames, len(second.painted)) == (1, FRAMES, 2)
    (tmp_path / "videos" / second.painted[1]).unlink()
    third = run(spec_for(tmp_path, prompts=("night", "snow")))
    assert (third.reused, third.frames, third.painted) == (1, FRAMES, second.painted)
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (stamped_video([None] * 4), "no frame of it carries a frame id"),
        (b"<html>403 Forbidden</html>", "Invalid data found"),
        (None, "cannot be read"),
    ],
)
def test_a_source_that_cannot_be_painted_is_a_failure_of_that_session(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        put_source(tmp_path, content)
    result = run(spec_for(tmp_path, prompts=("night",)))
    assert (result.status, result.painted) == ("finished", ())
    (failure,) = result.failures
    assert words in failure.detail and SESSION in failure.detail
    assert list((tmp_path / "videos").rglob("*.json")) == []


class ChunkBackend:
    """A fake painter in chunks of 1, then 4, as a causal video model takes them; brightens by 10."""

    name, width_px, height_px = "chunks", WIDTH, HEIGHT

    def __init__(self) -> None:
        self.chunks: list[int] = []
        self.open = 0

    def open_session(self, prompt: str) -> object:
        self.open += 1
        return prompt

    def chunk_frames(self, state: object) -> int:
        return 4 if self.chunks else 1

    def set_prompt(self, state: object, prompt: str) -> None:
        raise AssertionError("a repaint has one prompt")

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        self.chunks += [len(job.frames) for job in jobs]
        return [np.asarray(job.frames + 10, np.uint8) for job in jobs]

    def close_session(self, state: object) -> None:
        self.open -= 1


def test_a_painter_in_chunks_gets_whole_chunks_and_gives_one_picture_a_frame() -> None:
    backend = ChunkBackend()
    pictures = [
        Picture(rgb=np.full((HEIGHT, WIDTH, 3), 40 + n, np.uint8), in_id=n, is_stamped=True, in_s=n / 15)
        for n in range(7)
    ]
    painted = list(paint_stream(pictures, "night", backend))
    assert backend.chunks == [1, 4, 4]
    assert [int(each[100, 100, 0]) for each in painted] == [50 + n for n in range(7)]
    assert [read_stamp(each) for each in painted] == list(range(7))
    assert backend.open == 0


def test_a_repaint_spec_is_read_back_as_one(tmp_path: Path) -> None:
    from scalediff_contract.jobs import RESULT, SPEC

    spec = spec_for(tmp_path)
    assert SPEC.validate_json(spec.model_dump_json()) == spec
    put_source(tmp_path, stamped_video(IDS[:3]))
    result = run(spec)
    assert RESULT.validate_python(json.loads(result.model_dump_json())) == result
