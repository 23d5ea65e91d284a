"""What crosses to and from the generation jobs: every spec and result, told apart by `kind`.

| job | from | to | declared in |
|---|---|---|---|
| `cut_clips` | recordings: KITTI, frame shards, films | a manifest, split by time | `clip_manifests` |
| `smoke_video` | a few clips | does the code still learn? | `video_training` |
| `train_video` | a manifest | checkpoints | `video_training` |
| `evaluate_video` | a checkpoint, held-out clips | a report beside both baselines | `video_evaluation` |
| `embed_clips` | manifests, films | features | `video_evaluation` |
| `downstream_ap` | generated clips | does a detector gain by them? | `video_evaluation` |
| `bench_generation` | a preset | seconds a clip on this device | `video_speed` |
"""

from scalediff_contract.clip_manifests import CutClipsResult, CutClipsSpec
from scalediff_contract.video_evaluation import (
    DownstreamResult,
    DownstreamSpec,
    EmbedClipsResult,
    EmbedClipsSpec,
    EvaluateVideoResult,
    EvaluateVideoSpec,
)
from scalediff_contract.video_speed import BenchGenerationResult, BenchGenerationSpec
from scalediff_contract.video_training import (
    SmokeVideoResult,
    SmokeVideoSpec,
    TrainVideoResult,
    TrainVideoSpec,
)

VideoJobSpec = (
    CutClipsSpec
    | SmokeVideoSpec
    | TrainVideoSpec
    | EvaluateVideoSpec
    | EmbedClipsSpec
    | DownstreamSpec
    | BenchGenerationSpec
)
VideoJobResult = (
    CutClipsResult
    | SmokeVideoResult
    | TrainVideoResult
    | EvaluateVideoResult
    | EmbedClipsResult
    | DownstreamResult
    | BenchGenerationResult
)
