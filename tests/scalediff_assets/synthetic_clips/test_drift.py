"""Drift: a planted shift is found, and real against real is left alone."""

import numpy as np
import pytest

from scalediff_assets.synthetic_clips.drift import DriftReport, drift_report
from scoring.clips import Clip, measure_clip
from scoring.frechet import FeatureSet, NotComparableFeaturesError
from tests.clip_world import driven_clips

CENTRES = np.random.default_rng(5).normal(0, 4, (5, 12))


USUAL = (0.3, 0.3, 0.2, 0.1, 0.1)


def world(n: int, seed: int, *, shift: float = 0.0, weights: tuple[float, ...] = USUAL) -> FeatureSet:
    """Features of five kinds of clips."""
    rng = np.random.default_rng([seed, 17])
    kinds = rng.choice(5, n, p=weights)
    return FeatureSet(extractor="test-v1", values=CENTRES[kinds] + rng.normal(shift, 1, (n, 12)))


def report(before: FeatureSet, now: FeatureSet, seed: int = 0) -> DriftReport:
    return drift_report({"dust_storm": before}, {"dust_storm": now}, seed=seed, permutations=30)


def test_real_against_real_raises_no_alarm_over_20_resamples() -> None:
    pool = world(900, 1)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(900)
        before, now = (
            FeatureSet(extractor="test-v1", values=pool.values[part]) for part in np.split(order[:400], 2)
        )
        found = report(before, now, seed)
        assert not found.alarm, (seed, found.features, found.centres, found.mixture)


def test_a_planted_shift_of_all_features_raises_the_alarm() -> None:
    found = report(world(200, 1), world(200, 2, shift=0.6))
    assert found.centres.alarm and found.alarm
    assert found.centres.p_value == pytest.approx(1 / 31)
    assert found.distance.extractor == "test-v1" and found.distance.n == 200


def test_a_new_mixture_of_the_same_kinds_raises_the_alarm_and_names_the_cluster() -> None:
    found = report(world(300, 1), world(300, 2, weights=(0.05, 0.3, 0.2, 0.1, 0.35)))
    assert found.mixture.alarm
    changes = [cluster.share_now - cluster.share_before for cluster in found.clusters]
    assert max(changes) > 0.1 and min(changes) < -0.1
    assert sum(cluster.share_before for cluster in found.clusters) == pytest.approx(1.0)


def test_unequal_sides_are_compared_at_equal_n() -> None:
    assert report(world(500, 1), world(60, 2)).distance.n == 60


def test_categories_have_their_own_distance_where_there_are_enough_clips() -> None:
    found = drift_report(
        {"dust_storm": world(60, 1), "fog": world(10, 2)},
        {"dust_storm": world(60, 3), "elk": world(30, 4)},
        permutations=10,
    )
    assert set(found.categories) == {"dust_storm"}
    assert found.categories["dust_storm"].indicative
    assert found.too_few == ("elk", "fog")


def test_the_report_is_reproducible() -> None:
    before, now = world(100, 1), world(100, 2)
    assert report(before, now) == report(before, now)


def test_too_few_clips_and_mixed_extractors_are_refused() -> None:
    with pytest.raises(ValueError, match="the month has 10 clips"):
        report(world(50, 1), world(10, 2))
    other = FeatureSet(extractor="other-v1", values=world(50, 2).values)
    with pytest.raises(NotComparableFeaturesError):
        report(world(50, 1), other)


@pytest.mark.slow
def test_on_clips_of_the_project_world_only_the_planted_shift_raises_the_alarm() -> None:
    clips = [clip for seed in (401, 402) for clip in driven_clips(seed, seconds=20)]
    assert len(clips) > 60
    usual, darker = (measured(each) for each in (clips, [clip // 2 for clip in clips]))
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(clips))
        before, now = np.array_split(order, 2)
        found = report(features_of(usual[before]), features_of(usual[now]), seed)
        assert not found.alarm, (seed, found)
    shifted = report(features_of(usual[before]), features_of(darker[now]))
    assert shifted.features.alarm and shifted.centres.alarm


def measured(clips: list[Clip]) -> np.ndarray:
    """A few standardised measures and the mean colours: small features of a known meaning."""
    rows = []
    for clip in clips:
        found = measure_clip(clip)
        means = clip.mean((0, 1, 2)) / 64
        rows.append([found.motion * 40, found.sharpness / 20, found.colour_drift * 40, *means])
    return np.array(rows)


def features_of(values: np.ndarray) -> FeatureSet:
    return FeatureSet(extractor="measures-v1", values=values)
