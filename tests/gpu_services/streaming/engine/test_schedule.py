"""The noise rule against the same formulas in plain Python."""

import itertools

import numpy as np
import pytest
import torch

from gpu_services.streaming.engine.schedule import (
    cleaned,
    first_timestep,
    mixed,
    motion,
    next_scale,
    shifted,
    step_timesteps,
)


def test_motion_is_the_greatest_rms_difference_of_neighbours() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.uniform(-0.1, 0.1, (5, 3, 8, 8))
    expected = max(np.sqrt(((b - a) ** 2).mean()) for a, b in itertools.pairwise(pictures)) / 0.2
    tensors = torch.from_numpy(pictures)
    assert motion(tensors[1:], tensors[0], full_rms=0.2).item() == pytest.approx(expected, rel=1e-6)


def test_no_motion_is_zero_and_a_cut_is_one() -> None:
    still = torch.zeros(4, 3, 8, 8)
    assert motion(still, still[0], full_rms=0.2) == 0
    assert motion(still + 1, still[0], full_rms=0.2) == 1


@pytest.mark.parametrize("moved", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("initial", [0.6, 0.7, 0.8])
def test_scale_and_first_step_follow_the_formula_over_a_stream(moved: float, initial: float) -> None:
    scale, ours = initial, torch.tensor(initial, dtype=torch.float64)
    for _ in range(6):
        scale = (initial - 0.1 * moved) * 0.9 + scale * 0.1
        ours = next_scale(torch.tensor(moved), ours, initial=initial)
        assert ours.item() == pytest.approx(scale, abs=1e-12)
        assert first_timestep(ours).item() == int(1000 * ours.item()) - 100


def test_a_still_picture_keeps_the_published_first_step() -> None:
    scale = next_scale(torch.tensor(0.0), torch.tensor(0.8, dtype=torch.float64), initial=0.8)
    assert first_timestep(scale) == 700


def test_a_true_flow_gives_the_clean_latent_back() -> None:
    clean, noise = torch.randn(2, 16, 1, 4, 6), torch.randn(2, 16, 1, 4, 6)
    timestep = torch.tensor([700.0, 500.0], dtype=torch.float64)
    noisy = mixed(clean, noise, timestep / 1000)
    assert (cleaned(noisy, noise - clean, timestep) - clean).abs().max() < 1e-6


def test_steps_are_the_first_ones_shifted_where_asked() -> None:
    assert step_timesteps((700, 500, 400, 200), 2, None) == [700, 500]
    assert shifted(0.5, 8.0) == pytest.approx(8 * 0.5 / (1 + 7 * 0.5))
    assert step_timesteps((1000, 500), 2, 8.0) == pytest.approx([1000, 1000 * 4 / 4.5])
