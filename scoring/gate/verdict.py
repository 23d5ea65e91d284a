"""One clip under a policy: passed or refused, with every rule's value, limit and outcome.

A rule that cannot be applied says so and why: it is never a silent pass, and a number that was not
measured is never a zero.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

from scoring.clips.measures import ClipMeasures
from scoring.gate.policy import ExtractorUnknownError, GatePolicy, limits_for
from scoring.privacy import PrivacyCheck, PrivacyState


class Outcome(StrEnum):
    """What a rule came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, kw_only=True)
class SemanticScore:
    """A CLIP score with the extractor that it depends on."""

    extractor: str
    value: float


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One rule on one clip.

    Attributes:
        rule: Its name.
        outcome: What it came to.
        value: What was measured; None where nothing was.
        limit: What decided; None where nothing did.
        stated: The case study's limit, for the report.
        why: Why it failed or was not applicable; empty where it passed.
    """

    rule: str
    outcome: Outcome
    value: float | None
    limit: float | None
    stated: float | None
    why: str


@dataclass(frozen=True, kw_only=True)
class ClipVerdict:
    """What the gate says of a clip.

    Attributes:
        passed: No rule failed.
        reasons: Reason codes of the failed rules, in the policy's order.
        rules: Every rule's result.
        policy_version: Which policy.
        policy_hash: Its content.
        calibration: Source of the calibrated limits; None where none fits the clip's size.
    """

    passed: bool
    reasons: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    policy_version: str
    policy_hash: str
    calibration: str | None

    def as_dict(self) -> dict[str, object]:
        """For a sidecar document."""
        return asdict(self)


def judge_clip(
    measures: ClipMeasures,
    policy: GatePolicy,
    *,
    privacy: PrivacyCheck,
    clip_score: SemanticScore | None = None,
    is_copy: bool | None = None,
) -> ClipVerdict:
    """Hold a clip against a policy.

    Args:
        measures: What was measured.
        policy: What is good enough.
        privacy: What the detector found, or why it did not look.
        clip_score: Agreement of prompt and frames; None where no extractor runs.
        is_copy: Whether the clip is a memorised one; None where nobody compared.
    """
    results = [
        *_measured(measures, policy),
        _semantic(clip_score, policy),
        _private(privacy, policy),
        _copied(is_copy),
    ]
    reasons = tuple(reason for reason, result in results if result.outcome is Outcome.FAILED)
    calibration = policy.calibration_for(measures.frames, measures.height_px, measures.width_px)
    return ClipVerdict(
        passed=not reasons,
        reasons=reasons,
        rules=tuple(result for _, result in results),
        policy_version=policy.version,
        policy_hash=policy.policy_hash,
        calibration=calibration.source if calibration else None,
    )


def _measured(measures: ClipMeasures, policy: GatePolicy) -> list[tuple[str, RuleResult]]:
    """The rules on the picture alone, with their reason codes."""
    size = {"frames": measures.frames, "height_px": measures.height_px, "width_px": measures.width_px}
    results = []
    for rule, limit in limits_for(policy, **size).items():
        value = float(getattr(measures, rule))
        outcome, why = Outcome.NOT_APPLICABLE, "no enforced limit for clips of this size"
        if limit.enforced is not None:
            holds = value >= limit.enforced if limit.side == "min" else value <= limit.enforced
            words = "under" if limit.side == "min" else "over"
            outcome = Outcome.PASSED if holds else Outcome.FAILED
            why = "" if holds else f"{value:.4g} is {words} {limit.enforced:.4g}"
        result = RuleResult(
            rule=rule, outcome=outcome, value=value, limit=limit.enforced, stated=limit.stated, why=why
        )
        results.append((limit.reason, result))
    return results


def _semantic(score: SemanticScore | None, policy: GatePolicy) -> tuple[str, RuleResult]:
    def result(outcome: Outcome, limit: float | None, why: str) -> tuple[str, RuleResult]:
        value = score.value if score else None
        return "off_prompt", RuleResult(
            rule="clip_score", outcome=outcome, value=value, limit=limit, stated=0.28, why=why
        )

    if score is None:
        return result(Outcome.NOT_APPLICABLE, None, "no extractor measured it")
    try:
        limit = policy.clip_score_for(score.extractor)
    except ExtractorUnknownError as error:
        return result(Outcome.NOT_APPLICABLE, None, str(error))
    if score.value >= limit:
        return result(Outcome.PASSED, limit, "")
    return result(Outcome.FAILED, limit, f"{score.value:.4g} is under {limit:.4g} ({score.extractor})")


def _private(check: PrivacyCheck, policy: GatePolicy) -> tuple[str, RuleResult]:
    outcomes = {
        PrivacyState.CLEAR: Outcome.PASSED,
        PrivacyState.FOUND: Outcome.FAILED,
        PrivacyState.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
        PrivacyState.UNCHECKED: Outcome.FAILED if policy.privacy.required else Outcome.NOT_APPLICABLE,
    }
    reason = "privacy_unchecked" if check.state is PrivacyState.UNCHECKED else "identifiable"
    looked = check.state in (PrivacyState.CLEAR, PrivacyState.FOUND)
    return reason, RuleResult(
        rule="privacy",
        outcome=outcomes[check.state],
        value=float(check.found) if looked else None,
        limit=0.0 if looked else None,
        stated=0.0,
        why=check.why,
    )


def _copied(is_copy: bool | None) -> tuple[str, RuleResult]:
    outcomes = {None: Outcome.NOT_APPLICABLE, True: Outcome.FAILED, False: Outcome.PASSED}
    why = {
        None: "it was not compared with the training clips",
        True: "it is nearer to one than real clips are",
    }
    return "memorised", RuleResult(
        rule="copy",
        outcome=outcomes[is_copy],
        value=None if is_copy is None else float(is_copy),
        limit=None if is_copy is None else 0.0,
        stated=None,
        why=why.get(is_copy, ""),
    )
