"""The client's own checks, run where the platform's are: types, unit tests, physics against Python's cases."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.game.conftest import ROOT

pytestmark = pytest.mark.slow
GAME = ROOT / "game"


def npm(*arguments: str) -> str:
    done = subprocess.run(
        [str(shutil.which("npm")), *arguments], cwd=GAME, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    return done.stdout


@pytest.mark.usefixtures("game_dist")
def test_the_clients_tests_pass_and_parity_is_among_them() -> None:
    report = json.loads(npm("test", "--silent", "--", "--reporter=json"))
    assert report["numFailedTests"] == 0 and report["numPassedTests"] > 150
    assert any("parity" in result["name"] for result in report["testResults"])


def test_game_and_city_stay_small(game_dist: Path) -> None:
    import gzip

    def gzipped(*patterns: str) -> int:
        files = [path for pattern in patterns for path in game_dist.rglob(pattern)]
        assert files
        return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)

    assert gzipped("*.js", "*.css", "*.html") < 300_000
    assert gzipped("city-*.json") < 300_000
