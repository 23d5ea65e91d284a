"""Heights of the procedural city: tall downtown, low at its edges, Manhattan's share of each tier.

Lots are ranked by where they lie, how large they are and by chance; a rank's height comes from one
fixed curve, so every seed has the same shares of low houses and towers.
"""

from bisect import bisect_right

import numpy as np

from world.city.lots import Point, Rect

# Share of buildings below each height, centimetres; straight in between. Midtown Manhattan's tiers.
_CURVE = (
    (0.0, 400), (0.03, 600), (0.15, 1_000), (0.34, 1_400), (0.50, 1_850), (0.684, 3_000), (0.834, 6_000),
    (0.930, 10_000), (0.972, 15_000), (0.9928, 20_000), (0.998, 27_000), (1.0, 42_700),
)  # fmt: skip
# A tower no wider than a tenth of its height would be a needle.
_SLENDEREST = 11


def centres(rng: np.random.Generator) -> list[tuple[Point, int, float]]:
    """Where the city is dense: (centre, radius in centimetres, strength) of smooth hills."""

    def near(x: int, z: int, spread: int) -> Point:
        return (
            x + int(rng.integers(-spread, spread + 1)),
            z + int(rng.integers(-spread, spread + 1)),
        )

    return [
        (near(10_000, 25_000, 12_000), 95_000, 1.0),
        (near(-20_000, -40_000, 8_000), 50_000, 0.55),
        (near(65_000, -55_000, 15_000), 45_000, 0.5),
        (near(-65_000, 60_000, 15_000), 40_000, 0.4),
    ]


def density_at(point: Point, hills: list[tuple[Point, int, float]]) -> float:
    """How dense the city is at a point, 0 to 1."""
    total = 0.0
    for (x, z), radius, strength in hills:
        dx, dz = (point[0] - x) / radius, (point[1] - z) / radius
        inside = 1.0 - dx * dx - dz * dz
        if inside > 0.0:
            total += strength * inside * inside
    return min(total, 1.0)


def heights_cm(rng: np.random.Generator, rects: list[Rect], densities: list[float]) -> list[int]:
    """A height for each lot, in whole decimetres.

    Args:
        rng: Where chance comes from.
        rects: The lots' extents.
        densities: How dense the city is at each.
    """
    scores = [
        density + 0.75 * min(rect.area_cm2 / 16_000_000, 1.0) + 0.6 * float(rng.random())
        for rect, density in zip(rects, densities, strict=True)
    ]
    order = sorted(range(len(scores)), key=lambda index: (scores[index], index))
    heights = [0] * len(scores)
    for rank, index in enumerate(order):
        wanted = _curve_cm((rank + 0.5) / len(order))
        limit = _SLENDEREST * min(rects[index].width_cm, rects[index].depth_cm)
        heights[index] = min(wanted, limit) // 10 * 10
    return heights


def _curve_cm(share: float) -> int:
    above = bisect_right(_CURVE, (share, 0))
    (low, low_cm), (high, high_cm) = _CURVE[above - 1], _CURVE[above]
    return low_cm + int((high_cm - low_cm) * (share - low) / (high - low))
