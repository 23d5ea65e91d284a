"""Timing version 2 recordings whose picture came back without our stamp.

A painting service of somebody else may drop the strip that carries the frame id. The client still knows
exactly when its recording began, and what the network's round trip was; how long the service painted is
assumed, as in version 1. So the session is graded `estimated`, never exact, and its labels are
interpolated as version 1's are.
"""

import numpy as np

from scalediff_assets.aligned_sessions.clock import StartEstimate
from scalediff_assets.aligned_sessions.flow import FlowSignal
from scalediff_assets.aligned_sessions.legacy import times_from
from scalediff_assets.aligned_sessions.packets import Packets
from scalediff_assets.aligned_sessions.times import AlignOptions, FrameTimes
from scalediff_assets.raw_sessions.bundle import Bundle

METHOD = "recorder_clock"
# The checksum has 8 bits: of pictures without a stamp one in 256 looks as if it had one.
_CHANCE_SHARE = 0.05


def is_stampless(bundle: Bundle) -> bool:
    """Whether the frames of a version 2 recording came back without ids, but for what chance reads."""
    links = bundle.latency.frames
    readable = sum(link.src_frame is not None for link in links)
    return bool(links) and readable <= _CHANCE_SHARE * len(links)


def estimate_stampless(
    bundle: Bundle, packets: Packets, *, options: AlignOptions, flow: FlowSignal | None
) -> FrameTimes:
    """Every frame's game time from the recorder's clock.

    Args:
        bundle: A version 2 bundle without frame ids.
        packets: Its video; at least one packet.
        options: Assumed delay of the service, and its doubt.
        flow: The picture's expansion, where it was measured.
    """
    start_ms = bundle.meta.clock.recorder_start_ms if bundle.meta.clock else 0.0
    start = StartEstimate(method=METHOD, lo_ms=start_ms, hi_ms=start_ms, point_ms=start_ms)
    logged = (bundle.camera["t_ms"].to_numpy(), bundle.inputs["t_ms"].to_numpy())
    end_ms = start_ms + (bundle.meta.duration_ms or 0.0)
    return times_from(
        bundle, packets, start, np.sort(np.concatenate(logged)), end_ms, options=options, flow=flow
    )
