"""The JSON inside a bundle's files, both versions: what a recorder writes and a parser reads.

The wire's keys (`t`, `avgRtt`, ...) are aliases here and appear nowhere else; Python names carry the
unit. Version 1 is the reference's (as documented, and as really recorded): unknown fields are ignored
and what it did not log is None. Version 2 (`...V2`) is ours: unknown fields are refused and the frame
id is required. A V2 model is also its version 1 model, so a reader of either takes the base class.

Positions stay three.js' `[x, y up, z]` in metres, yaw three.js' (0 faces -Z, left positive, radians).
Every `t_ms` is `performance.now()`; only `FrameLink.pts_us` is on the video's clock. Write with
`model.model_dump(by_alias=True, exclude_none=True)`. Sizes and counts are bounded in `limits.py`; how
bytes are read and which files must agree is in `scalediff_assets/raw_sessions`.
"""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_PAGE_MS = 1e10  # a page open for 115 days
MAX_EPOCH_MS = 2**43  # the year 2248
MAX_FRAME = 2**31 - 1

PageMs = Annotated[float, Field(ge=0, le=MAX_PAGE_MS)]
EpochMs = Annotated[int, Field(ge=0, le=MAX_EPOCH_MS)]
RoundTripMs = Annotated[float, Field(ge=0, le=MAX_PAGE_MS)]
FrameId = Annotated[int, Field(ge=0, le=MAX_FRAME)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Metres = Annotated[float, Field(ge=-1e6, le=1e6)]
Pixels = Annotated[float, Field(ge=-1e6, le=1e6)]
Unit = Annotated[float, Field(ge=0, le=1)]
SignedUnit = Annotated[float, Field(ge=-1, le=1)]
Name = Annotated[str, Field(max_length=256)]
KeyName = Annotated[str, Field(min_length=1, max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileLabel = Literal["video", "inputs", "camera", "latency", "source_video"]


class _Wire(BaseModel, frozen=True):
    """A JSON object of either version: no type coercion, no NaN, unknown fields ignored."""

    model_config = ConfigDict(populate_by_name=True, strict=True, allow_inf_nan=False, extra="ignore")


class InputEvent(_Wire, frozen=True):
    """One row of `_inputs.json`: a key went down or up, the mouse moved, or the page lost focus.

    Attributes:
        t_ms: `performance.now()`; in version 2 the event's own time stamp.
        type: What happened; `blur` only in version 2.
        key: The key's name as logged; None for mouse and blur.
        dx_px: Mouse movement, right positive; None for keys.
        dy_px: Mouse movement, down positive; None for keys.
        code: Layout-independent key code (`KeyW`); version 2.
        frame: First simulated frame that consumed the event; version 2.
    """

    t_ms: Annotated[PageMs, Field(alias="t")]
    type: Literal["keydown", "keyup", "mouse", "blur"]
    key: KeyName | None = None
    dx_px: Annotated[Pixels | None, Field(alias="dx")] = None
    dy_px: Annotated[Pixels | None, Field(alias="dy")] = None
    code: Annotated[str | None, Field(max_length=64)] = None
    frame: FrameId | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type in {"keydown", "keyup"} and self.key is None:
            raise ValueError(f"a {self.type} event needs `key`")
        if self.type == "mouse" and (self.dx_px is None or self.dy_px is None):
            raise ValueError("a mouse event needs `dx` and `dy`")
        return self


class InputEventV2(InputEvent, frozen=True, extra="forbid"):
    """An input event with the frame that consumed it."""

    frame: FrameId


class CameraSample(_Wire, frozen=True):
    """One row of `_camera.json`: where the car is and what drives it.

    Attributes:
        t_ms: `performance.now()`.
        type: Always `camera`; the documented form has no such field.
        position_m: three.js `[x, y up, z]`.
        yaw_rad: three.js yaw, not wrapped.
        speed_game: Speed as the game logs it: 0 to 0.8 as documented, 0 to 30 as recorded (neither
            is m/s); metres per second in version 2.
        throttle: In [0, 1].
        brake: In [0, 1].
        steer: In [-1, 1], right positive; within +-0.03 in version 1.
        command: 1 left, 2 right, 3 straight, 4 follow lane. Version 1 copies it from the keys;
            version 2 takes it from the route planner.
        frame: Simulated frame; version 2.
        held_keys: Bit mask of held keys, W 1, A 2, S 4, D 8; version 2.
    """

    t_ms: Annotated[PageMs, Field(alias="t")]
    type: Literal["camera"] = "camera"
    position_m: Annotated[tuple[Metres, Metres, Metres], Field(alias="pos")]
    yaw_rad: Annotated[float, Field(alias="yaw", ge=-1e5, le=1e5)]
    speed_game: Annotated[float, Field(alias="speed", ge=-1e4, le=1e4)]
    throttle: Unit | None = None
    brake: Unit | None = None
    steer: SignedUnit | None = None
    command: Annotated[int | None, Field(ge=1, le=4)] = None
    frame: FrameId | None = None
    held_keys: Annotated[int | None, Field(alias="keys", ge=0, le=15)] = None


class CameraSampleV2(CameraSample, frozen=True, extra="forbid"):
    """The state of one simulated frame; one row for every frame."""

    throttle: Unit
    brake: Unit
    steer: SignedUnit
    frame: FrameId


class RttSample(_Wire, frozen=True):
    """One network round trip, as the connection's ICE statistics give it."""

    t_ms: Annotated[PageMs, Field(alias="t")]
    rtt_ms: Annotated[RoundTripMs, Field(alias="rtt")]


class FrameLink(NamedTuple):
    """One packet of the video and the simulated frame that it shows.

    Attributes:
        n: Index of the packet in file order, from 0.
        pts_us: The packet's presentation time stamp in microseconds.
        src_frame: Simulated frame read from the picture's stamp; None where it was unreadable.
        rtp: RTP time stamp of the received frame, modulo 2**32; None where unknown.
    """

    n: Annotated[int, Field(ge=0, le=MAX_FRAME)]
    pts_us: Annotated[int, Field(ge=0, le=int(MAX_PAGE_MS) * 1000)]
    src_frame: Annotated[int | None, Field(ge=0, le=MAX_FRAME)]
    rtp: Annotated[int | None, Field(ge=0, lt=2**32)]


class PipelineLatency(_Wire, frozen=True, extra="forbid"):
    """Time from a simulated frame to its painted picture on the player's screen."""

    p50_ms: Annotated[RoundTripMs, Field(alias="p50")]
    p95_ms: Annotated[RoundTripMs, Field(alias="p95")]


class LatencyReport(_Wire, frozen=True):
    """`_latency.json`.

    Attributes:
        initial_latency_ms: From connection to first picture.
        avg_rtt_ms: Mean of the samples up to the end of the session; later samples may follow.
        rtt_samples: Round trips, about every 2 s.
        frames: Which packet shows which frame; empty in version 1.
        source_frames: The same for the video before painting; empty where there is none, or where its
            recorder kept no log: then its picture's stamps say it.
        pipeline_latency: Measured picture latency; version 2.
    """

    initial_latency_ms: Annotated[RoundTripMs | None, Field(alias="initialLatency")] = None
    avg_rtt_ms: Annotated[RoundTripMs | None, Field(alias="avgRtt")] = None
    rtt_samples: Annotated[tuple[RttSample, ...], Field(alias="rttSamples")] = ()
    frames: tuple[FrameLink, ...] = ()
    source_frames: Annotated[tuple[FrameLink, ...], Field(alias="sourceFrames")] = ()
    pipeline_latency: Annotated[PipelineLatency | None, Field(alias="pipelineLatency")] = None


class LatencyReportV2(LatencyReport, frozen=True, extra="forbid"):
    """The latency report with one link for every packet of the video."""

    frames: tuple[FrameLink, ...]


class ScenarioInfo(_Wire, frozen=True):
    """The scenario that was armed; result and contact count are recorded by version 2 only."""

    id: Name | None = None
    name: Name | None = None
    type: Name | None = None
    result: Literal["success", "failure", "timeout"] | None = None
    collisions: Count | None = None


class ScenarioInfoV2(ScenarioInfo, frozen=True, extra="forbid"):
    """A scenario whose id is known."""

    id: Name


class LatencySummary(_Wire, frozen=True):
    """The two latency numbers that the meta file repeats."""

    initial_latency_ms: Annotated[RoundTripMs | None, Field(alias="initialLatency")] = None
    avg_rtt_ms: Annotated[RoundTripMs | None, Field(alias="avgRtt")] = None


class NtpEstimate(_Wire, frozen=True, extra="forbid"):
    """Server clock minus page clock from NTP-style exchanges: median offset, smallest round trip."""

    offset_ms: Annotated[float, Field(alias="offset", ge=-MAX_EPOCH_MS, le=MAX_EPOCH_MS)]
    min_rtt_ms: Annotated[RoundTripMs, Field(alias="minRtt")]
    exchanges: Annotated[int, Field(ge=1, le=1000)]


class SessionClock(_Wire, frozen=True, extra="forbid"):
    """How the page's clock lies to the world's and to the video's.

    Attributes:
        time_origin_ms: `performance.timeOrigin`: the epoch ms at which `performance.now()` was 0.
        anchor_ms: `performance.now()` at the start of the session.
        recorder_start_ms: `performance.now()` at PTS 0 of the video.
        ntp: Offset to the server's clock; None where it was not measured.
    """

    time_origin_ms: Annotated[float, Field(alias="timeOrigin", ge=0, le=MAX_EPOCH_MS)]
    anchor_ms: Annotated[PageMs, Field(alias="anchor")]
    recorder_start_ms: Annotated[PageMs, Field(alias="recorderStart")]
    ntp: NtpEstimate | None = None


class VideoInfo(_Wire, frozen=True, extra="forbid"):
    """What the recorder says of its own video."""

    codec: Literal["vp8", "vp9"]
    width_px: Annotated[int, Field(alias="w", ge=1, le=2**16)]
    height_px: Annotated[int, Field(alias="h", ge=1, le=2**16)]
    frames: Count
    duration_ms: Annotated[PageMs, Field(alias="durationMs")]
    sha256: Sha256


class FileInfo(_Wire, frozen=True, extra="forbid"):
    """Size and content hash of one file."""

    size_bytes: Annotated[int, Field(alias="size", ge=0, le=2**40)]
    sha256: Sha256


class ClientInfo(_Wire, frozen=True, extra="forbid"):
    """Which build of the client recorded the session."""

    version: Name
    commit: Name | None = None


class WalletProof(_Wire, frozen=True, extra="forbid"):
    """The player's signature over the server's nonce."""

    nonce: Name
    signature: Name


class SessionMeta(_Wire, frozen=True):
    """`_meta.json`, the commit marker: it is uploaded last.

    Attributes:
        started_ms: Epoch ms at the recording's start by the player's clock; None: nothing recorded.
        ended_ms: Epoch ms after the recording's stop.
        duration_ms: `ended_ms - started_ms`; version 1 adds a sleep of 0.5 s.
        event_count: Rows of inputs and camera together.
        files: Size and hash by file label, the meta itself not included; empty in version 1.
    """

    session_id: Annotated[Name, Field(alias="sessionId")]
    wallet: Annotated[Name, Field(alias="walletAddress")]
    prompt: str | None = None
    duration_ms: Annotated[PageMs | None, Field(alias="duration")] = None
    event_count: Annotated[Count | None, Field(alias="eventCount")] = None
    started_ms: Annotated[EpochMs | None, Field(alias="startTime")] = None
    ended_ms: Annotated[EpochMs | None, Field(alias="endTime")] = None
    scenario: ScenarioInfo | None = None
    latency_summary: Annotated[LatencySummary | None, Field(alias="latencySummary")] = None
    uploaded_at: Annotated[Name | None, Field(alias="uploadedAt")] = None
    schema_version: Annotated[Literal[1, 2], Field(alias="schemaVersion")] = 1
    clock: SessionClock | None = None
    video: VideoInfo | None = None
    files: dict[FileLabel, FileInfo] = {}
    client: ClientInfo | None = None
    wallet_proof: Annotated[WalletProof | None, Field(alias="walletProof")] = None


class SessionMetaV2(SessionMeta, frozen=True, extra="forbid"):
    """The meta file with clock, video, hashes and client."""

    duration_ms: Annotated[PageMs, Field(alias="duration")]
    ended_ms: Annotated[EpochMs, Field(alias="endTime")]
    scenario: ScenarioInfoV2 | None = None
    schema_version: Annotated[Literal[2], Field(alias="schemaVersion")] = 2
    clock: SessionClock
    video: VideoInfo
    files: dict[FileLabel, FileInfo]
    client: ClientInfo
