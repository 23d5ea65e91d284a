"""`scalediff bench-generation`, the real job on the tiny preset; and what its figures mean."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import read_settings
from scalediff_assets.generation_speed import BenchConfig, bench_spec, deliver_speed, speed_figures
from scalediff_assets.video_models.launch import VideoLaunchError
from scalediff_contract.video_speed import BenchGenerationResult

RESULT = BenchGenerationResult(
    status="finished", device="NVIDIA H200", preset="prod720", frames=40, height_px=720, width_px=1280,
    batch=1, steps=50, guidance=4.0, bf16=True, runs=5, mean_s=50.0, std_s=0.5, per_step_ms=1_000.0,
    peak_memory_mb=60_000.0, decode_s=2.0, seconds=400.0,
)  # fmt: skip


def test_gpus_are_counted_for_denoising_and_decoding() -> None:
    figures = speed_figures(RESULT)
    assert figures["clips_per_hour"] == pytest.approx(3_600 / 52)
    assert figures["devices_for_10000_a_week"] == pytest.approx(10_000 * 52 / (7 * 86_400))
    assert figures["peak_memory_mb"] == 60_000.0


def test_what_was_not_measured_is_no_figure() -> None:
    on_cpu = RESULT.model_copy(update={"peak_memory_mb": None, "decode_s": None})
    figures = speed_figures(on_cpu, weekly_clips=500)
    assert "peak_memory_mb" not in figures and "decode_s" not in figures
    assert figures["devices_for_500_a_week"] == pytest.approx(500 * 50 / (7 * 86_400))


def connections(home: Path) -> Connections:
    found: Connections = resources_for(read_settings({"SCALEDIFF_HOME": str(home)}))["connections"]
    return found


def test_a_value_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(VideoLaunchError, match="preset is 'huge': Input should be 'tiny', 'demo'"):
        bench_spec("a", BenchConfig(preset="huge"), connections(tmp_path))
    with pytest.raises(VideoLaunchError, match="runs is 0: Input should be greater than or equal to 1"):
        bench_spec("a", BenchConfig(runs=0), connections(tmp_path))


@pytest.mark.slow
def test_the_command_measures_and_tells_mlflow(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    # Apart: the code location of this process belongs to another home.
    words = ["bench-generation", "--home", str(tmp_path), "--preset", "tiny", "--steps", "2", "--runs", "2"]
    command = [sys.executable, "-W", "ignore", "-m", "scalediff_assets.cli", *words]
    said = subprocess.run(
        [*command, "--clips-per-week", "5000", "--json"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    figures = json.loads(said.stdout[said.stdout.index("{") :])
    assert figures["devices_for_5000_a_week"] == pytest.approx(5_000 * figures["mean_s"] / (7 * 86_400))
    assert figures["preset"] == "tiny" and figures["peak_memory_mb"] is None
    tracking = resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))["tracking"]
    client = MlflowClient(tracking_uri=tracking.uri)
    experiment = client.get_experiment_by_name("video_speed")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["mean_s"] == figures["mean_s"]
    assert run.data.params["steps"] == "2" and run.data.tags["code_sha"]
    name = str(run.info.run_name)
    assert deliver_speed(connections(tmp_path), tracking, name, {}) == run.info.run_id
