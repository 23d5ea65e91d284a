"""Plans become orders, ended jobs are collected, the audit log hears of both; the service is the real app."""

import datetime as dt
import json
from typing import Any

import dagster as dg
import pytest

from resources.generation import GenerationService
from resources.tables import write_tables
from scalediff_assets import clip_sensors
from scalediff_assets.clip_sensors import (
    audit_orders,
    collect_clips,
    follow_production,
    order_plans,
    watch_generation,
)
from scalediff_assets.partitions import (
    SCENARIOS,
    category_week,
    week_of,
)
from scalediff_assets.synthetic_clips.orders import planned_jobs
from scalediff_assets.synthetic_clips.planning import plan_tables
from scalediff_assets.synthetic_clips.scenarios import PlanSettings
from scalediff_assets.synthetic_clips.windows import BatchWindows
from scalediff_contract.generation import Verdict
from tests.scalediff_assets.generation_automation.conftest import WEEK, materialised, sensor


def plan(resources: dict[str, Any], *, jobs: int = 23) -> Any:
    """A week's plan in the lake; its orders."""
    settings = PlanSettings(jobs=jobs, num_inference_steps=2)
    keys = [category_week(category, WEEK) for category in SCENARIOS.get_partition_keys()]
    made = plan_tables(keys, settings)
    for key, tables in made.items():
        write_tables(resources["connections"].lake(), "scenario_plans", key, tables)
    return made


def opened(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = {"from_hour": 0, "to_hour": 24} if is_open else {"from_hour": 3, "to_hour": 4}
    windows = BatchWindows.model_validate(
        {"version": "t", "time_zone": "UTC", "windows": [{"days": every_day, **hours}]}
    )
    monkeypatch.setattr(clip_sensors, "load_windows", lambda: windows)


def test_a_plan_is_ordered_once_when_a_window_is_open(
    instance: dg.DagsterInstance, generation: GenerationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = week_of(dt.datetime.now(dt.UTC))
    materialised(instance, "scenario_plans", category_week("dust_storm", week))
    materialised(instance, "scenario_plans", category_week("tire_debris", week))
    opened(monkeypatch, is_open=True)
    found = sensor(order_plans, instance, generation=generation)
    (request,) = found.run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"dust_storm|{week}"
    assert request.tags["dagster/asset_partition_range_end"] == f"cargo_spill|{week}"
    assert not sensor(order_plans, instance, found.cursor, generation=generation).run_requests


def test_outside_the_windows_and_without_a_service_nothing_is_ordered(
    instance: dg.DagsterInstance,
    generation: GenerationService,
    away: GenerationService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    materialised(instance, "scenario_plans", category_week("dust_storm", week_of(dt.datetime.now(dt.UTC))))
    hour = dt.datetime.now(dt.UTC).hour
    if hour != 3:
        opened(monkeypatch, is_open=False)
        closed = sensor(order_plans, instance, generation=generation)
        assert not closed.run_requests and "opens at" in str(closed.skip_reason)
    opened(monkeypatch, is_open=True)
    assert "does not answer" in str(sensor(order_plans, instance, generation=away).skip_reason)


def test_a_partition_is_collected_when_its_last_job_has_ended(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    made = plan(resources, jobs=46)
    given = {"connections": resources["connections"], "generation": generation}
    keys = [category_week("dust_storm", WEEK), category_week("tire_debris", WEEK)]
    first, second = (planned_jobs(made[key].orders) for key in keys)
    assert len(first) > 1
    generation.order([*first[:-1], *second])
    work()
    found = sensor(collect_clips, instance, **given)
    assert [request.partition_key for request in found.run_requests or []] == [keys[1]]
    generation.order(first)
    work()
    again = sensor(collect_clips, instance, found.cursor, **given)
    assert [request.partition_key for request in again.run_requests or []] == [keys[0]]
    assert not sensor(collect_clips, instance, again.cursor, **given).run_requests


def test_orders_and_their_ends_are_audited_once(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    orders = planned_jobs(plan(resources)[category_week("dust_storm", WEEK)].orders)
    (job,) = generation.order(orders)
    work()
    given = {"connections": resources["connections"], "generation": generation}
    sensor(audit_orders, instance, **given)
    sensor(audit_orders, instance, **given)
    log = resources["connections"].audit_log()
    events = [entry.event for entry in log.entries(subject=job.job_id)]
    assert [(event.action, event.actor) for event in events] == [("request", "graph"), ("generate", "graph")]
    generation.halt("a person had doubts")
    generation.resume()
    sensor(audit_orders, instance, **given)
    acts = [entry.event for entry in log.entries(subject="generation service")]
    assert [(act.action, act.actor) for act in acts] == [("halt", "graph"), ("resume", "graph")]
    assert acts[0].detail == {"reason": "a person had doubts"}
    assert log.verify() == 4


def test_too_many_refused_clips_halt_the_intake_and_are_audited(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    orders = [each for tables in plan(resources).values() for each in planned_jobs(tables.orders)]
    jobs = generation.order(orders)
    work()
    for number, job in enumerate(jobs):
        generation.judge(job.job_id, Verdict(passed=number % 3 > 0, policy_hash="0" * 64))
    given = {"connections": resources["connections"], "generation": generation}
    found = sensor(watch_generation, instance, **given)
    assert "RejectionHalt" in str(found.skip_reason)
    assert "RejectionHalt" in str(generation.state().halted)
    actions = [entry.event.action for entry in resources["connections"].audit_log().entries()]
    assert actions == ["halt"]
    again = sensor(watch_generation, instance, found.cursor, **given)
    assert len(json.loads(str(again.cursor))["samples"]["rejection_rate_24h"]) == 2


def test_a_service_that_is_away_is_a_sentence(
    instance: dg.DagsterInstance, resources: dict[str, Any], away: GenerationService
) -> None:
    given = {"connections": resources["connections"], "generation": away}
    for function in (collect_clips, audit_orders):
        assert "does not answer" in str(sensor(function, instance, **given).skip_reason)
    assert "no answer" in str(sensor(watch_generation, instance, **given).skip_reason)
    context = dg.build_sensor_context(
        instance=instance, resources={**given, "tracking": resources["tracking"]}
    )
    assert "does not answer" in str(follow_production(context))
