"""The bundle generator: sessions as players' browsers upload them, with the truth beside them.

Deterministic; writes version 2 bundles, version 1 bundles as really recorded and as documented, and
each kind of broken bundle.

Example:
    bundle = record_session(RecordingSpec(seed=7, layout="legacy"))
    broken = break_bundle(bundle, Fault.ZERO_BYTE_VIDEO)
"""

from world.recorder.faults import EXPECTED_REASON, Fault, break_bundle
from world.recorder.record import record_session
from world.recorder.spec import GroundTruth, RecordedBundle, RecordingSpec, RecordingSpecError
from world.recorder.stamp import read_stamp

__all__ = [
    "EXPECTED_REASON",
    "Fault",
    "GroundTruth",
    "RecordedBundle",
    "RecordingSpec",
    "RecordingSpecError",
    "break_bundle",
    "read_stamp",
    "record_session",
]
