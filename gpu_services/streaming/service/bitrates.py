"""The bit rates of aiortc's encoders: module constants that its encoders read, set once per process.

aiortc 1.16 starts VP8 at 0.5 Mb/s and never goes over 1.5; a street at 640x360 turns to mud at that.
"""

from aiortc.codecs import h264, vpx

from gpu_services.streaming.service.settings import Transport


def set_bitrates(transport: Transport) -> None:
    """Let encoders that are made from now on use these rates."""
    vpx.DEFAULT_BITRATE, vpx.MAX_BITRATE = transport.start_bps, transport.max_bps
    h264.DEFAULT_BITRATE, h264.MAX_BITRATE = transport.start_bps, transport.max_bps
