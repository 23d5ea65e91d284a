"""Repainting recorded geometry videos with new prompts: the job's spec, what it leaves, its result.

The job writes, for each session and prompt, one video and beside it one `RepaintedVideo` as JSON; the JSON is
written last and is the commit marker, so that a job that was killed goes on where it was. A repaint's id is
made of what decides its pictures, so that the same order gives the same objects.
"""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field

from scalediff_contract.bundle import FrameLink
from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus

PainterName = Literal["stylize", "passthrough", "wan"]
WanPreset = Literal["wan-1.3b", "wan-14b"]
Prompt = Annotated[str, Field(min_length=1, max_length=2000)]
SIDECAR_SUFFIX = ".json"
VIDEO_SUFFIX = ".webm"


class RepaintSession(Declared):
    """A session to repaint.

    Attributes:
        session_id: The session.
        source_key: Object key of its video before painting, in the raw store.
    """

    session_id: str
    source_key: str


class RepaintSpec(Declared):
    """Paint the geometry videos of sessions anew.

    Attributes:
        kind: Tells specs apart.
        sessions: What to repaint.
        prompts: What to paint; each session is painted once with each.
        painter: Who paints.
        width_px: Width of the painted pictures; None: the painter's own.
        height_px: Their height.
        preset: Of `wan`: which architecture.
        weights_dir: Of `wan`: folder of the published weights, where the job runs.
        raw_url: Store of the recordings.
        videos_url: Place of the painted videos: `{session_id}/{repaint_id}.webm` and `.json`.
        output_url: Folder of spec and result.
    """

    kind: Literal["repaint"] = "repaint"
    sessions: tuple[RepaintSession, ...]
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=100)]
    painter: PainterName = "stylize"
    width_px: int | None = Field(default=None, ge=256, le=1920, multiple_of=2)
    height_px: int | None = Field(default=None, ge=64, le=1280, multiple_of=2)
    preset: WanPreset = "wan-1.3b"
    weights_dir: str | None = None
    raw_url: str
    videos_url: str
    output_url: str


class RepaintedVideo(Declared):
    """A painted video: who painted what, and which packet shows which frame.

    Attributes:
        repaint_id: 16 hex digits, of session, prompt, painter and size.
        session_id: The session.
        prompt: What was painted.
        backend: Who painted, as the painter names itself.
        source_key: Object key of the video before painting.
        source_sha256: Of that video's bytes.
        video_key: Key of the painted video under the place of the painted videos.
        video_sha256: Of its bytes.
        width_px: Width.
        height_px: Height.
        frames: One link for every packet; the id is also stamped in the picture.
        undecodable: Packets of the source that show no picture, or no id.
    """

    repaint_id: str
    session_id: str
    prompt: str
    backend: str
    source_key: str
    source_sha256: str
    video_key: str
    video_sha256: str
    width_px: int
    height_px: int
    frames: tuple[FrameLink, ...]
    undecodable: int


class RepaintFailure(Declared):
    """A session that could not be painted.

    Attributes:
        session_id: The session.
        prompt: What should have been painted.
        detail: Why not, in one sentence.
    """

    session_id: str
    prompt: str
    detail: str


class RepaintResult(Declared):
    """What a repaint came to.

    Attributes:
        kind: Tells results apart.
        status: `finished` means that every session was looked at; single ones may have failed.
        detail: One sentence where it is not.
        backend: Who painted.
        device: What it ran on.
        painted: Sidecar keys of the videos, under the place of the painted videos.
        reused: How many of them were there already.
        failures: Sessions that could not be painted.
        frames: Painted in this run.
        seconds: Wall time.
    """

    kind: Literal["repaint"] = "repaint"
    status: JobStatus
    detail: str = ""
    backend: str
    device: str
    painted: tuple[str, ...]
    reused: int
    failures: tuple[RepaintFailure, ...]
    frames: int
    seconds: float


def repaint_id(spec: RepaintSpec, session: RepaintSession, prompt: str) -> str:
    """16 hex digits of everything that decides the pictures, where files lie not included."""
    painter = f"{spec.painter} {spec.preset}" if spec.painter == "wan" else spec.painter
    decides = [session.session_id, session.source_key, prompt, painter, spec.width_px, spec.height_px]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]
