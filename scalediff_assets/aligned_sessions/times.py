"""What both ways of timing frames take and yield: options, frame times, or a rejection.

`frame_join.py` times version 2 recordings by frame id, `legacy.py` estimates version 1; what the
frames then show is looked up in `labels.py`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalediff_assets.aligned_sessions.packets import Bools, Floats, Ints
from scalediff_contract.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class AlignOptions:
    """How strict alignment is and what it assumes where a recording is silent.

    The pipeline's delay (server, encoder, jitter buffer; the network's round trip not included) is
    in no legacy file. Measured: one real session whose delay the picture gives bounds it to 0 to
    730 ms; echo servers on starved CPUs added 320 to 840 ms over the round trip, which a GPU service
    at 25 frames per second does not. Hence 200 ms, with a doubt as large as itself, so that no delay
    at all remains possible. The doubt widens the uncertainty of every frame's time.

    Attributes:
        pipeline_delay_ms: Assumed delay of legacy recordings.
        pipeline_doubt_ms: How far the real delay may lie from it.
        rtt_ms: Assumed round trip where none was sampled (real sessions: 30 to 350 ms).
        rtt_doubt_ms: How far the real one may lie from it.
        max_missing_share: Largest share of frames without a frame id that is tolerated.
        min_run_ms: Shortest longest run that is worth keeping.
    """

    pipeline_delay_ms: float = 200.0
    pipeline_doubt_ms: float = 200.0
    rtt_ms: float = 190.0
    rtt_doubt_ms: float = 160.0
    max_missing_share: float = 0.05
    min_run_ms: int = 1000


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why a session cannot be aligned."""

    reason: Reason
    detail: str


@dataclass(frozen=True, kw_only=True)
class ClockSummary:
    """How well the session is timed; the columns of `aligned_sessions.sessions` of these names."""

    align_method: str
    alignment_grade: str
    start_lo_ms: float
    start_hi_ms: float
    start_uncertainty_ms: float
    confidence: float
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class FrameTimes:
    """When each frame was drawn, (N,) each.

    Attributes:
        summary: How well.
        timed: Bool, the frame's time is known; only timed frames have `run_id` >= 0.
        run_id: Int32 gap-free run, -1 where not timed.
        game_t_ms: Page time; 0 where not timed.
        rtt_ms: Network round trip at that time; None where never sampled.
        sim_frame: Int64 simulated frame, 0 where not timed; None for version 1.
        camera_row: Int64 row of the camera log of that frame, 0 where not timed; None for version 1.
    """

    summary: ClockSummary
    timed: Bools
    run_id: npt.NDArray[np.int32]
    game_t_ms: Floats
    rtt_ms: Floats | None
    sim_frame: Ints | None = None
    camera_row: Ints | None = None
