"""Measuring how fast clips are made: the job, and its clock."""

from pathlib import Path

import pytest
import torch

from gpu_services.generation.speed import bench_generation
from gpu_services.generation.timing import benchmark_generation
from scalediff_contract.jobs import RESULT, SPEC
from scalediff_contract.video_models import VIDEO_PRESETS
from scalediff_contract.video_speed import BenchGenerationSpec
from tests.gpu_services.generation.conftest import quiet


def test_the_first_batch_warms_up_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 10.0, 14.0])
    monkeypatch.setattr("gpu_services.generation.timing.time.perf_counter", lambda: next(clock))
    made: list[int] = []
    timing = benchmark_generation(
        lambda: made.append(1), clips=2, steps=10, device=torch.device("cpu"), runs=2
    )
    assert len(made) == 3
    assert (timing.mean_s, timing.per_step_ms) == (1.5, 150.0)
    assert timing.std_s == pytest.approx(0.5**0.5)
    assert timing.peak_memory_mb is None


def test_the_gpu_is_waited_for_at_both_ends_of_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: said.append("wait"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _device: said.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _device: 3_000_000)
    timing = benchmark_generation(
        lambda: said.append("make"), clips=1, steps=1, device=torch.device("cuda"), runs=2
    )
    assert said == ["make", "reset", "wait", "make", "wait", "wait", "make", "wait"]
    assert timing.peak_memory_mb == 3.0


def test_a_preset_is_measured_with_steps_and_batch_as_asked(tmp_path: Path) -> None:
    spec = BenchGenerationSpec(preset="tiny", batch=2, steps=3, runs=2, output_url=str(tmp_path))
    assert SPEC.validate_json(spec.model_dump_json()) == spec
    told: list[tuple[int, int]] = []
    result = bench_generation(spec, lambda _label, done, total, _note: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (result.preset, result.batch, result.steps, result.runs) == ("tiny", 2, 3, 2)
    assert result.per_step_ms == pytest.approx(1_000 * result.mean_s / 3)
    assert result.clip_s == result.mean_s, "pixels need no decoding"
    assert RESULT.validate_json(result.model_dump_json()) == result


def test_without_a_wish_a_cpu_measures_the_preset_that_is_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VIDEO_PRESETS, "demo", VIDEO_PRESETS["tiny"])
    result = bench_generation(BenchGenerationSpec(steps=1, runs=1, output_url=str(tmp_path)), quiet)
    assert (result.preset, result.batch, result.std_s) == ("demo", 1, 0.0)
