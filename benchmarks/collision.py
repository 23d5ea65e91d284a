"""How much faster the index answers than testing every building.

    python -m benchmarks.collision [--json]

Circles of 0.5 m and car boxes at random places on the shipped city's streets, in interleaved
rounds. `all_polygons` is the same exact test against every building; `all_boxes_first` skips those
whose bounding box is far (vectorised with numpy), the best that can be done without an index.
"""

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks.measure import interleaved, report
from world.city.load import load_city
from world.city.model import City
from world.collision import StaticIndex, circle_hits_polygon
from world.collision.footprints import ClearanceGate
from world.streets.build import build_network

QUERIES, SLOW_QUERIES, ROUNDS, RADIUS_M = 2_000, 20, 5, 0.5


Place = tuple[float, float]


def street_places(city: City, count: int) -> list[Place]:
    """Random places on and beside lanes."""
    lanes = [lane for lane in build_network(city).lanes if not lane.is_connector]
    rng = np.random.default_rng(1)
    chosen = [lanes[k] for k in rng.integers(len(lanes), size=count)]
    spread = rng.uniform(-12.0, 12.0, (count, 2))
    pairs = zip(chosen, spread, strict=True)
    return [tuple((lane.points_m.mean(axis=0) + jitter).tolist()) for lane, jitter in pairs]


class Queries:
    """The same questions, asked in several ways."""

    def __init__(self, city: City) -> None:
        outlines = [building.outline_m for building in city.buildings]
        self.index = StaticIndex(outlines)
        self.rings = [tuple(outline.ravel().tolist()) for outline in outlines]
        self.low = np.array([outline.min(axis=0) for outline in outlines])
        self.high = np.array([outline.max(axis=0) for outline in outlines])
        self.places = street_places(city, QUERIES)

    def indexed(self) -> None:
        """Circles through the index."""
        for x, y in self.places:
            self.index.hits_circle(x, y, RADIUS_M)

    def all_polygons(self) -> None:
        """Circles against every building."""
        for x, y in self.places[:SLOW_QUERIES]:
            any(circle_hits_polygon(x, y, RADIUS_M, ring) for ring in self.rings)

    def all_boxes_first(self) -> None:
        """Circles against every bounding box, then the few buildings left."""
        for x, y in self.places[:QUERIES]:
            at = np.array([x, y])
            near = np.flatnonzero(((self.low - RADIUS_M <= at) & (at <= self.high + RADIUS_M)).all(axis=1))
            any(circle_hits_polygon(x, y, RADIUS_M, self.rings[k]) for k in near.tolist())

    def car_boxes(self) -> None:
        """A car's box through the index."""
        for x, y in self.places:
            self.index.hits_box(x, y, 0.3, 4.4, 1.9)

    def gated(self) -> None:
        """A car that drives down the scenarios' lane at 12 m/s, asked 120 times a second."""
        gate = ClearanceGate(self.index, 2.4)
        for step in range(QUERIES):
            gate.is_clear(533.0 - 0.1 * step, -229.41)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    city = load_city()
    queries = Queries(city)
    work: dict[str, Callable[[], object]] = {
        "indexed": queries.indexed,
        "all_polygons": queries.all_polygons,
        "all_boxes_first": queries.all_boxes_first,
        "car_boxes": queries.car_boxes,
        "gated": queries.gated,
    }
    spent = interleaved(work, rounds=ROUNDS)
    each_us = {
        name: 1e6 * seconds / (SLOW_QUERIES if name == "all_polygons" else QUERIES)
        for name, seconds in spent.items()
    }
    figures = {
        "all_polygons_over_indexed": each_us["all_polygons"] / each_us["indexed"],
        "all_boxes_first_over_indexed": each_us["all_boxes_first"] / each_us["indexed"],
        **{f"{name}_us": value for name, value in each_us.items()},
    }
    title = f"Collision queries among {len(city.buildings)} buildings"
    report(title, figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
