"""What goes into a recording and what comes out: the spec, the ground truth, the bundle.

Only data lives here; how a session is driven, drawn, logged and broken is in the other modules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from scalediff_contract.sessions import REQUIRED_FILES, BundleFile, ObjectKey
from world.drivers.human import StyleName

Layout = Literal["exact", "legacy", "documented"]
Hallucination = Literal["none", "appears", "vanishes", "shifted"]
DEMO_WALLET = "AuKwCEKA4UMC6dkPu9zDwLMekxuTba3nFRK6hkEbXNTW"
UPLOAD_ORDER = (*REQUIRED_FILES[:1], BundleFile.SOURCE_VIDEO, *REQUIRED_FILES[1:])

TRUTH_SCHEMA = pl.Schema(
    {
        "frame_idx": pl.Int32,
        "sim_frame": pl.Int64,
        "pts_ms": pl.Int64,
        "pts_valid": pl.Boolean,
        "game_t_ms": pl.Float64,
        "x_m": pl.Float64,
        "y_m": pl.Float64,
        "yaw_rad": pl.Float64,
        "speed_mps": pl.Float64,
        "steer": pl.Float64,
        "throttle": pl.Float64,
        "brake": pl.Float64,
        "command": pl.Int8,
        "held_w": pl.Boolean,
        "held_a": pl.Boolean,
        "held_s": pl.Boolean,
        "held_d": pl.Boolean,
    }
)


class RecordingSpecError(ValueError):
    """A spec that no recorder could fulfil; the message names the field, its value and its limit."""


@dataclass(frozen=True, kw_only=True)
class RecordingSpec:
    """A session to record.

    Attributes:
        seed: Chooses route, traffic, player, painting and network; the same spec gives the same bytes.
        wallet: The player's wallet address.
        started_ms: Epoch ms of the recording's start by the player's clock.
        duration_s: Recorded length in seconds.
        fps: Frames per second that the exact recorder renders.
        width_px: Video width; even, at least 256 (the stamp's 32 blocks).
        height_px: Video height; even, at least 64.
        layout: `exact` is version 2; `legacy` is version 1 as really recorded; `documented` is
            version 1 as its documentation has it.
        scenario_id: A staged scenario's id, or any other name for a free drive in traffic.
        driver: The player's style (`world.drivers.human`).
        person: Who drives in that style, with their own reaction time, pace and slips; None: the bare
            style, which is the same machine in every session.
        latency_ms: Delay of the picture by server, encoder and jitter buffer. In version 1 the
            network's round trip comes on top.
        lost_share: Share of the game's frames that never come back painted (exact only).
        rtt_ms: Typical network round trip.
        video: False leaves out the pictures; a tiny webm with the true PTS is written.
        source_video: Also record `_source.webm`, the picture before painting (exact only).
        source_log: Log which packet of it shows which frame; without, only the stamps say it.
        hallucination: What the painter gets wrong in the middle third (`world.recorder.hallucinate`).
        session_id: As the upload API issued it; None: derived from the others.
    """

    seed: int
    wallet: str = DEMO_WALLET
    started_ms: int = 1_769_936_404_672
    duration_s: float = 25.0
    fps: float = 20.0
    width_px: int = 640
    height_px: int = 360
    layout: Layout = "exact"
    scenario_id: str = "free"
    driver: StyleName = "expert"
    person: int | None = None
    latency_ms: float = 250.0
    lost_share: float = 0.03
    rtt_ms: float = 90.0
    video: bool = True
    source_video: bool = False
    source_log: bool = True
    hallucination: Hallucination = "none"
    session_id: str | None = None

    def __post_init__(self) -> None:
        """Check what later code relies on.

        Raises:
            RecordingSpecError: For a field out of its range.
        """
        rules = (
            ("duration_s", self.duration_s, 1.0, 600.0),
            ("fps", self.fps, 1.0, 60.0),
            ("width_px", self.width_px, 256, 4096),
            ("height_px", self.height_px, 64, 2304),
            ("latency_ms", self.latency_ms, 0.0, 5_000.0),
            ("lost_share", self.lost_share, 0.0, 0.9),
            ("rtt_ms", self.rtt_ms, 1.0, 2_000.0),
        )
        for name, value, low, high in rules:
            if not low <= value <= high:
                raise RecordingSpecError(f"{name} is {value}; it must lie in [{low}, {high}]")
        if self.width_px % 2 or self.height_px % 2:
            raise RecordingSpecError(f"{self.width_px}x{self.height_px} px: both sides must be even")
        if self.source_video and self.layout != "exact":
            raise RecordingSpecError(f"source_video needs layout 'exact', not {self.layout!r}")
        if self.hallucination != "none" and self.layout != "exact":
            raise RecordingSpecError(f"hallucination needs layout 'exact', not {self.layout!r}")


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """What no log says: which moment of the game each video frame really shows.

    Attributes:
        frames: One row per video packet in file order (`TRUTH_SCHEMA`). Axes are CARLA's;
            `sim_frame` is null in version 1; `pts_valid` is false inside runs of equal PTS;
            `steer` is right positive, in [-1, 1] in version 2 and as logged in version 1.
        start_perf_ms: `performance.now()` at PTS 0.
        latency_ms: Median delay from game to picture; in version 1 without the round trip.
    """

    frames: pl.DataFrame
    start_perf_ms: float
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class RecordedBundle:
    """A session's files as a player's browser uploads them, with the truth beside them.

    Attributes:
        session_id: `session_{13 digits}_{base36}`.
        wallet: The wallet in the object keys.
        files: Content of each file; a file that never arrived is absent.
        upload_ms: Epoch ms at which each file's upload URL was signed, by the server's clock.
        truth: What the frames really show.
    """

    session_id: str
    wallet: str
    files: dict[BundleFile, bytes]
    upload_ms: dict[BundleFile, int]
    truth: GroundTruth

    def objects(self, key_form: Literal["documented", "recorded"]) -> dict[str, bytes]:
        """Return object key -> content in upload order (the meta file is last)."""
        return {str(self.key_of(file, key_form)): self.files[file] for file in self._present()}

    def key_of(self, file: BundleFile, key_form: Literal["documented", "recorded"]) -> ObjectKey:
        """Return the object key of a file; the recorded form has the 13-digit prefix."""
        upload_ms = self.upload_ms[file] if key_form == "recorded" else None
        return ObjectKey(wallet=self.wallet, session_id=self.session_id, file=file, upload_ms=upload_ms)

    def _present(self) -> Iterator[BundleFile]:
        return (file for file in UPLOAD_ORDER if file in self.files)
