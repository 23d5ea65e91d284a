"""The fraud report runs from the command line; rates are asserted beside the payouts' other tests."""

import pytest

from tests.benchmarks.conftest import QuickRun


@pytest.mark.slow
def test_a_quick_run_reports_every_rule_and_every_attack(quick_run: QuickRun) -> None:
    figures = quick_run("fraud")
    assert all(
        0.0 <= figures[f"honest_{rule}"] <= 1.0
        for rule in ("copied_drive", "repeated_video", "scripted_input")
    )
    assert {name for name in figures if name.startswith("stopped_doctored_video_")} == {
        "stopped_doctored_video_still", "stopped_doctored_video_loop", "stopped_doctored_video_encoded_anew",
    }  # fmt: skip
