"""Version numbers, stages, what a version must consist of, and how long it is kept.

`vX.Y.Z`: major for another architecture, minor for another training, patch for the same weights served
otherwise. MLflow's aliases may hold no dots, so that the number is the tag `semver` and the aliases are
the stages.

    VersionError(ValueError)        a number that is none, is taken, or does not follow
    ArtefactsMissingError(ValueError)   a version that is not whole
    RetentionError(ValueError)      a version that must not be purged yet
    NoPreviousVersionError(LookupError) a rollback with nothing to go back to
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Self

ChangeKind = Literal["architecture", "retrain", "inference"]
Stage = Literal["development", "candidate", "staging", "production", "previous_production"]
STAGES: tuple[Stage, ...] = ("development", "candidate", "staging", "production", "previous_production")
SEMVER_TAG, RETAIN_TAG = "semver", "retain_until_ms"
SAMPLES = 100
RETENTION_DAYS = 30
_DAY_MS = 86_400_000
_FORM = re.compile(r"v(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)


class VersionError(ValueError):
    """A version number that cannot be used."""


class ArtefactsMissingError(ValueError):
    """A version that is not whole.

    Attributes:
        missing: What it lacks, in words.
    """

    def __init__(self, version: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"{version} lacks {', '.join(missing)}; register it when it is whole")


class RetentionError(ValueError):
    """A version that must not be purged yet."""


class NoPreviousVersionError(LookupError):
    """There is no previous production version."""


@dataclass(frozen=True, order=True)
class Version:
    """A version number; orders by its parts."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """As people and tags write it: `v2.3.1`."""
        return f"v{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `v2.3.1`.

        Raises:
            VersionError: For another form.
        """
        if not (found := _FORM.fullmatch(text)):
            raise VersionError(
                f"{text[:40]!r} is no version; write vX.Y.Z without leading zeros, like v2.3.1"
            )
        return cls(*(int(part) for part in found.groups()))


@dataclass(frozen=True, kw_only=True)
class Artefacts:
    """What a version consists of; each a place, or None where it is missing.

    Attributes:
        checkpoint: Weights.
        train_config: Recipe and architecture.
        evaluation: Report on held-out clips.
        sample_seeds: Seeds of the fixed samples that are there.
    """

    checkpoint: str | None
    train_config: str | None
    evaluation: str | None
    sample_seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A version as the registry has it.

    Attributes:
        version: `v2.3.1`.
        stages: Its aliases.
        left_production_ms: When it stopped being production; None where it never was, or still is.
    """

    version: str
    stages: tuple[str, ...]
    left_production_ms: int | None


def next_semver(current: str | None, change: ChangeKind) -> Version:
    """The number after a change; the first one ever is v1.0.0."""
    if current is None:
        return Version(1, 0, 0)
    last = Version.parse(current)
    if change == "architecture":
        return Version(last.major + 1, 0, 0)
    if change == "retrain":
        return Version(last.major, last.minor + 1, 0)
    return Version(last.major, last.minor, last.patch + 1)


def number_for(base: str | None, change: ChangeKind, taken: Collection[str]) -> Version:
    """The number of a model made from `base`.

    Raises:
        VersionError: Where it is taken: somebody else changed the same base in the same way.
    """
    version = next_semver(base, change)
    if str(version) in taken:
        newest = max(Version.parse(each) for each in taken)
        raise VersionError(f"{version} ({change} of {base}) exists; start from the newest version, {newest}")
    return version


def require_whole(version: str, artefacts: Artefacts) -> None:
    """Refuse to register what nobody could load, explain or compare.

    Raises:
        ArtefactsMissingError: Naming everything that is missing.
    """
    missing = [
        words
        for words, place in (
            ("its checkpoint", artefacts.checkpoint),
            ("its training configuration", artefacts.train_config),
            ("its evaluation report", artefacts.evaluation),
        )
        if not place
    ]
    absent = set(range(SAMPLES)) - set(artefacts.sample_seeds)
    if absent:
        missing.append(f"{len(absent)} of the {SAMPLES} samples of seeds 0 to {SAMPLES - 1}")
    if missing:
        raise ArtefactsMissingError(version, tuple(missing))


def promoted(aliases: Mapping[str, int], version: int) -> dict[str, int | None]:
    """The aliases to set so that a registry version becomes production.

    Args:
        aliases: Alias -> registry version, as it is.
        version: Registry version that becomes production.

    Returns:
        Alias -> registry version, None to take it away. Promoting production again changes nothing.
    """
    current = aliases.get("production")
    if current == version:
        return {}
    changes: dict[str, int | None] = {"production": version}
    changes |= {"previous_production": current} if current is not None else {}
    changes |= {stage: None for stage in ("candidate", "staging") if aliases.get(stage) == version}
    return changes


def rolled_back(aliases: Mapping[str, int]) -> dict[str, int | None]:
    """The aliases to set so that the previous version is production again: the two change places.

    Raises:
        NoPreviousVersionError: Where there is none.
    """
    if "production" not in aliases or "previous_production" not in aliases:
        raise NoPreviousVersionError(
            "there is no previous production version; promote a second version before rolling back"
        )
    return {"production": aliases["previous_production"], "previous_production": aliases["production"]}


def retain_until_ms(left_production_ms: int) -> int:
    """Until when a version that left production is kept."""
    return left_production_ms + RETENTION_DAYS * _DAY_MS


def left_production_ms(retained_until_ms: int) -> int:
    """When a version left production that is kept until then."""
    return retained_until_ms - RETENTION_DAYS * _DAY_MS


def require_purgeable(kept: Kept, now_ms: int) -> None:
    """Refuse to purge what is in use or may be needed for a rollback.

    Raises:
        RetentionError: With the reason.
    """
    used = [stage for stage in kept.stages if stage in STAGES and stage != "development"]
    if used:
        raise RetentionError(f"{kept.version} is {' and '.join(used)}; move the alias before purging it")
    if kept.left_production_ms is None:
        return
    days = (retain_until_ms(kept.left_production_ms) - now_ms) / _DAY_MS
    if days > 0:
        raise RetentionError(
            f"{kept.version} left production: it is kept for {days:.1f} more of {RETENTION_DAYS} days"
        )
