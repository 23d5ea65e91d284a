"""The weekly plan: how many clips of which category, with which prompts and seeds.

Every category gets clips every week; rare ones get more, by the catalogue's weights. A plan is a
pure function of week, size and seed, and its keys say so: ordering it twice orders nothing twice.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scalediff_contract.generation import GenerateRequest, PlannedJob
from scalediff_contract.scenarios import CATEGORIES, Catalogue, Category

WEEKLY_JOBS = 10_000
COVERAGE_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """What all clips of a plan share.

    Attributes:
        jobs: Clips of the week over all categories, at least one for each.
        seed: Chooses prompts and noise.
        num_inference_steps: Denoising steps.
        guidance_scale: Weight of the prompt.
    """

    jobs: int = WEEKLY_JOBS
    seed: int = 0
    num_inference_steps: int = 50
    guidance_scale: float = 4.0

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            ValueError: For fewer clips than categories.
        """
        if self.jobs < CATEGORIES:
            raise ValueError(
                f"a plan of {self.jobs} clips leaves categories out; order at least {CATEGORIES}"
            )


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Which categories have accepted clips.

    Attributes:
        counts: Category -> accepted clips, in the catalogue's order.
        missing: Categories without any.
        adot_covered: Of the regulator's edge cases.
        adot_total: How many there are.
    """

    counts: dict[str, int]
    missing: tuple[str, ...]
    adot_covered: int
    adot_total: int

    @property
    def covered(self) -> int:
        """How many categories have clips."""
        return len(self.counts) - len(self.missing)


def allocate(catalogue: Catalogue, jobs: int) -> dict[str, int]:
    """Clips of each category: one each, the rest by weight (largest remainder); the sum is `jobs`.

    Raises:
        ValueError: For fewer clips than categories.
    """
    PlanSettings(jobs=jobs)
    weights = np.array([category.weight for category in catalogue.categories])
    shares = weights / weights.sum() * (jobs - len(weights))
    counts = np.floor(shares).astype(int)
    # Largest remainders first; the catalogue's order breaks ties.
    for index in np.argsort(-(shares - counts), kind="stable")[: jobs - len(weights) - int(counts.sum())]:
        counts[index] += 1
    return {category_id: int(count) + 1 for category_id, count in zip(catalogue.ids, counts, strict=True)}


def plan_category(category: Category, *, week: str, count: int, settings: PlanSettings) -> list[PlannedJob]:
    """The orders of one category and week; all prompts are used before one is used again.

    Args:
        category: Of the catalogue.
        week: Partition key, the week's first day.
        count: Clips.
        settings: Of the plan.
    """
    rng = np.random.default_rng(_number(f"{settings.seed} {week} {category.id}"))
    prompts = [prompt.render() for prompt in category.prompts()]
    rounds = [rng.permutation(len(prompts)) for _ in range(-(-count // len(prompts)))]
    order = np.concatenate(rounds)[:count] if rounds else np.empty(0, int)
    return [
        _order(prompts[int(chosen)], category.id, week, number, settings)
        for number, chosen in enumerate(order)
    ]


def plan_week(catalogue: Catalogue, *, week: str, settings: PlanSettings) -> list[PlannedJob]:
    """The orders of a week over all categories, in the catalogue's order."""
    counts = allocate(catalogue, settings.jobs)
    return [
        job
        for category in catalogue.categories
        for job in plan_category(category, week=week, count=counts[category.id], settings=settings)
    ]


def coverage(catalogue: Catalogue, accepted: Mapping[str, int]) -> Coverage:
    """Which categories have accepted clips; categories that are not the catalogue's are an error.

    Raises:
        UnknownScenarioError: For a category that the catalogue has not.
    """
    for category_id in accepted:
        catalogue.category(category_id)
    counts = {category_id: int(accepted.get(category_id, 0)) for category_id in catalogue.ids}
    adot = [category.id for category in catalogue.categories if category.adot]
    return Coverage(
        counts=counts,
        missing=tuple(category_id for category_id, count in counts.items() if not count),
        adot_covered=sum(counts[category_id] > 0 for category_id in adot),
        adot_total=len(adot),
    )


def _order(prompt: str, category_id: str, week: str, number: int, settings: PlanSettings) -> PlannedJob:
    key = f"plan-{week}-{category_id}-s{settings.seed}-{number:05d}"
    return PlannedJob(
        idempotency_key=key,
        request=GenerateRequest(
            prompt=prompt,
            category=category_id,
            priority="batch",
            seed=_number(key),
            num_inference_steps=settings.num_inference_steps,
            guidance_scale=settings.guidance_scale,
            tags={"plan": week},
        ),
    )


def _number(text: str) -> int:
    """A number under 2^53 from a text: exact in JSON readers that know doubles only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 11
