"""`scalediff generate demo`: from players' segments to accepted clips of rare scenarios, on two CPU cores.

1. Sessions that stage the game's scenarios are recorded where the home has none, and processed.
2. Their passing segments are cut into clips; a narrow model learns them, measured beside both baselines.
3. The service starts; a plan over all 23 categories goes through service, gate and lake.
4. A fine-tuned challenger gets half of the next week's plan: an experiment, drift and cost reports.

Everything is a Dagster run on the home's instance. What the numbers of so small a model are worth is said
beside them; nothing here is made to look better than it is.
"""

import datetime as dt
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from resources.connections import Connections
from resources.generation import GenerationService
from resources.profiles import resources_for
from resources.settings import Settings
from scalediff_assets.driving_clips.sources import hours_between
from scalediff_assets.generate_report import demo_summary, print_summary
from scalediff_assets.generation_server import await_model, generation_server, local_url, service_token
from scalediff_assets.home import use_generation
from scalediff_assets.partitions import week_of, week_range
from scalediff_assets.runner import progress_bars, run_partition, run_range
from scalediff_assets.video_models.registry import read_stages
from scalediff_contract.generation import ReloadRequest

CLIPS, FIRST, SECOND = "demo", "demo-video", "demo-video-finetuned"
REPORT = "generate_report.json"


@dataclass(frozen=True, kw_only=True)
class DemoSize:
    """How much is done; the defaults take two quiet cores about five minutes.

    Attributes:
        preset: Of clip size and network.
        steps: Of the first training.
        finetune_steps: Of the challenger's.
        baseline_steps: Of the frame-independent baseline.
        evaluated: Clips of every arm of an evaluation.
        denoising: Steps of every clip.
        guidance: Weight of the prompt.
        planned: Clips of a plan.
        small_steps: Of the small training that gates.
    """

    preset: str = "demo"
    steps: int = 400
    finetune_steps: int = 40
    baseline_steps: int = 60
    evaluated: int = 32
    denoising: int = 10
    guidance: float = 1.0
    planned: int = 46
    small_steps: int = 150


def run_generate_demo(
    settings: Settings,
    *,
    console: Console,
    seed: int = 0,
    size: DemoSize | None = None,
    kitti: Path | None = None,
) -> dict[str, Any]:
    """Run it all; what generate_report.json says.

    Raises:
        JobFailedError: A step or a check failed.
        GenerationServerError: The service does not start.
    """
    size, began_s = size or DemoSize(), time.monotonic()
    url = local_url(settings)
    console.print("scenario clips: recording, training, ordering and judging them takes minutes")
    settings = use_generation(url, service_token("graph"))
    connections: Connections = resources_for(settings)["connections"]
    clock = _Clock(console)
    if not hours_between(connections, "", ""):
        from scalediff_assets.staged_sessions import record_staged

        record_staged(settings, console=console, seed=seed)
        clock.lap("sessions recorded and processed")
    weeks = (week_of(_now()), week_of(_now() + dt.timedelta(days=7)))
    _learn(settings, size, seed, kitti, clock)
    with generation_server(settings, url=url):
        generation: GenerationService = resources_for(settings)["generation"]
        _hold_production(connections, generation)
        _order(settings, weeks[0], size, seed, console)
        clock.lap("first plan: service, gate, lake")
        _challenge(settings, size, seed, clock)
        _order(settings, weeks[1], size, seed, console)
        run_partition(settings, "judge_release", SECOND, {})
        clock.lap("second plan, shared with the challenger; experiment judged")
    _watch(settings, weeks)
    clock.lap("drift and costs")
    summary = demo_summary(settings, weeks, seconds=clock.laps, total_s=time.monotonic() - began_s)
    (settings.home / REPORT).write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n")
    print_summary(console, settings, summary)
    return summary


class _Clock:
    """Says what is done and how long it took."""

    def __init__(self, console: Console) -> None:
        self._console, self._last_s = console, time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, what: str) -> None:
        now_s = time.monotonic()
        self.laps[what] = round(now_s - self._last_s, 1)
        self._console.print(f"[green]done[/green] {what}: {self.laps[what]:g} s", highlight=False)
        self._last_s = now_s


def _learn(settings: Settings, size: DemoSize, seed: int, kitti: Path | None, clock: _Clock) -> None:
    form = {"preset": size.preset, "seed": seed, "val_share": 0.3}
    form |= {"kitti_dir": str(kitti)} if kitti else {}
    run_partition(settings, "cut_clips", CLIPS, {"driving_clips": form})
    clock.lap("clips cut and measured")
    training = {"clip_set": CLIPS, "preset": size.preset, "steps": size.steps, "seed": seed}
    run_partition(settings, "model_release", FIRST, _release_form(size, training))
    clock.lap("unit tests, small training, model, evaluation, release")


def _challenge(settings: Settings, size: DemoSize, seed: int, clock: _Clock) -> None:
    training = {
        "clip_set": CLIPS, "preset": size.preset, "steps": size.finetune_steps, "seed": seed + 1,
        "trainable": "temporal", "initial": FIRST, "lr": 5e-4,
    }  # fmt: skip
    form = _release_form(size, training, new_code=False) | {"ab_experiments": {"challenger_share": 0.5}}
    run_partition(settings, "model_release", SECOND, form)
    clock.lap("challenger fine-tuned and measured; experiment begun")


def _release_form(size: DemoSize, training: dict[str, Any], *, new_code: bool = True) -> dict[str, Any]:
    """The launch form of `model_release`."""
    evaluation = {
        "n": size.evaluated, "seeds": [0], "steps": size.denoising, "guidance": size.guidance,
        "baseline_steps": size.baseline_steps,
    }  # fmt: skip
    small = {"clip_set": training["clip_set"], "skip": not new_code, "steps": size.small_steps}
    return {
        "video_models": {
            "unit_tests": {"skip": not new_code},
            "small_training": small,
            "full_training": training,
        },
        "video_evaluations": evaluation,
    }


def _order(settings: Settings, week: str, size: DemoSize, seed: int, console: Console) -> None:
    plan = {
        "jobs": size.planned, "seed": seed, "num_inference_steps": size.denoising,
        "guidance_scale": size.guidance,
    }  # fmt: skip
    run_range(settings, "plan_week", week_range(week), {"scenario_plans": plan})
    with progress_bars(console):
        run_range(settings, "make_clips", week_range(week), {"generated_clips": {"wait_s": 600.0}})


def _hold_production(connections: Connections, generation: GenerationService) -> None:
    """The service takes what the registry calls production, as the sensor `follow_production` does."""
    production = read_stages(connections).production
    if production is not None:
        generation.reload(ReloadRequest(model_url=production.url, wait_s=60.0))
        await_model(generation, production.version)


def _watch(settings: Settings, weeks: tuple[str, ...]) -> None:
    """Held-out stretches of time against those learnt from: of one world, so that nothing should alarm."""
    month = f"{_now():%Y-%m}-01"
    drift = {"month_clips": CLIPS, "month_split": "val", "reference_clips": CLIPS, "reference_split": "train"}
    run_partition(settings, "watch_drift", month, {"drift_reports": drift})
    for week in weeks:
        run_partition(settings, "cost_weeks", week, {})


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
