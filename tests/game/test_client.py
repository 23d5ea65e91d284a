"""The client's own tests, run where the platform's are; physics against Python's cases is among them."""

import json
import shutil
import subprocess

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
