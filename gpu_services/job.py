"""Runs one job: `python -m gpu_services.job [SPEC.json]`, alone or under a Dagster run (Pipes).

Progress goes to the terminal and, a few times a minute, to the Dagster run's log; the result to
`result.json` under the spec's output folder, and to the run. A job that cannot be done ends with one
clear sentence: on the terminal with exit code 1, or as the run's failure.
"""

import os
import sys
import time
from pathlib import Path

from dagster_pipes import PipesContext, open_dagster_pipes
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gpu_services.errors import JobError
from gpu_services.places import Place
from scalediff_contract.generation_jobs import VideoJobSpec
from scalediff_contract.jobs import SPEC, JobResult, JobSpec, TrainSpec
from scalediff_contract.repaint import RepaintSpec

SPEC_KEY, RESULT_KEY = "spec.json", "result.json"
_TELL_EVERY_S = 15.0


class Reporter:
    """Shows progress: a bar in the terminal, a line now and then in the Dagster run."""

    def __init__(self, pipes: PipesContext | None) -> None:
        self._pipes = pipes
        self._bars: dict[str, TaskID] = {}
        self._told_s: dict[str, float] = {}
        columns = (
            TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        self._progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=2)

    def __enter__(self) -> "Reporter":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, label: str, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` is done."""
        if label not in self._bars:
            self._bars[label] = self._progress.add_task(label, note=note)
        self._progress.update(self._bars[label], completed=done, total=total, note=note)
        now_s = time.monotonic()
        if self._pipes and (done == total or now_s - self._told_s.get(label, 0.0) > _TELL_EVERY_S):
            self._told_s[label] = now_s
            self._pipes.log.info(f"{label} {done} of {total} {note}")


def run_job(spec: JobSpec, report: Reporter) -> JobResult:
    """Do what a spec says."""
    # Each kind of job brings its own heavy imports.
    if isinstance(spec, TrainSpec):
        from gpu_services.driving.train import train

        return train(spec, report)
    if isinstance(spec, VideoJobSpec):
        from gpu_services.generation.jobs import run_video_job

        return run_video_job(spec, report)
    if isinstance(spec, RepaintSpec):
        from gpu_services.streaming.repaint import repaint

        return repaint(spec, report)
    from gpu_services.driving.closed_loop import evaluate

    return evaluate(spec, report)


def main(arguments: list[str]) -> int:
    """Run the job of a spec file, or the one that a Dagster run brings along; the exit code."""
    if arguments:
        return _run_alone(Path(arguments[0]))
    with open_dagster_pipes() as pipes:
        spec = SPEC.validate_python(pipes.extras["spec"])
        try:
            with Reporter(pipes) as report:
                result = run_job(spec, report)
        except JobError as error:
            # The message is the run's failure; an exit code of our own would hide it.
            pipes.report_custom_message({"error": str(error), "kind": type(error).__name__})
            return 0
        _keep(spec, result)
        pipes.report_custom_message({"result": result.model_dump(mode="json")})
    return 0


def _run_alone(path: Path) -> int:
    console = Console(stderr=True)
    try:
        spec = SPEC.validate_json(path.read_bytes())
        with Reporter(None) as report:
            result = run_job(spec, report)
    except (OSError, ValidationError, JobError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        return 1
    _keep(spec, result)
    return 0


def _keep(spec: JobSpec, result: JobResult) -> None:
    """Leave spec and result beside the outputs: what is done with them later needs no Dagster run."""
    if os.environ.get("RANK", "0") != "0":
        return  # the first of several processes speaks for all
    place = Place(spec.output_url)
    place.write(SPEC_KEY, spec.model_dump_json(indent=1).encode())
    place.write(RESULT_KEY, result.model_dump_json(indent=1).encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
