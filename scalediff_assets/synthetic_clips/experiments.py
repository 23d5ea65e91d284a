"""The decision of an A/B experiment between two video models.

Guardrails first: a challenger that makes worse clips is stopped whatever its gain. The gain is in
downstream mAP, by a two-sided Welch test over training seeds: clips are not independent draws of a
detector, so that a test over them finds significance in anything (facts/generation.md, 0.8).
"""

import hashlib
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from scoring.frechet import FrechetDistance

POLICY_PATH = Path(__file__).with_name("experiment.toml")
_NO_SCATTER = 1e-18
_SLACK = 1e-9  # of sums of shares, so that exactly 10 % over is not over 10 %
Outcome = Literal["promote", "keep", "stopped", "inconclusive"]


class NotComparableArmsError(ValueError):
    """Two arms that must not be compared."""


@dataclass(frozen=True, kw_only=True)
class ExperimentPolicy:
    """The rule's numbers; explained in experiment.toml."""

    version: str
    challenger_share: float
    days_min: float
    gain_min: float
    p_max: float
    seeds_min: int
    fvd_rise_max: float
    rejection_rise_max: float
    clips_min: int
    content_hash: str

    @classmethod
    def read(cls, path: Path = POLICY_PATH) -> Self:
        """Read a policy file."""
        content = path.read_bytes()
        return cls(**tomllib.loads(content.decode()), content_hash=hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """What was measured on one arm.

    Attributes:
        model_version: Of its model.
        map_by_seed: Downstream mAP in [0, 1], one for each training seed, at equal optimiser steps and
            clip counts in both arms.
        training_steps: Optimiser steps of each of those trainings.
        training_clips: Synthetic clips in each.
        fvd: Distance to real clips, at equal n in both arms; None where it was not measured.
        judged: Clips that the gate saw.
        rejected: Of these.
    """

    model_version: str
    map_by_seed: tuple[float, ...]
    training_steps: int
    training_clips: int
    fvd: FrechetDistance | None
    judged: int
    rejected: int


@dataclass(frozen=True, kw_only=True)
class ExperimentDecision:
    """What an experiment came to; the record that is kept.

    Attributes:
        outcome: Promote the challenger, keep the control, stopped by a guardrail, or not known yet.
        reason: In a sentence.
        gain: Mean mAP of the challenger minus the control's; None where it was not measured.
        p_value: Two-sided; None where it was not computed.
        low: 95 % interval of the gain.
        high: The same.
        fvd_rise: Relative rise; None where it was not measured.
        rejection_rise: In absolute share; None under the least number of clips.
        days: How long it ran.
        seeds: Of each arm.
        policy_hash: Of the rule.
    """

    outcome: Outcome
    reason: str
    gain: float | None
    p_value: float | None
    low: float | None
    high: float | None
    fvd_rise: float | None
    rejection_rise: float | None
    days: float
    seeds: tuple[int, int]
    policy_hash: str

    def as_dict(self) -> dict[str, object]:
        """For the audit log and the table."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Gain:
    mean: float
    p_value: float
    low: float
    high: float


def decide(
    control: ArmResult, challenger: ArmResult, *, days: float, policy: ExperimentPolicy
) -> ExperimentDecision:
    """Decide an experiment.

    Args:
        control: The production model's arm.
        challenger: The other one's.
        days: How long the experiment has run.
        policy: The rule.

    Raises:
        NotComparableArmsError: For arms trained unequally, or distances of different n or extractors.
    """
    _require_equal(control, challenger)
    fvd_rise, rejection_rise = _fvd_rise(control, challenger), _rejection_rise(control, challenger, policy)
    gain = _gain(control.map_by_seed, challenger.map_by_seed)
    missing = _open(control, challenger, days, policy)
    outcome, reason = _outcome(gain, fvd_rise, rejection_rise, missing, policy)
    return ExperimentDecision(
        outcome=outcome,
        reason=reason,
        gain=gain.mean if gain else None,
        p_value=gain.p_value if gain else None,
        low=gain.low if gain else None,
        high=gain.high if gain else None,
        fvd_rise=fvd_rise,
        rejection_rise=rejection_rise,
        days=days,
        seeds=(len(control.map_by_seed), len(challenger.map_by_seed)),
        policy_hash=policy.content_hash,
    )


def _outcome(
    gain: _Gain | None,
    fvd_rise: float | None,
    rejection_rise: float | None,
    missing: list[str],
    policy: ExperimentPolicy,
) -> tuple[Outcome, str]:
    if fvd_rise is not None and fvd_rise > policy.fvd_rise_max + _SLACK:
        return "stopped", f"its FVD is {fvd_rise:.1%} over the control's ({policy.fvd_rise_max:.0%} allowed)"
    if rejection_rise is not None and rejection_rise > policy.rejection_rise_max + _SLACK:
        over = f"{100 * rejection_rise:.1f} points over the control's"
        return "stopped", f"its rejection rate is {over} ({100 * policy.rejection_rise_max:.0f} allowed)"
    if missing or gain is None:
        return "inconclusive", "; ".join(missing)
    seen = f"mAP {100 * gain.mean:+.2f} points, p = {gain.p_value:.3g}"
    if gain.p_value >= policy.p_max:
        return "keep", f"{seen}: not significant ({policy.p_max:g} needed)"
    if gain.mean < policy.gain_min:
        return "keep", f"{seen}: under the {100 * policy.gain_min:g} point that is worth a change"
    return "promote", f"{seen}, and no guardrail is touched"


def _open(control: ArmResult, challenger: ArmResult, days: float, policy: ExperimentPolicy) -> list[str]:
    """What is still missing for a decision, as sentences."""
    missing = []
    if days < policy.days_min:
        missing.append(f"it ran {days:g} days ({policy.days_min:g} needed)")
    for name, arm in (("control", control), ("challenger", challenger)):
        if len(arm.map_by_seed) < policy.seeds_min:
            missing.append(f"the {name} has {len(arm.map_by_seed)} seeds ({policy.seeds_min} needed)")
        if arm.judged < policy.clips_min:
            missing.append(f"the {name} has {arm.judged} judged clips ({policy.clips_min} needed)")
        if arm.fvd is None or arm.fvd.indicative:
            n = arm.fvd.n if arm.fvd else 0
            missing.append(f"the {name}'s FVD has {n} clips (256 needed)")
    return missing


def _require_equal(control: ArmResult, challenger: ArmResult) -> None:
    for name in ("training_steps", "training_clips"):
        mine, theirs = getattr(challenger, name), getattr(control, name)
        if mine != theirs:
            raise NotComparableArmsError(f"{name} are {theirs} and {mine}; train both arms equally")
    a, b = control.fvd, challenger.fvd
    if a and b and (a.n, a.extractor) != (b.n, b.extractor):
        raise NotComparableArmsError(f"FVDs {a} and {b} are not comparable; measure both at equal n")


def _fvd_rise(control: ArmResult, challenger: ArmResult) -> float | None:
    if control.fvd is None or challenger.fvd is None or control.fvd.indicative:
        return None
    return challenger.fvd.value / max(control.fvd.value, 1e-12) - 1


def _rejection_rise(control: ArmResult, challenger: ArmResult, policy: ExperimentPolicy) -> float | None:
    if min(control.judged, challenger.judged) < policy.clips_min:
        return None
    return challenger.rejected / challenger.judged - control.rejected / control.judged


def _gain(control: tuple[float, ...], challenger: tuple[float, ...]) -> _Gain | None:
    """Welch's two-sided test over seeds; None under two seeds. Without any scatter p is 0 or 1."""
    if min(len(control), len(challenger)) < 2:
        return None
    from scipy.special import stdtr, stdtrit

    mean = float(np.mean(challenger) - np.mean(control))
    a, b = (float(np.var(each, ddof=1)) / len(each) for each in (control, challenger))
    if a + b <= _NO_SCATTER:
        return _Gain(mean=mean, p_value=float(abs(mean) <= _NO_SCATTER), low=mean, high=mean)
    error = (a + b) ** 0.5
    freedom = (a + b) ** 2 / (a**2 / (len(control) - 1) + b**2 / (len(challenger) - 1))
    half = float(stdtrit(freedom, 0.975)) * error
    p_value = 2 * float(stdtr(freedom, -abs(mean) / error))
    return _Gain(mean=mean, p_value=p_value, low=mean - half, high=mean + half)
