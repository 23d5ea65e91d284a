"""The gate between generated clips and the training data: a policy, a verdict, a rate.

| module | holds |
|---|---|
| `policy` | the versioned policy file and its hash |
| `gate_v1.toml` | the numbers |
| `calibrate` | limits from real clips |
| `verdict` | one clip under a policy |
| `cohort` | one model's clips of one category: Frechet distance, rejection rate, copies |

The worker judges with it right after generation, the graph judges again from the stored measures:
same measures and same policy hash give the same verdict.
"""

from scoring.gate.calibrate import Calibration, calibrate
from scoring.gate.cohort import CohortCheck, RejectionState, check_cohort, rejection_state
from scoring.gate.policy import (
    CLIP_RULES,
    ExtractorUnknownError,
    GatePolicy,
    GatePolicyError,
    Limit,
    load_gate_policy,
    read_gate_policy,
)
from scoring.gate.verdict import ClipVerdict, Outcome, RuleResult, SemanticScore, judge_clip

__all__ = [
    "CLIP_RULES",
    "Calibration",
    "ClipVerdict",
    "CohortCheck",
    "ExtractorUnknownError",
    "GatePolicy",
    "GatePolicyError",
    "Limit",
    "Outcome",
    "RejectionState",
    "RuleResult",
    "SemanticScore",
    "calibrate",
    "check_cohort",
    "judge_clip",
    "load_gate_policy",
    "read_gate_policy",
    "rejection_state",
]
