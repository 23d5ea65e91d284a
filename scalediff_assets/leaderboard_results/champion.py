"""Puts a challenger up against the champion and moves the registry's aliases accordingly."""

from collections.abc import Mapping
from typing import Any

from resources.connections import Connections
from resources.tables import has_tables, read_tables
from resources.tracking import ModelNotFoundError, ModelVersion, Tracking
from scalediff_assets.checkpoints.record import CHALLENGER, MODEL
from scalediff_assets.leaderboard_results.promotion import (
    Decision,
    PromotionPolicy,
    first_champion,
    next_champion,
)
from scalediff_assets.model_schemas import CHAMPIONS, Champions, LeaderboardResults

CHAMPION, PREVIOUS = "champion", "previous"
ASSET, PARTITION = "champions", "all"
RUN_TAG = "training_run"


def decide(
    wanted: str,
    tracking: Tracking,
    results: Mapping[str, LeaderboardResults],
    simple: Mapping[str, LeaderboardResults],
) -> dict[str, Any]:
    """Compare, and move the aliases where the challenger wins.

    Args:
        wanted: Training run that is put up; empty: the registry's challenger.
        tracking: The registry.
        results: Training run -> its closed-loop results.
        simple: Simple driver -> its closed-loop results.

    Returns:
        A row of CHAMPIONS.

    Raises:
        ModelNotFoundError: There is no such version in the registry.
        NotComparableError: The two drove different things.
        TrackingUnavailableError: MLflow does not answer.
    """
    versions = tracking.versions(MODEL)
    challenger = version_of(versions, wanted) if wanted else holder(versions, CHALLENGER)
    if challenger is None:
        raise ModelNotFoundError(f"the registry has no {CHALLENGER}; materialise checkpoints first")
    champion = holder(versions, CHAMPION)
    policy = PromotionPolicy.read()
    name = challenger.tags[RUN_TAG]
    mine = results[name].routes
    if champion is None:
        scale = {d: simple[d].routes for d in policy.simple_drivers if d in set(simple)}
        decision = first_champion(mine, scale, policy)
    elif champion.version == challenger.version:
        decision = Decision(
            promoted=True,
            reason="it is the champion already",
            against=name,
            p_gain=0.5,
            gain=0.0,
            pairs=mine.height,
        )
    else:
        other = champion.tags[RUN_TAG]
        decision = next_champion(mine, results[other].routes, other, policy)
    if decision.promoted:
        crown(tracking, challenger, champion)
    return {
        "model": MODEL,
        "challenger": name,
        "champion": decision.against,
        "promoted": decision.promoted,
        "reason": decision.reason,
        "p_gain": decision.p_gain,
        "gain": decision.gain,
        "pairs": decision.pairs,
        "backend": mine["backend"][0],
        "policy_hash": policy.content_hash,
    }


def decisions_so_far(connections: Connections, decision: dict[str, Any]) -> Champions:
    """All decisions, the newest of each challenger."""
    lake, fresh = connections.lake(), Champions(decisions=CHAMPIONS.frame([decision]))
    if not has_tables(lake, ASSET, PARTITION):
        return fresh
    return read_tables(lake, ASSET, PARTITION, Champions).replacing([decision["challenger"]], fresh)


def crown(tracking: Tracking, version: ModelVersion, champion: ModelVersion | None) -> None:
    """Make a version the champion; who was it becomes `previous`."""
    if champion is not None and champion.version == version.version:
        return
    aliases: dict[str, int | None] = {CHAMPION: version.version}
    if champion is not None:
        aliases[PREVIOUS] = champion.version
    if CHALLENGER in version.aliases:
        aliases[CHALLENGER] = None
    tracking.set_aliases(MODEL, aliases)


def rollback(tracking: Tracking) -> tuple[ModelVersion, ModelVersion]:
    """Make `previous` the champion again.

    Returns:
        The champion now, and the one that stepped down.

    Raises:
        ModelNotFoundError: There is no previous champion.
    """
    versions = tracking.versions(MODEL)
    champion, previous = holder(versions, CHAMPION), holder(versions, PREVIOUS)
    if champion is None or previous is None:
        raise ModelNotFoundError(
            "there is no previous champion to go back to; `scalediff model list` shows all"
        )
    tracking.set_aliases(MODEL, {CHAMPION: previous.version, PREVIOUS: champion.version})
    return previous, champion


def holder(versions: list[ModelVersion], alias: str) -> ModelVersion | None:
    """Who carries an alias."""
    return next((version for version in versions if alias in version.aliases), None)


def version_of(versions: list[ModelVersion], name: str) -> ModelVersion:
    """The version of a training run, or of a number.

    Raises:
        ModelNotFoundError: There is none.
    """
    for version in reversed(versions):
        if name in (version.tags.get(RUN_TAG), str(version.version)):
            return version
    known = ", ".join(f"{v.version} ({v.tags.get(RUN_TAG, '?')})" for v in versions) or "none"
    raise ModelNotFoundError(f"the registry has no version {name!r}; it has {known}")
