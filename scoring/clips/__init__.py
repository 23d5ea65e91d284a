"""Measures of clips, shared by worker, gate, evaluation, audit and drift: there is no second copy.

A clip is `(T, H, W, 3) uint8` RGB. Every measure is a number of the picture alone, in shares of the
full range where it is a difference; what is good enough is the gate's business (`scoring.gate`).

| module | measures |
|---|---|
| `coherence` | frame to frame: cosine of raw frames, warp error by optical flow |
| `pictures` | motion, flicker, colour drift, sharpness |
| `measures` | all of one clip at once |
| `defects` | the case study's error analysis, with its exact limits |
| `dynamics` | how much a set of clips moves, by condition |
| `audit` | quality by condition: worst, best, gap |
| `resample` | to a steady frame rate by time stamps |
| `semantic` | CLIP score, nearest neighbours, memorised copies (embeddings come in from outside) |

OpenCV is imported where it is used, so that importing this package stays light.
"""

from scoring.clips.audit import ConditionAudit, ConditionQuality, per_condition_quality_audit
from scoring.clips.coherence import FlowCoherence, flow_coherence, tcs_flow, temporal_coherence_score
from scoring.clips.defects import DrivingErrors, driving_error_analysis
from scoring.clips.dynamics import ConditionDynamics, analyze_temporal_dynamics
from scoring.clips.measures import ClipMeasures, measure_clip
from scoring.clips.pictures import colour_drift, flicker, frame_changes, motion, sharpness
from scoring.clips.resample import resample_by_time
from scoring.clips.semantic import Memorisation, clip_score, memorisation, nearest_distances
from scoring.clips.shape import Clip, ClipShapeError, require_clip

__all__ = [
    "Clip",
    "ClipMeasures",
    "ClipShapeError",
    "ConditionAudit",
    "ConditionDynamics",
    "ConditionQuality",
    "DrivingErrors",
    "FlowCoherence",
    "Memorisation",
    "analyze_temporal_dynamics",
    "clip_score",
    "colour_drift",
    "driving_error_analysis",
    "flicker",
    "flow_coherence",
    "frame_changes",
    "measure_clip",
    "memorisation",
    "motion",
    "nearest_distances",
    "per_condition_quality_audit",
    "require_clip",
    "resample_by_time",
    "sharpness",
    "tcs_flow",
    "temporal_coherence_score",
]
