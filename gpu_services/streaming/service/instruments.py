"""What operators see: Prometheus metrics of one process, in a registry of its own, and a span per chunk."""

import sys

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.08, 0.125, 0.2, 0.35, 0.6, 1.0, 2.0, 5.0)
_PREFIX = "scalediff_stream"


class Instruments:
    """All metrics; every label has a small, fixed set of values."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sockets = self._gauge("sockets", "WebSockets that are open.")
        self.sessions = self._gauge("sessions", "Players that are painted for.")
        self.load = self._gauge("load", "Share of the painter's time that they take.")
        self.quality_level = self._gauge("quality_level", "0 is the best.")
        self.slack_s = self._gauge("playout_slack_seconds", "Least time until a player sees a gap.")
        self.fps = self._gauge("fps", "Painted pictures in the last whole second.")
        self.gpu_bytes = self._gauge("gpu_memory_bytes", "Memory of the GPU in use; 0 without one.")
        self.gpu_bytes.set_function(_gpu_bytes)
        self.admitted = self._counter("admitted", "Players let in.")
        self.refused = self._counter("refused", "Clients told no.", "code")
        self.ended = self._counter("ended", "Streams that ended.", "reason")
        self.frames_in = self._counter("frames_in", "Source pictures taken.")
        self.frames_out = self._counter("frames_out", "Painted pictures sent.")
        self.frames_dropped = self._counter("frames_dropped", "Pictures dropped.", "where")
        self.misses = self._counter("deadline_misses", "Chunks painted too late.")
        self.chunks = self._counter("chunks", "Chunks painted.")
        self.stage_s = self._histogram("stage_seconds", "Time of a picture or chunk by stage.", "stage")
        self.queue_age_s = self._histogram("queue_age_seconds", "How long a chunk's oldest frame waited.")
        self.first_frame_s = self._histogram("first_frame_seconds", "From the first source to painted.")
        self.glass_s = self._histogram("frame_seconds", "From a decoded source to its painted picture sent.")
        self.tracer = trace.get_tracer("scalediff.streaming")

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, labels, buckets=_SECONDS, registry=self.registry)


def _gpu_bytes() -> float:
    """What torch holds on the GPU, where the backend has loaded torch; this service does not load it."""
    torch = sys.modules.get("torch")
    return float(torch.cuda.memory_allocated()) if torch is not None and torch.cuda.is_available() else 0.0
