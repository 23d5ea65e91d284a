"""Prometheus metrics of one process; the API adds the queue's depth when it is asked.

| metric | of |
|---|---|
| scalediff_generation_requests_total{outcome} | API: taken, replayed, or the problem that refused it |
| scalediff_generation_queue_depth{state,priority} | API: waiting by priority, leased, delayed |
| scalediff_generation_jobs{status} | API: rows of the table |
| scalediff_generation_halted | API: 1 while halted |
| scalediff_generation_workers | API: live workers |
| scalediff_generation_callbacks_total{outcome} | API: delivered, retried, given up |
| scalediff_generation_clips_total{outcome} | worker: made, reused, failed, given back, refused late |
| scalediff_generation_accepted_7d{category} | API: clips of a week that the gate passed |
| scalediff_generation_cohort_fvd{model,category,extractor} | API: the newest cohorts |
| scalediff_generation_verdicts_total{passed} | worker: what the gate said first |
| scalediff_generation_refusals_total{reason} | worker: why it refused |
| scalediff_generation_stage_seconds{stage} | worker: histogram by stage, and `total` |
| scalediff_generation_batch_size | worker: histogram |
| scalediff_generation_busy_seconds_total | worker: time that went into clips |
| scalediff_generation_gpu_utilisation | worker: share, where NVML answers |
"""

from collections.abc import Mapping
from functools import cached_property

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_STAGE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 180, 300, 600)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    @cached_property
    def requests(self) -> Counter:
        """Orders by what came of them."""
        return self._counter("requests", "Orders by outcome", "outcome")

    @cached_property
    def callbacks(self) -> Counter:
        """Callbacks by what came of them."""
        return self._counter("callbacks", "Callbacks by outcome", "outcome")

    @cached_property
    def clips(self) -> Counter:
        """Clips by what came of them."""
        return self._counter("clips", "Clips by outcome", "outcome")

    @cached_property
    def verdicts(self) -> Counter:
        """Clips by what the gate said first."""
        return self._counter("verdicts", "Clips by the gate's first word", "passed")

    @cached_property
    def refusals(self) -> Counter:
        """Refused clips by reason."""
        return self._counter("refusals", "Clips that the gate refused, by reason", "reason")

    @cached_property
    def busy_s(self) -> Counter:
        """Seconds that went into clips."""
        return self._counter("busy_seconds", "Seconds spent on clips")

    @cached_property
    def stage_s(self) -> Histogram:
        """Seconds of a job by stage."""
        return Histogram(
            "scalediff_generation_stage_seconds", "Seconds of a job by stage", ["stage"],
            buckets=_STAGE_BUCKETS_S, registry=self.registry,
        )  # fmt: skip

    @cached_property
    def batch(self) -> Histogram:
        """Clips computed together."""
        return Histogram(
            "scalediff_generation_batch_size", "Clips computed together",
            buckets=_BATCH_BUCKETS, registry=self.registry,
        )  # fmt: skip

    def gauge(
        self, name: str, text: str, values: Mapping[tuple[str, ...], float], labels: tuple[str, ...] = ()
    ) -> None:
        """Set a gauge, all of its label values at once."""
        gauge = self._gauges.get(name)
        if gauge is None:
            full = f"scalediff_generation_{name}"
            gauge = self._gauges[name] = Gauge(full, text, list(labels), registry=self.registry)
        if labels:
            gauge.clear()
        for key, value in values.items():
            (gauge.labels(*key) if labels else gauge).set(value)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    @cached_property
    def _gauges(self) -> dict[str, Gauge]:
        return {}

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"scalediff_generation_{name}", text, list(labels), registry=self.registry)


def gpu_utilisation() -> float | None:
    """Share of the last moment in which the GPU computed; None where there is none to ask."""
    import torch

    if not torch.cuda.is_available():
        return None
    try:
        return float(torch.cuda.utilization()) / 100
    except (RuntimeError, ModuleNotFoundError):
        return None  # NVML's Python part is not installed, or the driver does not answer
