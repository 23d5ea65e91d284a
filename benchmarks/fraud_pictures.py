"""Recordings with pictures for the fraud report: honest ones through the whole product, and doctored videos.

Each is recorded, aligned and decoded as the platform does it, small (256 x 144 at 8 Hz) and short, since a
picture costs a hundred times what its tick costs.
"""

import io
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.raw_sessions.bundle import parse_bundle
from scalediff_assets.segments.decode import DecodeOptions
from scalediff_assets.segments.process import process_video
from scalediff_contract.sessions import BundleFile
from world.drivers.human import StyleName
from world.recorder import RecordedBundle, RecordingSpec, record_session
from world.recorder.encode import encode_webm

_LOGS = (BundleFile.INPUTS, BundleFile.CAMERA, BundleFile.LATENCY, BundleFile.META)
_STYLES: tuple[StyleName, ...] = ("expert", "late", "aggressive", "jittery")
Pictures = NDArray[np.uint8]  # (N, H * 3 // 2, W), planar YUV 4:2:0
Doctor = Callable[[Pictures, np.random.Generator], Pictures]


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """What the lake holds of a session with pictures.

    Attributes:
        kind: `honest`, or how the video was doctored.
        seed: Of the drive.
        frames: FRAMES.
        signals: SIGNALS.
        segments: SEGMENTS.
    """

    kind: str
    seed: int
    frames: pl.DataFrame
    signals: pl.DataFrame
    segments: pl.DataFrame


def film_all(
    count: int, *, doctored: int, workers: int, duration_s: float = 20.0, first_seed: int = 500_001
) -> list[Filmed]:
    """Honest recordings, the first ones each followed by what was made of it."""
    jobs = [(first_seed + number, duration_s, number < doctored) for number in range(count)]
    if workers == 1:
        return [filmed for job in jobs for filmed in film(*job)]
    with ProcessPoolExecutor(workers) as pool:
        return [filmed for found in pool.map(_film, jobs) for filmed in found]


def film(seed: int, duration_s: float, is_doctored: bool) -> list[Filmed]:
    """One honest recording, and its doctored versions where they are asked for."""
    spec = RecordingSpec(
        seed=seed, driver=_STYLES[seed % len(_STYLES)], person=seed, duration_s=duration_s, fps=8.0,
        width_px=256, height_px=144,
    )  # fmt: skip
    bundle = record_session(spec)
    found = [_filmed("honest", seed, bundle, bundle.files[BundleFile.VIDEO])]
    if not is_doctored:
        return found
    rng = np.random.default_rng([seed, 53])
    pictures, pts_ms = _decoded(bundle.files[BundleFile.VIDEO])
    for kind, doctor in DOCTORS.items():
        video = _encoded(doctor(pictures, rng), pts_ms)
        found.append(_filmed(kind, seed, bundle, video))
    return found


def _film(job: tuple[int, float, bool]) -> list[Filmed]:
    cv2.setNumThreads(1)
    return film(*job)


def _filmed(kind: str, seed: int, bundle: RecordedBundle, video: bytes) -> Filmed:
    logs = {file: bundle.files[file] for file in _LOGS}
    parsed = parse_bundle(bundle.session_id, bundle.wallet, logs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.webm"
        path.write_bytes(video)
        aligned = align_session(parsed, read_packets(path), latency_upload_ms=None)
        made = process_video(
            path, session_id=bundle.session_id, frames=aligned.frames, stamped=True,
            options=DecodeOptions(export_hz=1.0),
        )  # fmt: skip
    return Filmed(kind=kind, seed=seed, frames=aligned.frames, signals=made.signals, segments=made.segments)


def _still(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """One picture with the grain of a camera, so that no two frames are equal."""
    one = pictures[int(rng.integers(len(pictures)))].astype(np.int16)
    grain = rng.normal(0.0, 3.0, (8, *one.shape)).astype(np.int16)
    eight: Pictures = np.clip(one + grain, 0, 255).astype(np.uint8)
    return eight[np.arange(len(pictures)) % 8]


def _loop(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """A few seconds again and again."""
    length = int(rng.integers(16, 48))
    first = int(rng.integers(len(pictures) - length))
    return pictures[first + np.arange(len(pictures)) % length]


def _encoded_anew(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """The same pictures, smaller and back again, a little brighter or darker."""
    height, width = pictures.shape[1] * 2 // 3, pictures.shape[2]
    gain, made = float(rng.uniform(0.94, 1.06)), pictures.copy()
    for picture in made:
        small = cv2.resize(picture[:height], (width * 3 // 4, height * 3 // 4))
        picture[:height] = np.clip(cv2.resize(small, (width, height)) * gain, 0, 255)
    return made


DOCTORS: dict[str, Doctor] = {"still": _still, "loop": _loop, "encoded anew": _encoded_anew}


def _decoded(video: bytes) -> tuple[Pictures, list[int]]:
    """`(N, H * 3 // 2, W) uint8` planar YUV 4:2:0 and the time stamps in ms."""
    with av.open(io.BytesIO(video), mode="r") as container:
        shown = list(container.decode(video=0))
        pictures = np.stack([frame.to_ndarray(format="yuv420p") for frame in shown]).astype(np.uint8)
        return pictures, [round(float(frame.time or 0.0) * 1000) for frame in shown]


def _encoded(pictures: Pictures, pts_ms: list[int]) -> bytes:
    height, width = pictures.shape[1] * 2 // 3, pictures.shape[2]
    return encode_webm(pictures, pts_ms, width_px=width, height_px=height, live=False, keyframe_every=60)
