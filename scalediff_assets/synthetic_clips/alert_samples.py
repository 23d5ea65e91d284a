"""The values that the alert rules watch, as the graph sees them: the service's state and the gate's verdicts.

Rules that need a breach to last get their past from the sensor's cursor; Prometheus has its own. What only
the workers' processes know (GPU use, a job's wall time) is Prometheus' alone, and unknown here.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from resources.connections import Connections
from resources.generation import GenerationService
from scalediff_assets.synthetic_clips.alerts import Sample
from scalediff_contract.generation import Job
from scalediff_contract.scenarios import load_catalogue

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_KEPT_MS = 8 * _HOUR_MS
_WEEK_MS = 7 * _DAY_MS


@dataclass(frozen=True, kw_only=True)
class History:
    """What was seen lately.

    Attributes:
        samples: Series -> its samples of the last hours.
        after: Cursor of the jobs that ended.
        ended: (epoch ms, category, passed) of the clips of the last week.
    """

    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    after: int = 0
    ended: tuple[tuple[int, str, bool], ...] = ()

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """From a sensor's cursor."""
        if not cursor:
            return cls()
        stored = json.loads(cursor)
        samples = {
            name: tuple(
                Sample(at_ms=at, value=value, labels=tuple(tuple(pair) for pair in labels))
                for at, value, labels in rows
            )
            for name, rows in stored["samples"].items()
        }
        return cls(samples=samples, after=stored["after"], ended=tuple(map(tuple, stored["ended"])))

    def write(self) -> str:
        """As a sensor's cursor."""
        samples = {
            name: [(each.at_ms, each.value, each.labels) for each in rows]
            for name, rows in self.samples.items()
        }
        return json.dumps({"samples": samples, "after": self.after, "ended": self.ended})


def sampled(
    history: History, connections: Connections, generation: GenerationService, *, now_ms: int
) -> History:
    """The history with the values of now.

    Raises:
        GenerationServiceError: The service does not answer.
    """
    del connections  # of the lake nothing is needed: verdicts come back with the jobs
    state, after, ended = generation.state(), history.after, list(history.ended)
    for job in generation.ended(after, status="completed"):
        after = max(after, job.settled_no or 0)
        ended.append(_seen(job, now_ms))
    ended = [each for each in ended if now_ms - each[0] < _WEEK_MS]
    values: dict[str, list[Sample]] = {
        "workers": [_now(now_ms, len(state.workers))],
        "jobs_waiting": [_now(now_ms, sum(state.waiting.values()))],
        "queue_up": [_now(now_ms, 1.0)],
        "clips_per_hour": [_now(now_ms, sum(now_ms - at < _HOUR_MS for at, _, _ in ended))],
        "accepted_7d": _accepted(ended, now_ms),
    }
    day = [passed for at, _, passed in ended if now_ms - at < _DAY_MS]
    if day:
        values["rejection_rate_24h"] = [_now(now_ms, day.count(False) / len(day))]
    return History(samples=_joined(history.samples, values, now_ms), after=after, ended=tuple(ended))


def _seen(job: Job, now_ms: int) -> tuple[int, str, bool]:
    at_ms = int(job.completed_at.timestamp() * 1000) if job.completed_at else now_ms
    return at_ms, job.category, job.verdict is not None and job.verdict.passed


def _accepted(ended: Sequence[tuple[int, str, bool]], now_ms: int) -> list[Sample]:
    """Of each category; unknown until a week was watched or something was made at all."""
    if not ended:
        return []
    counts = Counter(category for _, category, passed in ended if passed)
    return [
        Sample(at_ms=now_ms, value=float(counts[category]), labels=(("category", category),))
        for category in load_catalogue().ids
    ]


def _joined(
    before: Mapping[str, Sequence[Sample]], values: Mapping[str, list[Sample]], now_ms: int
) -> dict[str, tuple[Sample, ...]]:
    names = {*before, *values}
    return {
        name: tuple(
            each
            for each in (*before.get(name, ()), *values.get(name, ()))
            if now_ms - each.at_ms <= (_KEPT_MS if name != "accepted_7d" else 0)
        )
        for name in sorted(names)
    }


def _now(at_ms: int, value: float) -> Sample:
    return Sample(at_ms=at_ms, value=float(value))
