"""Version numbers, whole versions, promotion, rollback and retention."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.video_models.versions import (
    SAMPLES,
    Artefacts,
    ArtefactsMissingError,
    ChangeKind,
    Kept,
    NoPreviousVersionError,
    RetentionError,
    Version,
    VersionError,
    next_semver,
    number_for,
    promoted,
    require_purgeable,
    require_whole,
    retain_until_ms,
    rolled_back,
)

DAY_MS = 86_400_000
WHOLE = Artefacts(checkpoint="a", train_config="b", evaluation="c", sample_seeds=tuple(range(100)))


@pytest.mark.parametrize(
    ("current", "change", "following"),
    [
        (None, "retrain", "v1.0.0"),
        ("v2.3.1", "architecture", "v3.0.0"),
        ("v2.3.1", "retrain", "v2.4.0"),
        ("v2.3.1", "inference", "v2.3.2"),
        ("v0.9.9", "inference", "v0.9.10"),
    ],
)
def test_the_kind_of_change_makes_the_number(current: str | None, change: ChangeKind, following: str) -> None:
    assert str(next_semver(current, change)) == following


@given(st.tuples(*[st.integers(0, 99)] * 3), st.sampled_from(get_args(ChangeKind)))
def test_the_next_number_is_always_larger(parts: tuple[int, int, int], change: ChangeKind) -> None:
    version = Version(*parts)
    assert Version.parse(str(version)) == version
    assert next_semver(str(version), change) > version


@pytest.mark.parametrize(
    "text", ["2.3.1", "v2.3", "v2.03.1", "v2.3.1-rc1", "v2.3.1\n", "", "v٢.3.1", "v-1.0.0"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(VersionError, match="is no version"):
        Version.parse(text)


def test_versions_order_by_number_not_by_letter() -> None:
    assert Version.parse("v1.10.0") > Version.parse("v1.9.9")


def test_a_number_that_is_taken_is_refused_with_the_newest() -> None:
    taken = {"v1.0.0", "v1.1.0", "v1.2.0"}
    assert str(number_for("v1.2.0", "retrain", taken)) == "v1.3.0"
    with pytest.raises(
        VersionError, match=r"v1\.1\.0 \(retrain of v1\.0\.0\) exists.*newest version, v1\.2\.0"
    ):
        number_for("v1.0.0", "retrain", taken)


def test_a_whole_version_may_be_registered() -> None:
    require_whole("v1.0.0", WHOLE)
    assert SAMPLES == 100


def test_everything_that_is_missing_is_named() -> None:
    part = Artefacts(checkpoint="a", train_config=None, evaluation="", sample_seeds=(*range(99), 100))
    with pytest.raises(ArtefactsMissingError) as refusal:
        require_whole("v1.0.0", part)
    assert refusal.value.missing == (
        "its training configuration",
        "its evaluation report",
        "1 of the 100 samples of seeds 0 to 99",
    )


def test_promotion_remembers_the_previous_version_and_rollback_swaps_back() -> None:
    aliases: dict[str, int] = {"candidate": 5, "production": 4, "previous_production": 3}

    def applied(changes: dict[str, int | None]) -> dict[str, int]:
        return {name: number for name, number in (aliases | changes).items() if number is not None}

    aliases = applied(promoted(aliases, 5))
    assert aliases == {"production": 5, "previous_production": 4}
    assert promoted(aliases, 5) == {}
    before = dict(aliases)
    aliases = applied(rolled_back(aliases))
    assert aliases == {"production": 4, "previous_production": 5}
    assert applied(rolled_back(aliases)) == before


def test_the_first_promotion_has_no_previous_version_to_go_back_to() -> None:
    aliases = promoted({}, 1)
    assert aliases == {"production": 1}
    with pytest.raises(NoPreviousVersionError, match="promote a second version"):
        rolled_back({"production": 1})


def test_a_version_is_kept_30_days_after_it_left_production() -> None:
    old = Kept(version="v1.0.0", stages=(), left_production_ms=10 * DAY_MS)
    assert retain_until_ms(10 * DAY_MS) == 40 * DAY_MS
    with pytest.raises(RetentionError, match=r"kept for 0\.5 more of 30 days"):
        require_purgeable(old, 40 * DAY_MS - DAY_MS // 2)
    require_purgeable(old, 40 * DAY_MS)
    require_purgeable(Kept(version="v0.1.0", stages=("development",), left_production_ms=None), 0)


@pytest.mark.parametrize("stage", ["candidate", "staging", "production", "previous_production"])
def test_a_version_in_use_is_never_purged(stage: str) -> None:
    with pytest.raises(RetentionError, match=f"is {stage}; move the alias"):
        require_purgeable(Kept(version="v1.0.0", stages=(stage,), left_production_ms=0), 10**15)
