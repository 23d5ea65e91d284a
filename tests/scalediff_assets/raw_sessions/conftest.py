"""Bundles of both versions, a tiny WebM and the real sessions, for the tests of this folder."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scalediff_contract.sessions import BundleFile, parse_object_key

SESSION = "session_1769925785747_z9mm6j"
WALLET = "Dzse3tYXLgtRJrBHVVUK5ZYbZoCjBee1tK3oSv5RyLyR"
REAL_SESSIONS = Path(__file__).parents[3] / ".." / "shared" / "real_sessions"
Documents = dict[BundleFile, Any]
Files = dict[BundleFile, bytes]


def encode(documents: Documents) -> Files:
    return {file: json.dumps(document).encode() for file, document in documents.items()}


def documents_v1() -> Documents:
    inputs = [
        {"t": 1100.5, "type": "keydown", "key": "W"},
        {"t": 1500, "type": "mouse", "dx": 3, "dy": -1},
        {"t": 1300.25, "type": "keyup", "key": "w"},
    ]
    camera = [
        {
            "t": 1000 + 200 * index,
            "type": "camera",
            "pos": [index, 1.6, -2.5],
            "yaw": 0.1,
            "speed": 12.5,
            "throttle": 1,
            "brake": 0,
            "steer": -0.03,
            "command": 3,
        }
        for index in range(4)
    ]
    samples = [{"t": 1200, "rtt": 340}, {"t": 3200, "rtt": 350}, {"t": 5200, "rtt": 400}]
    meta = {
        "sessionId": SESSION,
        "walletAddress": WALLET,
        "prompt": "new york city",
        "duration": 30000,
        "eventCount": len(inputs) + len(camera),
        "startTime": 1769936404672,
        "endTime": 1769936434672,
        "scenario": {"id": "school-zone", "name": "School Zone", "type": "free"},
    }
    return {
        BundleFile.INPUTS: inputs,
        BundleFile.CAMERA: camera,
        BundleFile.LATENCY: {"initialLatency": 600.5, "avgRtt": 345, "rttSamples": samples},
        BundleFile.META: meta,
    }


def documents_v2(video: bytes) -> Documents:
    """Version 2 documents that state sizes and hashes of what `encode` makes of them."""
    documents = documents_v1()
    for index, sample in enumerate(documents[BundleFile.CAMERA]):
        sample |= {"frame": index, "steer": 0.5, "keys": 1}
    for event in documents[BundleFile.INPUTS]:
        event |= {"frame": 2}
    documents[BundleFile.LATENCY]["frames"] = [[0, 0, 0, None], [1, 33000, 1, 7]]
    return restated(documents, video)


def restated(documents: Documents, video: bytes) -> Documents:
    """The documents with a meta that states the sizes and hashes of the others and of the video."""
    contents = {**encode(documents), BundleFile.VIDEO: video}
    files = {
        file.label: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, data in contents.items()
        if file is not BundleFile.META
    }
    meta = documents[BundleFile.META] | {
        "schemaVersion": 2,
        "clock": {"timeOrigin": 1769936400000.0, "anchor": 900.0, "recorderStart": 1000.0},
        "video": {
            "codec": "vp8",
            "w": 96,
            "h": 64,
            "frames": 6,
            "durationMs": 200,
            "sha256": files["video"]["sha256"],
        },
        "scenario": {"id": "school-zone", "result": "success", "collisions": 2},
        "files": files,
        "client": {"version": "1.0.0"},
    }
    return {**documents, BundleFile.META: meta}


def write_webm(path: Path, *, codec: str = "libvpx", frames: int = 6, width_px: int = 96) -> Path:
    with av.open(str(path), "w", format="matroska" if codec == "mjpeg" else "webm") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width_px, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for index in range(frames):
            gray = np.full((64, width_px, 3), 40 * index % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def make_webm(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a small video; keywords `codec`, `frames`, `width_px`."""

    def make(**options: Any) -> Path:
        return write_webm(tmp_path_factory.mktemp("video") / "made.webm", **options)

    return make


@pytest.fixture(scope="session")
def webm(make_webm: Callable[..., Path]) -> Path:
    """Six frames of VP8, 96x64."""
    return make_webm()


@pytest.fixture
def v1() -> Documents:
    return documents_v1()


@pytest.fixture
def v2(webm: Path) -> Documents:
    return documents_v2(webm.read_bytes())


@pytest.fixture(scope="session")
def bundle_files(webm: Path) -> dict[int, Files]:
    """Encoded JSON files by version."""
    return {1: encode(documents_v1()), 2: encode(documents_v2(webm.read_bytes()))}


@pytest.fixture(scope="session")
def real_sessions() -> dict[str, dict[BundleFile, Path]]:
    """Files by the six letters of the session id."""
    if not REAL_SESSIONS.is_dir():
        pytest.skip(f"no real sessions: {REAL_SESSIONS.name} is not beside the repository")
    found: dict[str, dict[BundleFile, Path]] = {}
    for path in sorted(REAL_SESSIONS.glob("*_session_*")):
        key = parse_object_key(f"{WALLET}/{path.name}")
        found.setdefault(key.session_id.rpartition("_")[2], {})[key.file] = path
    return found


@pytest.fixture
def restate(webm: Path) -> Callable[[Documents], Documents]:
    """States sizes and hashes in the meta again after a document was changed."""
    return lambda documents: restated(documents, webm.read_bytes())
