"""Changes of policies in the audit log: told once, with what was in force before."""

from dataclasses import replace
from pathlib import Path

import pytest

from resources.audit_log import AuditLog
from resources.profiles import resources_for
from resources.settings import read_settings
from scalediff_assets.policy_audit import PolicyInForce, gate_in_force, note_policy
from scalediff_assets.synthetic_clips.costs import load_prices
from scoring.gate import load_gate_policy

FIRST = PolicyInForce(subject="gate policy", version="v1", content_hash="a" * 64)
SECOND = replace(FIRST, version="v2", content_hash="b" * 64)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    found: AuditLog = resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))[
        "connections"
    ].audit_log()
    return found


def note(log: AuditLog, policy: PolicyInForce, partition: str) -> bool:
    return note_policy(log, policy, partition=partition, actor="dagster run 1", now_ms=5)


def test_another_policy_than_before_is_told_with_the_one_before(log: AuditLog) -> None:
    assert note(log, FIRST, "dust_storm|2026-11-09")
    assert not note(log, FIRST, "dust_storm|2026-11-16")
    assert note(log, SECOND, "dust_storm|2026-11-23")
    assert not note(log, SECOND, "fog|2026-11-23")
    first, second = (entry.event for entry in log.entries(subject="gate policy"))
    assert (first.action, first.detail["before"]) == ("policy", None)
    assert second.detail == {
        "version": "v2", "policy_hash": "b" * 64, "before": "a" * 64, "version_before": "v1",
        "first_partition": "dust_storm|2026-11-23",
    }  # fmt: skip
    assert log.verify() == 2


def test_going_back_to_an_older_policy_is_a_change_too(log: AuditLog) -> None:
    for policy in (FIRST, SECOND, FIRST):
        assert note(log, policy, "p")
    assert [entry.event.detail["version"] for entry in log.entries()] == ["v1", "v2", "v1"]


def test_an_edit_that_kept_its_version_is_a_change(log: AuditLog) -> None:
    note(log, FIRST, "p")
    assert note(log, replace(SECOND, version="v1"), "p")


def test_each_kind_of_policy_has_a_history_of_its_own(log: AuditLog) -> None:
    note(log, FIRST, "p")
    assert note(log, replace(FIRST, subject="price table"), "p")
    assert len(list(log.entries(subject="gate policy"))) == 1


def test_a_changed_limit_or_price_is_another_hash() -> None:
    policy, prices = load_gate_policy(), load_prices()
    stricter = policy.model_copy(update={"rejection": policy.rejection.model_copy(update={"n_min": 99})})
    assert gate_in_force(policy).content_hash != gate_in_force(stricter).content_hash
    rates = prices.ours.model_copy(update={"storage_gb_month_usd": 1.0})
    assert prices.model_copy(update={"ours": rates}).content_hash != prices.content_hash
    assert len(prices.content_hash) == 64
