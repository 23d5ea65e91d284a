"""What the worker measures on a clip, and the gate's first word on it, right after it was made.

The graph judges again from the stored measures: the same measures and policy give the same verdict. A
Frechet distance is not among the measures: that needs a cohort.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.clips import ClipMeasures, measure_clip
from scoring.gate import ClipVerdict, GatePolicy, judge_clip
from scoring.privacy import PrivacyDetector, check_privacy


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Measures and verdict of one clip."""

    measures: ClipMeasures
    verdict: ClipVerdict

    @property
    def scores(self) -> dict[str, float]:
        """By the names of `scalediff_contract.generation.QualityScores`."""
        found = self.measures
        return {
            "temporal_coherence": found.tcs,
            "tcs_flow": found.tcs_flow,
            "tcs_flow_worst": found.tcs_flow_worst,
            "motion": found.motion,
            "flicker": found.flicker,
            "colour_drift": found.colour_drift,
            "sharpness": found.sharpness,
            "flow_share": found.flow_share,
        }

    @property
    def verdict_row(self) -> dict[str, Any]:
        """By the names of `scalediff_contract.generation.Verdict`."""
        verdict = self.verdict
        return {
            "passed": verdict.passed,
            "reasons": list(verdict.reasons),
            "policy_hash": verdict.policy_hash,
        }


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A policy and who looks for faces and plates; without a detector high pictures stay unchecked."""

    policy: GatePolicy
    detector: PrivacyDetector | None = None

    def __call__(self, frames: npt.NDArray[np.uint8]) -> Judgement:
        """Measure and judge a clip, `(T, H, W, 3) uint8`."""
        rules = self.policy.privacy
        privacy = check_privacy(
            frames, self.detector, box_over_px=rules.box_over_px, height_min_px=rules.height_min_px
        )
        measures = measure_clip(frames)
        return Judgement(measures=measures, verdict=judge_clip(measures, self.policy, privacy=privacy))
