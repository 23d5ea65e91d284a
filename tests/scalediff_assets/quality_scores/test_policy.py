"""A policy file is read whole or refused with one clear sentence."""

from pathlib import Path

import pytest

from scalediff_assets.quality_scores.policy import DEFAULT_POLICY_PATH, PolicyError, load_policy


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_the_packaged_policy_is_the_default() -> None:
    assert load_policy() == load_policy(DEFAULT_POLICY_PATH) == load_policy(str(DEFAULT_POLICY_PATH))
    assert load_policy().version == "v2"


def test_comments_and_spelling_of_numbers_do_not_change_the_hash(tmp_path: Path) -> None:
    text = DEFAULT_POLICY_PATH.read_text().replace("sharpness_min = 60.0", "sharpness_min = 60")
    assert load_policy(written(tmp_path, "# new comment\n" + text)).policy_hash == load_policy().policy_hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sharpness_min = 60.0", "sharpness_min = 61.0"),
        ('version = "v2"', 'version = "v3"'),
        ("[rules.cut]\ncount_max = 0\n", ""),
    ],
)
def test_every_change_of_content_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    text = DEFAULT_POLICY_PATH.read_text()
    assert old in text
    changed = load_policy(written(tmp_path, text.replace(old, new)))
    assert changed.policy_hash != load_policy().policy_hash


@pytest.mark.parametrize(
    ("old", "new", "field", "problem"),
    [
        ("share_max = 0.10", "share_max = 1.5", "rules.blur.share_max", "less than or equal to 1, got 1.5"),
        ("sharpness_min = 60.0", "", "measures.sharpness_min", "Field required"),
        ("sharpness_min = 60.0", "sharpness_min = nan", "measures.sharpness_min", "finite number"),
        ("[rules.cut]", "[rules.cuts]", "rules.cuts", "Extra inputs are not permitted"),
        ("distance_max = 31", "distance_max = 32", "duplicates.distance_max", "less than or equal to 31"),
        ('version = "v2"', "", "version", "Field required"),
        ('version = "v2"', "version = ", "file", "is not TOML"),
    ],
)
def test_a_broken_policy_names_file_field_and_limit(
    tmp_path: Path, old: str, new: str, field: str, problem: str
) -> None:
    path = written(tmp_path, DEFAULT_POLICY_PATH.read_text().replace(old, new, 1))
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert caught.value.field == field
    for part in (str(path), field, problem):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.toml: file: cannot be read"):
        load_policy(tmp_path / "absent.toml")


def test_weights_that_are_all_zero_are_refused(tmp_path: Path) -> None:
    head, _, tail = DEFAULT_POLICY_PATH.read_text().partition("[weights]")
    zeroed = tail.replace("= 2.0", "= 0").replace("= 1.0", "= 0")
    with pytest.raises(PolicyError, match="weights: all are 0"):
        load_policy(written(tmp_path, f"{head}[weights]{zeroed}"))


def test_limits_are_listed_by_the_signal_they_belong_to() -> None:
    assert load_policy().signal_limits["sharpness"] == (60.0, 150.0, 1500.0)
