"""The promotion rule: same routes, same seeds, same backend, and a gain that is not luck.

Only closed-loop results decide: errors on recorded frames do not predict driving (Codevilla et al.
2018). Results of different backends, route sets or scorer versions are never compared.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from scoring.stats import probability_of_gain

POLICY_PATH = Path(__file__).with_name("promotion.toml")
_PAIR = ("route_set", "route_id", "repetition")


class NotComparableError(ValueError):
    """Two sets of results that must not be compared."""


@dataclass(frozen=True, kw_only=True)
class PromotionPolicy:
    """The rule's numbers; explained in promotion.toml.

    Attributes:
        version: Of the policy.
        p_gain_min: Least probability of a gain.
        simple_drivers: Whom the first champion must beat.
        safety: Infractions whose rate must not rise.
        safety_events_slack: Events that a rate may rise by.
        content_hash: Hash of the file.
    """

    version: str
    p_gain_min: float
    simple_drivers: tuple[str, ...]
    safety: tuple[str, ...]
    safety_events_slack: int
    content_hash: str

    @classmethod
    def read(cls, path: Path = POLICY_PATH) -> Self:
        """Read a policy file."""
        content = path.read_bytes()
        values = tomllib.loads(content.decode())
        return cls(
            version=values["version"],
            p_gain_min=float(values["p_gain_min"]),
            simple_drivers=tuple(values["simple_drivers"]),
            safety=tuple(values["safety"]),
            safety_events_slack=int(values["safety_events_slack"]),
            content_hash=hashlib.sha256(content).hexdigest(),
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a comparison came to.

    Attributes:
        promoted: Whether the challenger wins.
        reason: In one sentence.
        against: Whom it was compared with.
        p_gain: P(gain > 0).
        gain: Mean gain in driving score.
        pairs: Routes and seeds that both drove.
    """

    promoted: bool
    reason: str
    against: str
    p_gain: float
    gain: float
    pairs: int


def first_champion(
    challenger: pl.DataFrame, simple: dict[str, pl.DataFrame], policy: PromotionPolicy
) -> Decision:
    """Decide without a champion: the challenger must beat every simple driver.

    Args:
        challenger: ROUTE_RESULTS of the challenger.
        simple: Driver -> its ROUTE_RESULTS.
        policy: The rule.

    Raises:
        NotComparableError: Where a simple driver's results are missing or not comparable.
    """
    missing = [name for name in policy.simple_drivers if name not in simple]
    if missing:
        raise NotComparableError(f"there are no results of {missing[0]}; materialise simple_drivers first")
    worst: Decision | None = None
    for name in policy.simple_drivers:
        gains = paired_gains(challenger, simple[name])
        p_gain = probability_of_gain(gains.to_list())
        decision = Decision(
            promoted=p_gain >= policy.p_gain_min,
            reason=f"the first champion must beat {name}: P(gain > 0) is {p_gain:.3f}, "
            f"{policy.p_gain_min:g} needed",
            against=name,
            p_gain=p_gain,
            gain=float(gains.mean() or 0.0),  # type: ignore[arg-type]
            pairs=len(gains),
        )
        if worst is None or decision.p_gain < worst.p_gain:
            worst = decision
    assert worst is not None  # noqa: S101 -- the policy names at least one driver
    return worst


def next_champion(
    challenger: pl.DataFrame, champion: pl.DataFrame, name: str, policy: PromotionPolicy
) -> Decision:
    """Decide between a challenger and the champion.

    Args:
        challenger: ROUTE_RESULTS of the challenger.
        champion: ROUTE_RESULTS of the champion.
        name: The champion's name.
        policy: The rule.

    Raises:
        NotComparableError: Where the two drove different things.
    """
    gains = paired_gains(challenger, champion)
    p_gain, gain = probability_of_gain(gains.to_list()), float(gains.mean() or 0.0)  # type: ignore[arg-type]
    worse = _worse_rates(challenger, champion, policy)
    if p_gain < policy.p_gain_min:
        reason = f"P(gain > 0) against {name} is {p_gain:.3f}, {policy.p_gain_min:g} needed"
    elif worse:
        reason = f"it gains {gain:.2f}, but {'; '.join(worse)}"
    else:
        reason = f"it gains {gain:.2f} on {name} with P(gain > 0) = {p_gain:.3f}, and no safety rate is worse"
    promoted = p_gain >= policy.p_gain_min and not worse
    return Decision(
        promoted=promoted, reason=reason, against=name, p_gain=p_gain, gain=gain, pairs=len(gains)
    )


def paired_gains(challenger: pl.DataFrame, other: pl.DataFrame) -> pl.Series:
    """Driving score of the challenger minus the other's, route by route and seed by seed.

    Raises:
        NotComparableError: For other backends, or other routes.
    """
    backends = {*challenger["backend"], *other["backend"]}
    if len(backends) > 1:
        raise NotComparableError(f"results of {' and '.join(sorted(backends))} are never compared")
    pairs = challenger.join(other, on=_PAIR, how="inner", suffix="_other")
    if not (pairs.height == challenger.height == other.height) or not pairs.height:
        shared = f"{pairs.height} of {challenger.height} and {other.height} routes are the same"
        raise NotComparableError(f"{shared}; drive both over the same route sets, repetitions and seeds")
    if not (pairs["length_m"] - pairs["length_m_other"]).abs().max() < 1.0:  # type: ignore[operator]
        raise NotComparableError("routes of the same name have other lengths; drive both over the same files")
    return (pairs.sort(_PAIR)["driving_score"] - pairs.sort(_PAIR)["driving_score_other"]).alias("gain")


def _worse_rates(challenger: pl.DataFrame, champion: pl.DataFrame, policy: PromotionPolicy) -> list[str]:
    """Safety rates per kilometre that rose, as sentences."""

    def km(routes: pl.DataFrame) -> float:
        return max(0.001, float((routes["length_m"] * routes["completion_percent"]).sum()) / 1e5)

    found = []
    for name in policy.safety:
        mine, theirs = float(challenger[name].sum()), float(champion[name].sum())
        allowed = theirs / km(champion) + policy.safety_events_slack / km(challenger)
        if mine / km(challenger) > allowed + 1e-9:
            rates = f"{theirs / km(champion):.2f} to {mine / km(challenger):.2f} per km"
            found.append(f"{name} rose from {rates}")
    return found
