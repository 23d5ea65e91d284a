"""Which function does which generation job."""

from collections.abc import Callable

from scalediff_contract.clip_manifests import CutClipsSpec
from scalediff_contract.generation_jobs import VideoJobResult, VideoJobSpec
from scalediff_contract.video_evaluation import DownstreamSpec, EmbedClipsSpec, EvaluateVideoSpec
from scalediff_contract.video_speed import BenchGenerationSpec
from scalediff_contract.video_training import SmokeVideoSpec, TrainVideoSpec

OnProgress = Callable[[str, int, int, str], None]


def run_video_job(spec: VideoJobSpec, on_progress: OnProgress) -> VideoJobResult:
    """Do what a spec says. Each kind of job brings its own heavy imports.

    Raises:
        JobError: For a job that cannot be done.
    """
    if isinstance(spec, CutClipsSpec):
        from gpu_services.generation.cut import cut_clips

        return cut_clips(spec, on_progress)
    if isinstance(spec, SmokeVideoSpec):
        from gpu_services.generation.smoke import smoke_video

        return smoke_video(spec, on_progress)
    if isinstance(spec, TrainVideoSpec):
        from gpu_services.generation.train import train_video

        return train_video(spec, on_progress)
    if isinstance(spec, EvaluateVideoSpec):
        from gpu_services.generation.evaluate import evaluate_video

        return evaluate_video(spec, on_progress)
    return _measured(spec, on_progress)


def _measured(
    spec: EmbedClipsSpec | DownstreamSpec | BenchGenerationSpec, on_progress: OnProgress
) -> VideoJobResult:
    if isinstance(spec, EmbedClipsSpec):
        from gpu_services.generation.embed import embed_clips

        return embed_clips(spec, on_progress)
    if isinstance(spec, BenchGenerationSpec):
        from gpu_services.generation.speed import bench_generation

        return bench_generation(spec, on_progress)
    from gpu_services.generation.downstream import downstream_ap

    return downstream_ap(spec, on_progress)
