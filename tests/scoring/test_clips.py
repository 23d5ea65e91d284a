"""The measures of clips, on pictures whose answer is known."""

from itertools import pairwise

import numpy as np
import pytest

from scoring.clips import (
    Clip,
    ClipMeasures,
    ClipShapeError,
    analyze_temporal_dynamics,
    clip_score,
    colour_drift,
    driving_error_analysis,
    flicker,
    flow_coherence,
    frame_changes,
    measure_clip,
    memorisation,
    motion,
    nearest_distances,
    per_condition_quality_audit,
    resample_by_time,
    sharpness,
    tcs_flow,
    temporal_coherence_score,
)

RNG = np.random.default_rng(3)
NOISE: Clip = RNG.integers(0, 256, (6, 32, 32, 3), np.uint8)
TEXTURE: Clip = np.kron(RNG.integers(0, 256, (20, 40, 3), np.uint8), np.ones((4, 4, 1), np.uint8))


def levels(*values: int, height_px: int = 16, width_px: int = 16) -> Clip:
    """One flat gray frame per value."""
    frames = [np.full((height_px, width_px, 3), value, np.uint8) for value in values]
    return np.stack(frames)


def panning(step_px: int, frames: int = 6) -> Clip:
    return np.stack([TEXTURE[:64, t * step_px : t * step_px + 64] for t in range(frames)])


def test_the_cosine_score_equals_brute_force() -> None:
    flat = NOISE.reshape(len(NOISE), -1).astype(float)
    pairs = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairwise(flat)]
    assert temporal_coherence_score(NOISE) == pytest.approx(np.mean(pairs), abs=1e-6)


def test_black_frames_have_a_defined_cosine() -> None:
    assert temporal_coherence_score(levels(0, 0)) == 1.0
    assert temporal_coherence_score(levels(0, 9)) == 0.0


def test_a_pan_is_coherent_by_flow_and_noise_is_not() -> None:
    assert tcs_flow(panning(2)) > 0.97
    assert tcs_flow(NOISE) < 0.9
    assert flow_coherence(panning(2)).flow_share == pytest.approx(2 / 64, rel=0.3)


def test_one_cut_shows_in_the_worst_pair() -> None:
    clip = np.concatenate([panning(1, 4), 255 - panning(1, 4)])
    cut = flow_coherence(clip)
    assert cut.worst_pair < 0.9
    assert cut.tcs_flow > cut.worst_pair + 0.05


def test_wide_pictures_are_measured_small_with_nearly_the_same_result() -> None:
    wide = np.stack([np.kron(frame, np.ones((10, 10, 1), np.uint8)) for frame in panning(2, 3)])
    assert wide.shape == (3, 640, 640, 3)
    assert tcs_flow(wide) == pytest.approx(tcs_flow(panning(2, 3)), abs=0.02)


def test_changes_are_means_of_frames_in_shares_of_the_range() -> None:
    clip = levels(0, 51, 51, 255)
    np.testing.assert_allclose(frame_changes(clip), [0.2, 0.0, 0.8])
    assert motion(clip) == pytest.approx(1 / 3)
    assert flicker(clip) == pytest.approx(0.8)


def test_a_flickering_pixel_is_no_flickering_frame() -> None:
    clip = levels(0, 0)
    clip[1, 0, 0] = 255
    assert flicker(clip) == pytest.approx(1 / 256)


def test_colour_drift_is_found_where_it_comes_and_goes() -> None:
    clip = levels(100, 100, 100)
    clip[1, ..., 2] = 151
    assert colour_drift(clip) == pytest.approx(0.2)


def test_sharpness_falls_with_blur_and_is_zero_without_a_picture() -> None:
    import cv2

    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in panning(1)])
    assert sharpness(panning(1)) > 1.5 * sharpness(soft)
    assert sharpness(levels(7, 7)) == 0.0


def test_all_measures_of_a_clip_are_those_of_the_single_functions() -> None:
    clip = panning(3)
    measured = measure_clip(clip)
    assert (measured.frames, measured.height_px, measured.width_px) == (6, 64, 64)
    assert measured.tcs == temporal_coherence_score(clip)
    assert measured.tcs_flow == tcs_flow(clip)
    assert (measured.motion, measured.flicker) == (motion(clip), flicker(clip))
    assert measured.colour_drift == colour_drift(clip)
    # OpenCV's magnitude rounds its last bit as the array's alignment falls.
    assert measured.sharpness == pytest.approx(sharpness(clip), rel=1e-6)
    assert all(np.isfinite(value) for value in measured.as_row().values())


def test_the_smallest_clip_of_the_tests_can_be_measured() -> None:
    assert measure_clip(RNG.integers(0, 256, (2, 16, 16, 3), np.uint8)).frames == 2


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 16, 16, 3), np.uint8),
        np.zeros((8, 16, 16), np.uint8),
        np.zeros((8, 16, 16, 4), np.uint8),
        np.zeros((8, 4, 16, 3), np.uint8),
        np.zeros((8, 16, 16, 3), np.float32),
    ],
)
def test_what_is_no_clip_is_refused_with_its_shape(wrong: np.ndarray) -> None:
    with pytest.raises(ClipShapeError, match=r"is no clip; give \(T, H, W, 3\) uint8 RGB"):
        measure_clip(wrong)


def measures(**changes: float) -> ClipMeasures:
    plain = dict(
        frames=8, height_px=64, width_px=64, tcs=0.99, tcs_flow=0.98, tcs_flow_worst=0.97,
        motion=0.02, flicker=0.05, colour_drift=0.02, sharpness=70.0, flow_share=0.01,
    )  # fmt: skip
    return ClipMeasures(**(plain | changes))  # type: ignore[arg-type]


def test_the_case_studys_limits_are_exact() -> None:
    at_limits = measures(flicker=0.4, motion=0.01, colour_drift=0.15)
    beyond = measures(flicker=0.4001, motion=0.0099, colour_drift=0.1501)
    found = driving_error_analysis([at_limits, beyond, measures(motion=0.0)])
    assert (found.n, found.flicker, found.static, found.color_drift, found.clean) == (3, 1, 2, 1, 1)


def test_dynamics_equal_brute_force_and_the_counts_sum() -> None:
    report = analyze_temporal_dynamics({"pan": [panning(1), panning(5)], "noise": [NOISE], "none": []})
    assert set(report) == {"pan", "noise"}
    pairs = np.concatenate([
        np.abs(np.diff(clip.astype(int), axis=0)).mean((1, 2, 3)) / 255 for clip in (panning(1), panning(5))
    ])  # fmt: skip
    assert report["pan"].mean_change == pytest.approx(pairs.mean())
    assert report["pan"].std_change == pytest.approx(pairs.std())
    assert report["pan"].max_change == pytest.approx(pairs.max())
    assert sum(report["pan"].histogram) == report["pan"].n_pairs == 10
    assert report["noise"].as_dict()["n_clips"] == 1


def test_the_audit_names_the_planted_bad_class() -> None:
    audit = per_condition_quality_audit({
        "fog": [measures(tcs_flow=0.97)],
        "dust": [measures(tcs_flow=0.80), measures(tcs_flow=0.90)],
        "clear": [measures(tcs_flow=0.99, sharpness=140.0)],
        "empty": [],
    })  # fmt: skip
    assert (audit.worst, audit.best) == ("dust", "clear")
    assert audit.gap == pytest.approx(0.14)
    assert audit.sharpness_gap == pytest.approx(0.5)
    assert [each.n for each in audit.conditions] == [2, 1, 1]


def test_an_audit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no condition has a clip"):
        per_condition_quality_audit({"fog": []})


def test_bursty_frames_become_a_steady_rate() -> None:
    pts_ms = np.array([0, 5, 10, 220, 222, 400])
    assert resample_by_time(pts_ms, fps=10).tolist() == [0, 2, 2, 4, 5]


def test_a_steady_rate_is_left_as_it_is() -> None:
    pts_ms = np.round(np.arange(30) * 1000 / 30).astype(np.int64)
    assert resample_by_time(pts_ms, fps=10).tolist() == list(range(0, 30, 3))


def test_times_that_descend_or_are_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="descend at frame 2"):
        resample_by_time(np.array([0, 9, 8]))
    with pytest.raises(ValueError, match="no frames"):
        resample_by_time(np.array([], np.int64))


def test_the_clip_score_is_a_raw_mean_cosine() -> None:
    frames = np.array([[3.0, 0.0], [0.0, 2.0]])
    assert clip_score(frames, np.array([1.0, 0.0])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="length 0"):
        clip_score(np.zeros((2, 2)), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="do not fit"):
        clip_score(frames, np.ones(3))


def test_nearest_distances_equal_brute_force() -> None:
    a, b = RNG.normal(size=(300, 6)), RNG.normal(size=(40, 6))
    everything = np.linalg.norm(a[:, None] - b[None], axis=2)
    distances, nearest = nearest_distances(a, b)
    np.testing.assert_allclose(distances, everything.min(1))
    np.testing.assert_array_equal(nearest, everything.argmin(1))


def test_a_planted_copy_of_a_training_clip_is_caught_and_new_clips_are_not() -> None:
    training = RNG.normal(size=(200, 16))
    generated = np.concatenate([RNG.normal(size=(20, 16)) + 1.0, training[17:18] + 1e-3])
    found = memorisation(generated, training, extractor="test-v1")
    assert found.copies == (20,)
    assert found.nearest[20] == 17
    assert found.share == pytest.approx(1 / 21)
    with pytest.raises(ValueError, match="at least 2"):
        memorisation(generated, training[:1], extractor="test-v1")
