"""Limits from real clips: what real clips hardly ever are, generated ones must not be.

"The 1st percentile of real clips" per rule would refuse up to 7 % of real clips with seven rules.
So the share is split among the rules (seven rules, 1 %: the 0.14 % quantile of each), and the limit
is moved on by a margin, because the extreme of a hundred clips is not the extreme of a thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scoring.clips.measures import ClipMeasures
from scoring.gate.policy import CLIP_RULES, CalibratedLimits, GatePolicy, RuleName

CLIPS_MIN = 30


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Limits and what they do to the clips that they came from.

    Attributes:
        limits: For the policy.
        percentile_1: Rule -> the 1st (or 99th) percentile of the real clips, before the margin.
        passed_share: Share of the real clips that pass all limits.
    """

    limits: CalibratedLimits
    percentile_1: dict[RuleName, float]
    passed_share: float


def calibrate(
    clips: Sequence[ClipMeasures], policy: GatePolicy, *, source: str, rules: Sequence[RuleName] = ()
) -> Calibration:
    """Measure the limits for clips of one size.

    Args:
        clips: Measures of real clips, all of one size, at least 30.
        policy: Says which share may be refused, and the margin.
        source: Name of the clips, `minitown`.
        rules: Rules to calibrate; none named: all but `tcs`, which tells nothing.

    Raises:
        ValueError: For too few clips or several sizes.
    """
    sizes = {(clip.frames, clip.height_px, clip.width_px) for clip in clips}
    if len(clips) < CLIPS_MIN or len(sizes) != 1:
        raise ValueError(
            f"{len(clips)} clips of {len(sizes)} sizes; calibrate on at least {CLIPS_MIN} of one size"
        )
    wanted = tuple(rules) or tuple(rule for rule in CLIP_RULES if rule != "tcs")
    share = policy.calibrate_share / len(wanted)
    limits = {rule: _limit(_column(clips, rule), rule, share, policy.calibrate_margin) for rule in wanted}
    ((frames, height_px, width_px),) = sizes
    passed = sum(all(_holds(clip, rule, limit) for rule, limit in limits.items()) for clip in clips)
    return Calibration(
        limits=CalibratedLimits(
            source=source, frames=frames, height_px=height_px, width_px=width_px, n=len(clips), limits=limits
        ),
        percentile_1={rule: _quantile(_column(clips, rule), rule, 0.01) for rule in wanted},
        passed_share=passed / len(clips),
    )


def _column(clips: Sequence[ClipMeasures], rule: RuleName) -> np.ndarray:
    return np.array([getattr(clip, rule) for clip in clips], np.float64)


def _quantile(values: np.ndarray, rule: RuleName, share: float) -> float:
    """The value that a share of clips is beyond, on the failing side; an observed one."""
    if CLIP_RULES[rule][0] == "min":
        return float(np.quantile(values, share, method="lower"))
    return float(np.quantile(values, 1 - share, method="higher"))


def _limit(values: np.ndarray, rule: RuleName, share: float, margin: float) -> float:
    edge = _quantile(values, rule, share)
    # Shares and rates cannot be negative; four digits are what a person can read and compare.
    moved = max(0.0, edge + margin * (edge - float(np.median(values))))
    digits = 10.0 ** (4 - int(np.ceil(np.log10(max(moved, 1e-4)))))
    rounded = np.floor if CLIP_RULES[rule][0] == "min" else np.ceil
    return float(rounded(moved * digits) / digits)


def _holds(clip: ClipMeasures, rule: RuleName, limit: float) -> bool:
    value = float(getattr(clip, rule))
    return value >= limit if CLIP_RULES[rule][0] == "min" else value <= limit
