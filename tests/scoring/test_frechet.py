"""The Frechet distance against cases with a known answer, and against misuse."""

import numpy as np
import pytest

from scoring.frechet import (
    FeatureSet,
    NotComparableFeaturesError,
    StreamingGaussian,
    frechet_distance,
    gaussian_distance,
    gaussian_of,
    normalised_distance,
)

RNG = np.random.default_rng(7)


def features(n: int, d: int, *, shift: float = 0.0, scale: float = 1.0, seed: int = 0) -> FeatureSet:
    values = np.random.default_rng(seed).normal(shift, scale, (n, d))
    return FeatureSet(extractor="test-v1", values=values)


def test_streaming_equals_numpy_whatever_the_batches() -> None:
    values = RNG.normal(5, 3, (101, 7))
    stream = StreamingGaussian(7)
    for batch in np.split(values, [0, 1, 30, 31, 90]):
        stream.add(batch)
    result = stream.result()
    np.testing.assert_allclose(result.mean, values.mean(0))
    np.testing.assert_allclose(result.covariance, np.cov(values.T), rtol=1e-12)


def test_gaussians_of_known_mean_and_covariance_have_the_known_distance() -> None:
    # Diagonal covariances: sum (m1 - m2)^2 + sum (s1 - s2)^2.
    signs = np.array([[1.0], [-1.0]])
    one = gaussian_of(
        [np.array([[1.0, 2.0]]) + signs * [[3.0, 0.0]], np.array([[1.0, 2.0]]) + signs * [[0.0, 4.0]]]
    )
    scale = np.sqrt(np.diag(one.covariance))
    moved = type(one)(n=one.n, mean=one.mean + np.array([3.0, 4.0]), covariance=one.covariance * 4)
    assert gaussian_distance(one, moved) == pytest.approx(25.0 + float((scale**2).sum()))


def test_full_covariances_agree_with_the_matrix_root() -> None:
    from scipy.linalg import sqrtm

    a, b = (RNG.normal(size=(60, 5)) @ RNG.normal(size=(5, 5)) for _ in range(2))
    one, other = gaussian_of([a]), gaussian_of([b])
    root = sqrtm(one.covariance @ other.covariance)
    expected = ((one.mean - other.mean) ** 2).sum() + np.trace(
        one.covariance + other.covariance - 2 * root.real
    )
    assert gaussian_distance(one, other) == pytest.approx(float(expected), rel=1e-6)


def test_large_samples_approach_the_analytic_distance() -> None:
    distance = frechet_distance(features(4000, 4, seed=1), features(4000, 4, shift=1.0, scale=2.0, seed=2))
    assert distance.value == pytest.approx(4 * 1.0 + 4 * 1.0, rel=0.05)
    assert not distance.indicative


def test_the_distance_is_symmetric_and_zero_to_itself() -> None:
    a, b = features(50, 8, seed=1), features(50, 8, shift=0.5, seed=2)
    assert frechet_distance(a, b).value == pytest.approx(frechet_distance(b, a).value)
    assert frechet_distance(a, a).value == pytest.approx(0.0, abs=1e-9)


def test_fewer_clips_than_dimensions_give_the_same_value_as_full_matrices() -> None:
    a, b = features(10, 40, seed=1), features(10, 40, shift=0.2, seed=2)
    full = gaussian_distance(gaussian_of([a.values]), gaussian_of([b.values]))
    assert frechet_distance(a, b).value == pytest.approx(full, rel=1e-6)


def test_sides_are_cut_to_equal_n_and_the_value_carries_n_and_extractor() -> None:
    distance = frechet_distance(features(1000, 4, seed=1), features(40, 4, seed=2))
    assert (distance.n, distance.extractor, distance.indicative) == (40, "test-v1", True)
    assert "test-v1, n=40" in str(distance) and "indicative" in str(distance)
    again = frechet_distance(features(1000, 4, seed=1), features(40, 4, seed=2))
    assert again == distance


def test_few_clips_of_one_distribution_look_far_apart() -> None:
    few = frechet_distance(features(18, 100, seed=1), features(18, 100, seed=2)).value
    many = frechet_distance(features(1000, 100, seed=1), features(1000, 100, seed=2)).value
    assert few > 5 * many


def test_the_interval_holds_the_value_and_is_reproducible() -> None:
    a, b = features(80, 3, seed=1), features(80, 3, shift=1, seed=2)
    one, two = (frechet_distance(a, b, seed=3, bootstraps=40) for _ in range(2))
    assert one == two
    assert one.low is not None and one.high is not None
    assert one.low < one.value < one.high


def test_ratios_put_a_distance_between_real_and_noise() -> None:
    real, noise = features(200, 5, seed=1), features(100, 5, shift=10, seed=2)
    good = normalised_distance(real, features(100, 5, seed=3), noise)
    bad = normalised_distance(real, features(100, 5, shift=9, seed=3), noise)
    assert good.of_noise < 0.01
    assert bad.of_noise > 0.5
    assert good.of_real < 10 < bad.of_real
    assert good.generated.n == good.real.n == good.noise.n == 100


def test_features_that_do_not_belong_together_are_refused() -> None:
    other = FeatureSet(extractor="other-v1", values=RNG.normal(size=(9, 4)))
    with pytest.raises(NotComparableFeaturesError, match=r"test-v1 and of other-v1; use one extractor"):
        frechet_distance(features(9, 4), other)
    with pytest.raises(NotComparableFeaturesError, match="4 and 5 dimensions"):
        frechet_distance(features(9, 4), features(9, 5))
    with pytest.raises(NotComparableFeaturesError, match="n of at least 2"):
        features(1, 4)
    with pytest.raises(NotComparableFeaturesError, match="not all finite"):
        FeatureSet(extractor="x", values=np.array([[1.0], [np.nan]]))
    with pytest.raises(NotComparableFeaturesError, match="at least 2"):
        gaussian_of([])
