"""Each alert rule is fired by a synthetic event, and none fires while all is well."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from scalediff_assets.synthetic_clips.alerts import (
    AlertRules,
    Sample,
    evaluate,
    load_alert_rules,
    prometheus_rules,
)
from scoring.gate import load_gate_policy

RULES = load_alert_rules()
NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
FOG, ELK = (("category", "fog"),), (("category", "elk"),)
DEPLOYED = Path(__file__).parents[3] / "deploy" / "monitoring" / "generation_alerts.yaml"


def steady(value: float, *, minutes: int = 600, labels: tuple[tuple[str, str], ...] = ()) -> list[Sample]:
    """A value every 10 minutes until now."""
    return [
        Sample(at_ms=NOW_MS - ago * MINUTE_MS, value=value, labels=labels)
        for ago in range(0, minutes + 1, 10)
    ]


def well() -> dict[str, list[Sample]]:
    return {
        "clips_per_hour": steady(70),
        "jobs_waiting": steady(5),
        "rejection_rate_24h": steady(0.05),
        "gpu_utilisation": steady(0.9),
        "accepted_7d": [*steady(9, labels=FOG), *steady(1, labels=ELK)],
        "cohort_fvd_24h": steady(210),
        "job_seconds_p95": steady(200),
        "workers": steady(2),
        "queue_up": steady(1),
    }


EVENTS: dict[str, dict[str, list[Sample]]] = {
    "ThroughputLow": {"clips_per_hour": steady(59)},
    "RejectionHigh": {"rejection_rate_24h": steady(0.16, minutes=0)},
    "RejectionHalt": {"rejection_rate_24h": steady(0.21, minutes=0)},
    "GpuIdle": {"gpu_utilisation": steady(0.49, minutes=120)},
    "GpuUnderTarget": {"gpu_utilisation": steady(0.8, minutes=360)},
    "CategoryUncovered": {"accepted_7d": [*steady(9, labels=FOG), *steady(0, labels=ELK)]},
    "FvdHigh": {"cohort_fvd_24h": steady(301, minutes=0)},
    "JobsSlow": {"job_seconds_p95": steady(301, minutes=10)},
    "WorkersGone": {"workers": steady(0, minutes=10)},
    "QueueDown": {"queue_up": steady(0, minutes=10)},
}


def firing(samples: dict[str, list[Sample]]) -> list[str]:
    return [alert.rule.name for alert in evaluate(RULES, samples, now_ms=NOW_MS).firing]


def test_nothing_fires_while_all_is_well() -> None:
    report = evaluate(RULES, well(), now_ms=NOW_MS)
    assert (report.firing, report.unknown) == ((), ())


def test_every_rule_has_an_event_here() -> None:
    assert set(EVENTS) == {rule.name for rule in RULES.rules}


@pytest.mark.parametrize("name", EVENTS)
def test_each_rule_is_fired_by_its_event(name: str) -> None:
    together = {"RejectionHalt": ["RejectionHigh", "RejectionHalt"]}
    assert firing(well() | EVENTS[name]) == together.get(name, [name])


def test_limits_are_not_breached_at_the_limit() -> None:
    edges = {
        "rejection_rate_24h": steady(0.15),
        "cohort_fvd_24h": steady(300),
        "gpu_utilisation": steady(0.85),
    }
    assert firing(well() | edges) == []


def test_a_breach_must_last_unbroken() -> None:
    broken = [sample for sample in steady(0.4, minutes=200) if sample.at_ms != NOW_MS - 60 * MINUTE_MS]
    broken.append(Sample(at_ms=NOW_MS - 60 * MINUTE_MS, value=0.9))
    assert firing(well() | {"gpu_utilisation": broken}) == []
    assert firing(well() | {"gpu_utilisation": steady(0.4, minutes=110)}) == []


def test_an_idle_gpu_without_waiting_jobs_is_no_alarm() -> None:
    assert firing(well() | EVENTS["GpuIdle"] | {"jobs_waiting": steady(0)}) == []


def test_an_alert_says_what_it_is_about_and_only_the_halt_halts() -> None:
    report = evaluate(RULES, well() | EVENTS["CategoryUncovered"], now_ms=NOW_MS)
    assert str(report.firing[0]) == "CategoryUncovered (category elk): 0 is under 1"
    assert report.firing[0].since_ms == NOW_MS - 600 * MINUTE_MS
    assert report.halts == ()
    halting = evaluate(RULES, well() | EVENTS["RejectionHalt"], now_ms=NOW_MS)
    assert [alert.rule.name for alert in halting.halts] == ["RejectionHalt"]


def test_missing_stale_and_future_data_are_unknown_not_fine() -> None:
    without = {name: samples for name, samples in well().items() if name != "cohort_fvd_24h"}
    assert evaluate(RULES, without, now_ms=NOW_MS).unknown == ("FvdHigh",)
    old = [Sample(at_ms=NOW_MS - 61 * MINUTE_MS, value=999.0)]
    assert evaluate(RULES, well() | {"cohort_fvd_24h": old}, now_ms=NOW_MS).unknown == ("FvdHigh",)
    early = [Sample(at_ms=NOW_MS + 1, value=999.0)]
    assert evaluate(RULES, well() | {"cohort_fvd_24h": early}, now_ms=NOW_MS).unknown == ("FvdHigh",)
    assert len(evaluate(RULES, {}, now_ms=NOW_MS).unknown) == len(RULES.rules)


def test_alarm_and_halt_are_the_gate_policys_limits() -> None:
    limits = {rule.name: rule.limit for rule in RULES.rules}
    rejection = load_gate_policy().rejection
    assert (limits["RejectionHigh"], limits["RejectionHalt"]) == (rejection.alarm_over, rejection.halt_over)


def test_the_deployed_prometheus_file_is_made_from_the_rules() -> None:
    assert DEPLOYED.read_text() == prometheus_rules(RULES)
    (group,) = yaml.safe_load(DEPLOYED.read_text())["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [rule.name for rule in RULES.rules]
    idle: dict[str, Any] = next(rule for rule in group["rules"] if rule["alert"] == "GpuIdle")
    assert idle["for"] == "7200s"
    assert idle["expr"].startswith(
        "(avg_over_time(scalediff_generation_gpu_utilisation[5m])) < 0.5 and on() ("
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"over": 1.0}, "exactly one of over and under"),
        ({"series": "moon"}, "watches 'moon', which is no series"),
    ],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, Any], says: str) -> None:
    content = RULES.model_dump()
    content["rules"] = [content["rules"][0] | change]
    with pytest.raises(ValidationError, match=says):
        AlertRules.model_validate(content)
