"""From a spec to a bundle."""

from world.recorder.exact import record_exact
from world.recorder.legacy import record_legacy
from world.recorder.spec import RecordedBundle, RecordingSpec


def record_session(spec: RecordingSpec) -> RecordedBundle:
    """Record one session; the same spec gives the same bytes."""
    return record_exact(spec) if spec.layout == "exact" else record_legacy(spec)
