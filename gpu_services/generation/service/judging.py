"""What the worker measures on a clip, and the gate's first word on it, right after it was made.

The graph judges again from the stored measures: the same measures and policy give the same verdict. A
Frechet distance is not among the measures: that needs a cohort.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from scoring.clips import ClipMeasures, measure_clip
from scoring.gate import ClipVerdict, GatePolicy, SemanticScore, judge_clip
from scoring.privacy import PrivacyDetector, check_privacy


class PromptScorer(Protocol):
    """Says how well a clip shows its prompt.

    Attributes:
        name: Of its network: limits belong to one.
    """

    @property
    def name(self) -> str:
        """Of its network: limits belong to one."""
        ...

    def __call__(self, clip: npt.NDArray[np.uint8], prompt: str) -> float:
        """The raw cosine."""
        ...


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Measures and verdict of one clip; the score where a scorer runs."""

    measures: ClipMeasures
    verdict: ClipVerdict
    score: SemanticScore | None = None

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
            **({} if self.score is None else {"clip_score": self.score.value}),
        }

    @property
    def tags(self) -> dict[str, str]:
        """What the sidecar must say of who measured."""
        return {} if self.score is None else {"clip_extractor": self.score.extractor}

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
    """A policy, and the networks that look: without a detector high pictures stay unchecked.

    Attributes:
        policy: What is good enough.
        detector: Looks for faces and plates.
        scorer: Compares pictures and prompt; without one the policy's rule is not applicable.
    """

    policy: GatePolicy
    detector: PrivacyDetector | None = None
    scorer: PromptScorer | None = None

    def __call__(self, frames: npt.NDArray[np.uint8], prompt: str) -> Judgement:
        """Measure and judge a clip, `(T, H, W, 3) uint8`."""
        rules = self.policy.privacy
        privacy = check_privacy(
            frames, self.detector, box_over_px=rules.box_over_px, height_min_px=rules.height_min_px
        )
        score = None
        if self.scorer is not None:
            score = SemanticScore(extractor=self.scorer.name, value=self.scorer(frames, prompt))
        measures = measure_clip(frames)
        verdict = judge_clip(measures, self.policy, privacy=privacy, clip_score=score)
        return Judgement(measures=measures, verdict=verdict, score=score)
