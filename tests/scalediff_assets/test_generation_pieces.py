"""The generation line's plain pieces: what is read from sessions, orders, cursors and months."""

from scalediff_assets.driving_clips.sources import EVERYDAY, caption_of, category_of
from scalediff_assets.model_watch.months import month_before, month_set, some_of_each_stretch
from scalediff_assets.partitions import (
    SCENARIOS,
    category_week,
    of_category_week,
    week_range,
)
from scalediff_assets.synthetic_clips.alert_samples import History
from scalediff_assets.synthetic_clips.alerts import Sample
from scalediff_assets.synthetic_clips.costing import price_key
from scalediff_assets.synthetic_clips.orders import planned_jobs
from scalediff_assets.synthetic_clips.planning import plan_tables
from scalediff_assets.synthetic_clips.scenarios import PlanSettings
from scalediff_contract.scenarios import accept_prompt, load_catalogue


def test_what_a_session_staged_is_its_clips_category() -> None:
    assert category_of("cut-in") == "cut_in"
    assert category_of("double-intersection") == "signal_outage"
    assert category_of("free") == category_of(None) == EVERYDAY


def test_every_caption_is_a_prompt_of_its_own_category() -> None:
    for category_id in load_catalogue().ids:
        assert accept_prompt(caption_of(category_id))[1].id == category_id


def test_a_partition_names_category_and_week() -> None:
    key = category_week("cut_in", "2026-11-16")
    assert key == "cut_in|2026-11-16"
    assert of_category_week(key) == ("cut_in", "2026-11-16")
    first, last = week_range("2026-11-16")
    categories = SCENARIOS.get_partition_keys()
    assert (of_category_week(first)[0], of_category_week(last)[0]) == (categories[0], categories[-1])


def test_a_plans_orders_say_where_they_come_from_and_are_the_same_every_time() -> None:
    key = category_week("snow_ice", "2026-11-16")
    made = plan_tables([key], PlanSettings(jobs=100))[key].orders
    jobs = planned_jobs(made)
    assert {job.request.tags["plan"] for job in jobs} == {"2026-11-16"}
    assert {job.request.tags["key"] for job in jobs} == {job.idempotency_key for job in jobs}
    assert plan_tables([key], PlanSettings(jobs=100))[key].orders.equals(made)
    whole = plan_tables([category_week(each, "2026-11-16") for each in SCENARIOS.get_partition_keys()],
                        PlanSettings(jobs=100))  # fmt: skip
    assert whole[key].orders.equals(made), "a category's share does not hang on its neighbours"
    assert sum(tables.orders.height for tables in whole.values()) == 100


def test_an_alert_history_survives_its_cursor() -> None:
    sample = Sample(at_ms=5, value=0.5, labels=(("category", "snow_ice"),))
    history = History(samples={"accepted_7d": (sample,)}, after=7, ended=((1, "snow_ice", True),))
    assert History.read(history.write()) == history
    assert History.read(None) == History()


def test_of_each_stretch_the_middle_clip_counts_or_several_apart() -> None:
    ids = [f"{source}:{first:05d}" for source in ("a", "b") for first in range(0, 36, 4)]
    assert [ids[row] for row in some_of_each_stretch(ids, 1)] == ["a:00016", "b:00016"]
    assert [ids[row] for row in some_of_each_stretch(ids, 3)][:3] == ["a:00004", "a:00016", "a:00028"]


def test_months_have_names_and_follow_each_other() -> None:
    assert month_set("2026-11-01") == "month-2026-11"
    assert month_before("2026-01-01") == "2025-12-01"
    assert month_before("2026-11-01") == "2026-10-01"


def test_a_device_is_found_in_the_price_table_by_its_name() -> None:
    assert price_key("NVIDIA H200") == "h200"
    assert price_key("cpu x 2") == "cpu"
    assert price_key("abacus") == "abacus"
