"""Wall colours: six materials for each of six height tiers, and no neighbours alike.

A video model tells two walls apart by their colour, so buildings that stand near each other get
different ones: each takes, in file order, the material whose nearest use is farthest away (60 m
counts as free).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

TIERS_M = (30.0, 60.0, 100.0, 150.0, 200.0)
REACH_CM = 6_000
GROUND = "#3a3a3a"
SKY = "#87ceeb"
# From the ground up: brick and brownstone, brick and stucco, limestone, concrete and granite,
# steel and bronze, glass.
MATERIALS = (
    ("#8a4b3a", "#6b4334", "#b07a5a", "#c9b08c", "#9c8f80", "#74352c"),
    ("#a0654a", "#c4a67c", "#7d5a48", "#b8aea0", "#935040", "#d6c5a3"),
    ("#cdbf9f", "#a89a84", "#8f7f6d", "#ddd3bd", "#b08968", "#7c7468"),
    ("#9a9a96", "#c2beb4", "#7a7f84", "#b09f8a", "#63686e", "#d3d0c8"),
    ("#6e7f8d", "#8fa3b0", "#5a6168", "#a38b6d", "#b4c0c8", "#4c5864"),
    ("#5b7a94", "#86aac4", "#3f566b", "#a9c4d4", "#6c8f8c", "#4a6a86"),
)


def tier_of(height_m: float) -> int:
    """The height's tier, 0 (up to 30 m) to 5 (over 200 m)."""
    return bisect_left(TIERS_M, height_m)


def wall_colours(
    centres_cm: Sequence[tuple[int, int]], heights_m: Sequence[float], groups: Sequence[int] | None = None
) -> list[str]:
    """A colour for each building.

    Args:
        centres_cm: The footprints' middles, whole centimetres.
        heights_m: Their heights.
        groups: Buildings with the same number are parts of one and share its colour; None when each
            stands alone.
    """
    used: dict[tuple[int, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    by_group: dict[int, str] = {}
    colours: list[str] = []
    for index, ((x, z), height_m) in enumerate(zip(centres_cm, heights_m, strict=True)):
        group = index if groups is None else groups[index]
        tier = tier_of(height_m)
        if group not in by_group:
            material = _freest(x, z, tier, used)
            by_group[group] = MATERIALS[tier][material]
            used[x // REACH_CM, z // REACH_CM].append((x, z, tier, material))
        colours.append(by_group[group])
    return colours


def _freest(x: int, z: int, tier: int, used: dict[tuple[int, int], list[tuple[int, int, int, int]]]) -> int:
    """The material whose nearest use around a point is farthest; ties rotate with the place."""
    nearest = [REACH_CM * REACH_CM] * 6
    column, row = x // REACH_CM, z // REACH_CM
    for cell in ((column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
        for other_x, other_z, other_tier, material in used.get(cell, ()):
            if other_tier == tier:
                square = (other_x - x) * (other_x - x) + (other_z - z) * (other_z - z)
                nearest[material] = min(nearest[material], square)
    first = (x // 700 + z // 1_300) % 6
    return max(range(6), key=lambda material: (nearest[material], (material - first) % 6))
