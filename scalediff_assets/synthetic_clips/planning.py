"""A week's plan as tables by partition."""

from collections.abc import Sequence

from scalediff_assets.clip_schemas import PLANNED_CLIPS, ScenarioPlan
from scalediff_assets.partitions import of_category_week
from scalediff_assets.synthetic_clips.scenarios import PlanSettings, allocate, plan_category
from scalediff_contract.generation import PlannedJob
from scalediff_contract.scenarios import load_catalogue


def plan_tables(keys: Sequence[str], settings: PlanSettings) -> dict[str, ScenarioPlan]:
    """Each partition's orders; a category's share does not depend on which others are planned with it."""
    catalogue = load_catalogue()
    counts = allocate(catalogue, settings.jobs)
    made = {}
    for key in keys:
        category, week = of_category_week(key)
        orders = plan_category(
            catalogue.category(category), week=week, count=counts[category], settings=settings
        )
        rows = [_row(order, week, catalogue.version) for order in orders]
        made[key] = ScenarioPlan(orders=PLANNED_CLIPS.frame(rows))
    return made


def _row(order: PlannedJob, week: str, version: str) -> dict[str, object]:
    asked = order.request
    same = ("category", "prompt", "seed", "num_inference_steps", "guidance_scale", "priority")
    return {name: getattr(asked, name) for name in same} | {
        "idempotency_key": order.idempotency_key,
        "week": week,
        "catalogue": version,
    }
