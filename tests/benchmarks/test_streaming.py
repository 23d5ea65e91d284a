"""The streaming benchmark runs and reports; its formulas give the numbers that were worked out by hand."""

from dataclasses import replace

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.diffusion_work import ceiling_fps, chunk_tflop, forward_tflop
from benchmarks.streaming import bare_forward, deadline_figures
from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.config import PRESETS
from tests.benchmarks.conftest import QuickRun

WAN = PRESETS["wan-1.3b"]
FIGURES = (
    "tiny_2_steps_fps",
    "wan_2_steps_fps",
    "apart_2_players_fps",
    "folded_2_players_fps",
    "folded_forward_2_tflop_per_s",
    "first_frame_ms",
    "4_players_chunks",
    "bare_product_tflop_per_s",
)


@pytest.mark.slow
def test_a_smoke_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("streaming")
    assert all(figures[name] > 0 for name in FIGURES)
    assert figures["prompt_change_chunks"] <= 2
    assert figures["folded_difference_of_255"] <= 1


def test_work_and_ceilings_are_the_facts() -> None:
    assert forward_tflop(WAN) == pytest.approx(6.74, abs=0.01)
    assert forward_tflop(replace(WAN, window=21)) == pytest.approx(13.47, abs=0.01)
    assert chunk_tflop(WAN, 2) == pytest.approx(14.3, abs=0.05)
    assert ceiling_fps(WAN, 2, tflop_per_s=790) == pytest.approx(222, abs=1)
    whole = replace(WAN, encoder="wan", decoder="wan")
    assert ceiling_fps(whole, 2, tflop_per_s=790) == pytest.approx(90, abs=1)


def test_the_formula_counts_what_the_model_does() -> None:
    config = replace(PRESETS["tiny"], width_px=96, height_px=64)
    forward = bare_forward(random_painter(config), 1)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        forward()
    extra = counted.get_total_flops() / 1e12 / forward_tflop(config)
    assert 1.0 <= extra < 1.2  # patches, timestep and head come on top, and weigh little


def test_a_chunk_after_its_deadline_is_missed() -> None:
    figures = deadline_figures([0.1, 0.2, 0.05, 0.3], 0.166, 1)
    assert figures["1_players_missed"] == 2
    assert figures["1_players_p99_ms"] == 300
