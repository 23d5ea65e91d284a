"""Alerts: one file of rules, one pure function that says which fire, and Prometheus' form of the same.

A rule without data is neither firing nor fine: it is listed as unknown. Run as a module, with the
path of deploy/monitoring/generation_alerts.yaml, it writes Prometheus' file.
"""

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RULES_PATH = Path(__file__).with_name("alert_rules.toml")
STALE_MS = 3_600_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Series(_Part):
    """What is watched: in words, and as Prometheus' expression."""

    meaning: str
    expr: str


class Rule(_Part):
    """When somebody is told.

    Attributes:
        name: Of the alert.
        series: What it watches.
        over: Fires over it, or
        under: fires under it; exactly one of the two.
        for_s: How long that must have lasted.
        while_positive: A series that must be over 0 at the same time.
        severity: How bad it is.
        action: What the platform does itself.
        summary: For a person.
    """

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+$")]
    series: str
    over: float | None = None
    under: float | None = None
    for_s: Annotated[int, Field(ge=0)] = 0
    while_positive: str | None = None
    severity: Literal["info", "warning", "critical"]
    action: Literal["none", "halt"] = "none"
    summary: str

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise ValueError(f"rule {self.name} needs exactly one of over and under")
        return self

    def breached(self, value: float) -> bool:
        """Whether a value is beyond the limit; at the limit it is not."""
        return value > self.over if self.over is not None else value < (self.under or 0.0)

    @property
    def limit(self) -> float:
        """The limit, whichever side it is on."""
        return self.over if self.over is not None else (self.under or 0.0)


class AlertRules(_Part):
    """The file of rules."""

    version: str
    series: dict[str, Series]
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _known_series(self) -> Self:
        for rule in self.rules:
            for name in (rule.series, rule.while_positive):
                if name is not None and name not in self.series:
                    raise ValueError(f"rule {rule.name} watches {name!r}, which is no series of the file")
        return self


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One value of a series.

    Attributes:
        at_ms: Epoch ms.
        value: The value.
        labels: What it is of, `(("category", "fog"),)`.
    """

    at_ms: int
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A rule that fires.

    Attributes:
        rule: Which.
        labels: For what.
        value: Newest value.
        since_ms: Since when.
    """

    rule: Rule
    labels: tuple[tuple[str, str], ...]
    value: float
    since_ms: int

    def __str__(self) -> str:
        """One line for a log or a message."""
        what = ", ".join(f"{name} {value}" for name, value in self.labels)
        words = "over" if self.rule.over is not None else "under"
        where = f"{self.rule.name} ({what})" if what else self.rule.name
        return f"{where}: {self.value:.4g} is {words} {self.rule.limit:.4g}"


@dataclass(frozen=True, kw_only=True)
class AlertReport:
    """All rules at a moment.

    Attributes:
        firing: In the file's order.
        unknown: Names of rules without recent data.
    """

    firing: tuple[Alert, ...]
    unknown: tuple[str, ...] = field(default=())

    @property
    def halts(self) -> tuple[Alert, ...]:
        """Alerts that halt the intake."""
        return tuple(alert for alert in self.firing if alert.rule.action == "halt")


def load_alert_rules(path: Path = RULES_PATH) -> AlertRules:
    """Read a file of rules; the packaged one by default."""
    return AlertRules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def evaluate(
    rules: AlertRules, samples: Mapping[str, Sequence[Sample]], *, now_ms: int, stale_ms: int = STALE_MS
) -> AlertReport:
    """Which rules fire now.

    A breach lasts from the first of an unbroken row of breaching samples until now. Older than
    `stale_ms`, the newest sample of a thing says nothing of it any more.

    Args:
        rules: The file.
        samples: Series -> its samples, in any order; later ones than now are ignored.
        now_ms: Epoch ms.
        stale_ms: Age at which a newest sample no longer counts.
    """
    recent = {name: _recent(each, now_ms, stale_ms) for name, each in samples.items()}
    firing: list[Alert] = []
    unknown = []
    for rule in rules.rules:
        groups, meanwhile = recent.get(rule.series), recent.get(rule.while_positive or rule.series)
        if not groups or not meanwhile:
            unknown.append(rule.name)
        elif rule.while_positive is None or any(group[-1].value > 0 for group in meanwhile.values()):
            alerts = (_alert(rule, labels, group, now_ms) for labels, group in groups.items())
            firing += [alert for alert in alerts if alert]
    return AlertReport(firing=tuple(firing), unknown=tuple(unknown))


def prometheus_rules(rules: AlertRules) -> str:
    """The rules as a Prometheus rules file, YAML; strings are quoted as in JSON, which YAML reads."""
    lines = [
        "# Made from scalediff_assets/synthetic_clips/alert_rules.toml; do not edit.",
        "groups:",
        "  - name: scalediff-generation",
        "    rules:",
    ]
    for rule in rules.rules:
        sign = ">" if rule.over is not None else "<"
        expr = f"({rules.series[rule.series].expr}) {sign} {rule.limit:g}"
        if rule.while_positive:
            expr += f" and on() ({rules.series[rule.while_positive].expr}) > 0"
        lines += [
            f"      - alert: {rule.name}",
            f"        expr: {json.dumps(expr)}",
            f"        for: {rule.for_s}s",
            "        labels:",
            f"          severity: {rule.severity}",
            f"          action: {rule.action}",
            "        annotations:",
            f"          summary: {json.dumps(rule.summary)}",
            f"          description: {json.dumps(rules.series[rule.series].meaning + ': {{ $value }}')}",
        ]
    return "\n".join(lines) + "\n"


def _recent(
    samples: Sequence[Sample], now_ms: int, stale_ms: int
) -> dict[tuple[tuple[str, str], ...], list[Sample]]:
    """The samples until now, by label and in order of time; what is stale is left out."""
    groups: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in sorted(samples, key=lambda each: each.at_ms):
        if sample.at_ms <= now_ms:
            groups.setdefault(sample.labels, []).append(sample)
    return {labels: group for labels, group in groups.items() if now_ms - group[-1].at_ms <= stale_ms}


def _alert(rule: Rule, labels: tuple[tuple[str, str], ...], group: list[Sample], now_ms: int) -> Alert | None:
    since_ms: int | None = None
    for sample in reversed(group):
        if not rule.breached(sample.value):
            break
        since_ms = sample.at_ms
    if since_ms is None or now_ms - since_ms < rule.for_s * 1000:
        return None
    return Alert(rule=rule, labels=labels, value=group[-1].value, since_ms=since_ms)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(prometheus_rules(load_alert_rules()), encoding="utf-8")
