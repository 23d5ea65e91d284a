"""One model's clips of one category over a window: what no single clip can tell.

FVD lives here and nowhere else: a covariance needs many clips. Under the policy's least n a
distance is reported and decides nothing; with an extractor that the policy has no limits for, too.
"""

from dataclasses import dataclass
from enum import StrEnum

from scoring.clips.semantic import Memorisation
from scoring.frechet import FrechetDistance, NormalisedDistance
from scoring.gate.policy import ExtractorUnknownError, GatePolicy, RejectionLimits
from scoring.gate.verdict import Outcome, RuleResult


class RejectionState(StrEnum):
    """What a rate of refused clips means."""

    TOO_FEW = "too_few"
    OK = "ok"
    ALARM = "alarm"
    HALT = "halt"


@dataclass(frozen=True, kw_only=True)
class CohortCheck:
    """What the gate says of a cohort.

    Attributes:
        passed: No rule failed and intake need not halt.
        n: Clips judged.
        rejected: Clips refused.
        rejection: What the rate means.
        rules: Distances and copies, each with value, limit and outcome.
        policy_hash: Of the policy.
    """

    passed: bool
    n: int
    rejected: int
    rejection: RejectionState
    rules: tuple[RuleResult, ...]
    policy_hash: str


def rejection_state(n: int, rejected: int, limits: RejectionLimits) -> RejectionState:
    """What a rate of refused clips means; exactly at a limit it is not over it.

    Raises:
        ValueError: For more refused than judged.
    """
    if not 0 <= rejected <= n:
        raise ValueError(f"{rejected} refused of {n} judged clips; count both over the same clips")
    if n < limits.n_min:
        return RejectionState.TOO_FEW
    rate = rejected / n
    if rate > limits.halt_over:
        return RejectionState.HALT
    return RejectionState.ALARM if rate > limits.alarm_over else RejectionState.OK


def check_cohort(
    policy: GatePolicy,
    *,
    n: int,
    rejected: int,
    distance: FrechetDistance | NormalisedDistance | None = None,
    copies: Memorisation | None = None,
) -> CohortCheck:
    """Hold a cohort against a policy.

    Args:
        policy: What is good enough.
        n: Clips judged.
        rejected: Clips refused.
        distance: To real clips; None where there were no features.
        copies: Memorised clips; None where nobody compared.
    """
    state = rejection_state(n, rejected, policy.rejection)
    rules = [*_distance_rules(distance, policy), *_copy_rules(copies, policy)]
    failed = any(rule.outcome is Outcome.FAILED for rule in rules)
    return CohortCheck(
        passed=not failed and state is not RejectionState.HALT,
        n=n,
        rejected=rejected,
        rejection=state,
        rules=tuple(rules),
        policy_hash=policy.policy_hash,
    )


def _distance_rules(
    distance: FrechetDistance | NormalisedDistance | None, policy: GatePolicy
) -> list[RuleResult]:
    if distance is None:
        return [_result("fvd", None, None, "no features were extracted")]
    base = distance.generated if isinstance(distance, NormalisedDistance) else distance
    try:
        limits = policy.frechet_for(base.extractor)
    except ExtractorUnknownError as error:
        return [_result("fvd", base.value, None, str(error))]
    if base.n < policy.frechet_n_min:
        why = f"n={base.n} is under {policy.frechet_n_min}: indicative only"
        return [_result("fvd", base.value, None, why)]
    rules = [_result("fvd", base.value, limits.distance_max, "no limit on the distance itself")]
    if isinstance(distance, NormalisedDistance):
        rules.append(_result("fvd_of_noise", distance.of_noise, limits.of_noise_max, "no limit"))
        rules.append(_result("fvd_of_real", distance.of_real, limits.of_real_max, "no limit"))
    return rules


def _copy_rules(copies: Memorisation | None, policy: GatePolicy) -> list[RuleResult]:
    if copies is None:
        return [_result("copies", None, None, "nobody compared with the training clips")]
    return [_result("copies", copies.share, policy.copies.share_max, "")]


def _result(rule: str, value: float | None, limit: float | None, otherwise: str) -> RuleResult:
    """A rule of the form value <= limit; not applicable, with a reason, where either is missing."""
    stated = 250.0 if rule == "fvd" else None
    if value is None or limit is None:
        return RuleResult(
            rule=rule, outcome=Outcome.NOT_APPLICABLE, value=value, limit=limit, stated=stated, why=otherwise
        )
    outcome = Outcome.PASSED if value <= limit else Outcome.FAILED
    why = "" if value <= limit else f"{value:.4g} is over {limit:.4g}"
    return RuleResult(rule=rule, outcome=outcome, value=value, limit=limit, stated=stated, why=why)
