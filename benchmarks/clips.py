"""The clip that the benchmarks decode: 1280x720, 30 fps, VP8, a drive with film grain.

The encoder is told the recorder's 2.5 Mbit/s and spends about 3: 12.7 kB a frame, as the real
recordings (13 kB). At half the rate decoding is cheaper and every ratio to it higher; docs/LOG.md
has both.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from scalediff_assets.aligned_sessions.packets import read_packets, run_ids
from scalediff_assets.schemas import FRAMES
from world.camera import CameraPose
from world.recorder.drive import drive
from world.recorder.encode import Picture, encode_webm
from world.recorder.paint import Painter
from world.recorder.spec import RecordingSpec

WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 30
GRAIN_LEVELS = 5.0
_SEED = 42


def generated_clip(seconds: int) -> Path:
    """The clip, made once and kept in the temporary folder."""
    path = Path(tempfile.gettempdir()) / f"scalediff_clip_v4_{seconds}s.webm"
    if not path.exists():
        pts_ms = [round(n * 1000 / FPS) for n in range(seconds * FPS)]
        content = encode_webm(
            _pictures(seconds),
            pts_ms,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            live=True,
            bits_per_s=2500000,
        )
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)
    return path


def _pictures(seconds: int) -> Iterator[Picture]:
    spec = RecordingSpec(seed=_SEED, duration_s=float(seconds), scenario_id="free")
    driven = drive(spec, np.arange(seconds * FPS) * 1000 / FPS)
    ticks = driven.ticks
    renderer = driven.town.renderer(width_px=WIDTH_PX, height_px=HEIGHT_PX)
    painter = Painter(renderer, _SEED, WIDTH_PX, HEIGHT_PX, plain=False)
    rng = np.random.default_rng(_SEED)
    grain = rng.normal(0, GRAIN_LEVELS, (4, 2 * HEIGHT_PX, WIDTH_PX)).astype(np.int16)
    for k in range(len(ticks)):
        pose = CameraPose(x_m=float(ticks.x_m[k]), y_m=float(ticks.y_m[k]), yaw_rad=float(ticks.yaw_rad[k]))
        picture = painter.paint(pose, driven.moments[k], t_s=k / FPS, grain=k, frame_id=None)
        down = int(rng.integers(HEIGHT_PX))
        luma = picture[:HEIGHT_PX] + grain[k % 4, down : down + HEIGHT_PX]
        picture[:HEIGHT_PX] = luma.clip(16, 235)
        yield picture


def frames_of(path: Path, session_id: str = "session_0000000000000_bench") -> pl.DataFrame:
    """FRAMES of a clip whose every packet is as good as its PTS; a key is held, so nothing is idle."""
    packets = read_packets(path)
    valid, run_id = run_ids(packets.pts_ms)
    columns: dict[str, object] = dict.fromkeys(FRAMES.schema.names())
    columns |= {
        "session_id": session_id,
        "keys_other": "",
        "keys_uncertain": False,
        "key_events": 0,
        "mouse_dx_px": 0.0,
        "mouse_dy_px": 0.0,
        "teleport": False,
        "control_source": "none",
        "command_source": "none",
        "held_w": True,
    }
    rows = pl.DataFrame(
        {"frame_idx": np.arange(len(packets)), "pts_ms": packets.pts_ms, "pts_valid": valid, "run_id": run_id}
    )
    constant = {name: pl.lit(value) for name, value in columns.items() if name not in rows.columns}
    return FRAMES.conform(rows.with_columns(**constant))
