"""Which code decided: what counts as new generation code, in a checkout and without one."""

import subprocess
from pathlib import Path

import pytest

from scalediff_assets.code_version import code_version, generation_code_version

MODEL, SERVICE = "gpu_services/generation/network.py", "gpu_services/generation/service/app.py"
PRESETS = "scalediff_contract/video_models.py"


def git(root: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, name: str, text: str) -> str:
    """Write a file and commit it; the commit's version."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git(root, "add", name)
    git(root, "commit", "-q", "-m", name)
    return f"git:{git(root, 'rev-parse', '--short=12', 'HEAD')}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def test_a_commit_to_the_model_or_its_presets_is_new_code_and_others_are_not(checkout: Path) -> None:
    first = commit(checkout, MODEL, "1")
    assert generation_code_version(checkout) == first
    commit(checkout, "game/main.ts", "1")
    commit(checkout, SERVICE, "1")
    assert generation_code_version(checkout) == first
    (checkout / MODEL).write_text("not committed")
    assert generation_code_version(checkout) == first
    second = commit(checkout, PRESETS, "1")
    assert generation_code_version(checkout) == second != first


def test_without_a_checkout_the_files_say_it(tmp_path: Path) -> None:
    for name, text in ((MODEL, "1"), (PRESETS, "1"), (SERVICE, "1")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    first = generation_code_version(tmp_path)
    assert first.startswith("files:")
    (tmp_path / SERVICE).write_text("2")
    assert generation_code_version(tmp_path) == first
    (tmp_path / MODEL).write_text("2")
    assert generation_code_version(tmp_path) != first


def test_this_code_has_a_version() -> None:
    for version in (code_version(), generation_code_version()):
        assert version.partition(":")[0] in ("git", "files", "release") and len(version) > len("git:")
