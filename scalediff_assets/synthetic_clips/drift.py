"""Has the world moved away from what the model learnt? This month's clips against the 30 days before.

Limits come from the data: months are drawn from both sets mixed, and what their distances are when
nothing has changed is the yardstick. Three looks: the Frechet distance of all features; how far the
centres of the reference's clusters have moved, which a change of all clips shows best; and the
clusters' shares, which say what kind of clip came or went. An alarm needs what mixing hardly ever
makes: four standard deviations over the mean, on the square root, where the draws are nearly normal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.frechet import FeatureSet, FrechetDistance, frechet_distance

PERMUTATIONS = 60
SIGMAS = 4.0
CLUSTERS = 8
CLIPS_MIN = 20
_LLOYD_ROUNDS = 25


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A distance beside what it is without a change.

    Attributes:
        value: Measured.
        limit: Four standard deviations over the mean of the mixed draws.
        p_value: Share of mixed draws at or over the value, the measured one counted in.
    """

    value: float
    limit: float
    p_value: float

    @property
    def alarm(self) -> bool:
        """Whether it is over the limit."""
        return self.value > self.limit


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster of the reference.

    Attributes:
        share_before: Of the reference's clips.
        share_now: Of the month's clips.
        moved: Distance between the means then and now; None where none of either side fell in.
    """

    share_before: float
    share_now: float
    moved: float | None


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """What a month looks like beside the 30 days before.

    Attributes:
        distance: Frechet distance with extractor and n.
        features: The distance beside its limit.
        centres: Mean squared move of the clusters' centres beside its limit.
        mixture: Total variation of the clusters' shares beside its limit.
        clusters: Of the reference, the largest first.
        categories: Category -> its own distance, where both sides have enough clips.
        too_few: Categories that could not be compared.
    """

    distance: FrechetDistance
    features: Shift
    centres: Shift
    mixture: Shift
    clusters: tuple[Cluster, ...]
    categories: dict[str, FrechetDistance]
    too_few: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        """Whether anything is over its limit."""
        return self.features.alarm or self.centres.alarm or self.mixture.alarm


def drift_report(
    reference: Mapping[str, FeatureSet],
    month: Mapping[str, FeatureSet],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> DriftReport:
    """Compare a month with its reference.

    Args:
        reference: Category -> features of the 30 days before.
        month: Category -> features of the month, by the same extractor.
        seed: Of draws and clusters.
        permutations: Mixed draws.

    Raises:
        ValueError: For under 20 clips on a side.
        NotComparableFeaturesError: For different extractors.
    """
    before, now = _together(reference, "reference"), _together(month, "month")
    rng = np.random.default_rng(seed)
    distance = frechet_distance(before, now, seed=seed)
    mixed = np.concatenate([before.values, now.values])
    null = [_mixed_distance(before.extractor, mixed, distance.n, rng) for _ in range(permutations)]
    clusters, centres, mixture = _clusters(before.values, now.values, rng, permutations)
    both = sorted(set(reference) & set(month))
    enough = [name for name in both if min(len(reference[name]), len(month[name])) >= CLIPS_MIN]
    return DriftReport(
        distance=distance,
        features=_shift(distance.value, null),
        mixture=mixture,
        centres=centres,
        clusters=clusters,
        categories={name: frechet_distance(reference[name], month[name], seed=seed) for name in enough},
        too_few=tuple(sorted((set(reference) | set(month)) - set(enough))),
    )


def _together(sets: Mapping[str, FeatureSet], name: str) -> FeatureSet:
    extractors = {each.extractor for each in sets.values()}
    clips = sum(len(each) for each in sets.values())
    if clips < CLIPS_MIN or len(extractors) != 1:
        raise ValueError(
            f"the {name} has {clips} clips by {len(extractors)} extractors; "
            f"give at least {CLIPS_MIN} clips by one extractor"
        )
    return _features(extractors.pop(), np.concatenate([sets[key].values for key in sorted(sets)]))


def _features(extractor: str, values: npt.NDArray[np.floating]) -> FeatureSet:
    return FeatureSet(extractor=extractor, values=values)


def _mixed_distance(
    extractor: str, mixed: npt.NDArray[np.floating], n: int, rng: np.random.Generator
) -> float:
    """The distance between two halves of everything."""
    order = rng.permutation(len(mixed))
    halves = (_features(extractor, mixed[part]) for part in (order[:n], order[n : 2 * n]))
    return frechet_distance(*halves).value


def _shift(value: float, null: list[float]) -> Shift:
    values = np.array(null)
    roots = np.sqrt(values)
    # Never under what a mixed draw has made: few draws may lie closely together by chance.
    limit = max(float(roots.mean() + SIGMAS * roots.std(ddof=1)) ** 2, float(values.max()))
    p_value = float((1 + (values >= value).sum()) / (1 + len(values)))
    return Shift(value=value, limit=limit, p_value=p_value)


def _clusters(
    before: npt.NDArray[np.floating],
    now: npt.NDArray[np.floating],
    rng: np.random.Generator,
    permutations: int,
) -> tuple[tuple[Cluster, ...], Shift, Shift]:
    """The reference's clusters then and now; moves of centres and shares beside what mixing makes."""
    mixed = np.concatenate([before, now]).astype(np.float64)
    centroids = _centroids(mixed[: len(before)], min(CLUSTERS, len(before) // 5), rng)
    kinds = _assign(mixed, centroids)
    is_now = np.arange(len(mixed)) >= len(before)
    clusters = _compare(mixed, kinds, is_now, len(centroids))
    null = [_compare(mixed, kinds, rng.permutation(is_now), len(centroids)) for _ in range(permutations)]
    ranked = tuple(sorted(clusters, key=lambda each: -each.share_before))
    centres = _shift(_moved(clusters), [_moved(each) for each in null])
    return ranked, centres, _shift(_total_variation(clusters), [_total_variation(each) for each in null])


def _centroids(
    values: npt.NDArray[np.float64], count: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """k-means (Lloyd 1982) from k-means++ seeds; a cluster that loses all its clips stays where it is."""
    chosen = [values[int(rng.integers(len(values)))]]
    while len(chosen) < count:
        nearest = np.min([((values - each) ** 2).sum(1) for each in chosen], axis=0)
        total = float(nearest.sum())
        if total == 0:  # fewer different clips than clusters
            break
        chosen.append(values[int(rng.choice(len(values), p=nearest / total))])
    centroids = np.array(chosen)
    for _ in range(_LLOYD_ROUNDS):
        kinds = _assign(values, centroids)
        for k in np.unique(kinds):
            centroids[k] = values[kinds == k].mean(0)
    return centroids


def _assign(values: npt.NDArray[np.float64], centroids: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    squares = (values**2).sum(1)[:, None] - 2 * values @ centroids.T + (centroids**2).sum(1)
    nearest: npt.NDArray[np.int64] = squares.argmin(1)
    return nearest


def _compare(
    values: npt.NDArray[np.float64], kinds: npt.NDArray[np.int64], is_now: npt.NDArray[np.bool_], count: int
) -> list[Cluster]:
    """Each cluster's shares and centres on the two sides."""
    rows = []
    for k in range(count):
        old, new = values[(kinds == k) & ~is_now], values[(kinds == k) & is_now]
        both = len(old) and len(new)
        moved = float(np.linalg.norm(new.mean(0) - old.mean(0))) if both else None
        shares = len(old) / int((~is_now).sum()), len(new) / int(is_now.sum())
        rows.append(Cluster(share_before=shares[0], share_now=shares[1], moved=moved))
    return rows


def _moved(clusters: list[Cluster]) -> float:
    """Mean squared move of the centres, weighted by the clips that they stand for."""
    known = [each for each in clusters if each.moved is not None]
    weights = [min(each.share_before, each.share_now) for each in known]
    squares = [float(each.moved or 0.0) ** 2 for each in known]
    return float(np.dot(weights, squares) / max(sum(weights), 1e-12))


def _total_variation(clusters: list[Cluster]) -> float:
    return sum(abs(each.share_before - each.share_now) for each in clusters) / 2
