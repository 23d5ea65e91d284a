"""Small drawn clips and the frames that would have been aligned to them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from scalediff_assets.aligned_sessions.packets import run_ids
from scalediff_assets.schemas import FRAMES
from scalediff_contract.stamp import block_px
from world.recorder.encode import encode_webm

SESSION_ID = "session_1769925785000_abc"
Picture = npt.NDArray[np.uint8]


def _pictures(
    count: int, *, width_px: int = 320, height_px: int = 192, jump_at: int | None = None, stamp: bool = False
) -> list[Picture]:
    """A soft random texture that slides by 2 px a frame.

    From frame `jump_at` on it is dark and flat; `stamp` writes black and white blocks along the top.
    """
    rng = np.random.default_rng(7)
    wide = rng.integers(16, 236, (height_px // 8, (width_px + 2 * count) // 8 + 1)).astype(np.uint8)
    field = cv2.resize(wide, (width_px + 2 * count, height_px), interpolation=cv2.INTER_CUBIC)
    made = []
    for k in range(count):
        picture = np.full((height_px * 3 // 2, width_px), 128, np.uint8)
        luma = field[:, 2 * k : 2 * k + width_px].clip(16, 235)
        picture[:height_px] = luma if jump_at is None or k < jump_at else 40 + luma // 8
        picture[height_px:] += np.uint8(k % 16)
        if stamp:
            side_px = block_px(width_px, height_px)
            picture[:side_px] = np.repeat(rng.choice([16, 235], -(-width_px // side_px)), side_px)[:width_px]
        made.append(picture)
    return made


def pts_of(count: int, fps: float = 30.0) -> list[int]:
    return [round(k * 1000 / fps) for k in range(count)]


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Bytes of a clip of drawn pictures."""

    def make(count: int = 30, pts_ms: Sequence[int] | None = None, **pictures: Any) -> bytes:
        drawn = _pictures(count, **pictures)
        height_px, width_px = drawn[0].shape[0] * 2 // 3, drawn[0].shape[1]
        return encode_webm(
            drawn,
            pts_ms or pts_of(count),
            width_px=width_px,
            height_px=height_px,
            live=True,
            bits_per_s=1_500_000,
        )

    return make


@pytest.fixture
def clip(tmp_path: Path, encode: Callable[..., bytes]) -> Callable[..., Path]:
    """Path of a clip: drawn from the arguments of `encode`, or of the given `content`."""

    def make(content: bytes | None = None, **drawn: Any) -> Path:
        path = tmp_path / "clip.webm"
        path.write_bytes(encode(**drawn) if content is None else content)
        return path

    return make


@pytest.fixture(scope="session")
def source_pictures() -> Callable[..., list[Picture]]:
    """What `encode` draws: `(H * 3 // 2, W) uint8` each."""
    return _pictures


@pytest.fixture(scope="session")
def one_after_the_other() -> Callable[[bytes, bytes], bytes]:
    """The packets of two clips as one stream, the second 40 ms after the first."""

    def join(first: bytes, second: bytes) -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, mode="w", format="webm") as out:
            stream: Any = None
            start_ms = 0
            for content in (first, second):
                with av.open(io.BytesIO(content), mode="r") as source:
                    stream = stream or out.add_stream_from_template(source.streams.video[0])
                    last_ms = 0
                    for packet in source.demux(source.streams.video[0]):
                        if packet.size:
                            last_ms = start_ms + cast(int, packet.pts)
                            packet.pts = packet.dts = last_ms
                            packet.stream = stream
                            out.mux(packet)
                    start_ms = last_ms + 40
        return buffer.getvalue()

    return join


@pytest.fixture(scope="session")
def make_frames() -> Callable[..., pl.DataFrame]:
    """FRAMES of a car that drives at 10 m/s with W held, for given PTS; columns can be replaced."""

    def make(pts_ms: Sequence[int] | npt.NDArray[np.int64], **columns: Any) -> pl.DataFrame:
        pts = np.asarray(pts_ms, dtype=np.int64)
        valid, run_id = run_ids(pts)
        given: dict[str, Any] = dict.fromkeys(FRAMES.schema.names())
        given |= {
            "session_id": SESSION_ID,
            "frame_idx": np.arange(len(pts)),
            "pts_ms": pts,
            "pts_valid": valid,
            "run_id": run_id,
            "game_t_ms": pts + 5000.0,
            **{f"held_{key}": key == "w" for key in "wasd"},
            "keys_other": "",
            "keys_uncertain": False,
            "key_events": 0,
            "mouse_dx_px": 0.0,
            "mouse_dy_px": 0.0,
            "x_m": pts / 100.0,
            "y_m": 0.0,
            "teleport": False,
            "control_source": "none",
            "command_source": "none",
        }
        return FRAMES.conform(pl.DataFrame(given | columns))

    return make
