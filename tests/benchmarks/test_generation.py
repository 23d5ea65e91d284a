"""The benchmark of the video models runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

FIGURES = (
    "tiny_clips_per_hour",
    "tiny_per_step_ms",
    "tiny_devices_for_10000_a_week",
    "tiny_guidance_apart_over_together",
    "tiny_ddpm_16_over_ddim_4",
    "tiny_train_steps_per_s_batch_8",
)


@pytest.mark.slow
def test_a_smoke_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("generation")
    assert all(figures[name] > 0 for name in FIGURES)
    assert figures["device"]
