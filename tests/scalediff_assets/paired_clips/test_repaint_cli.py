"""`scalediff repaint`, as a person types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from world.recorder import RecordedBundle

ROOT = Path(__file__).parents[3]


def scalediff(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scalediff_assets.cli", *arguments, "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "240"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_a_session_is_repainted_from_the_command_line(
    tmp_path: Path, both: Callable[..., RecordedBundle]
) -> None:
    bundle, folder, home = both(1), tmp_path / "bundles", tmp_path / "home"
    for key, content in bundle.objects("documented").items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = scalediff("ingest", str(folder), home=home)
    assert done.returncode == 0, done.stderr
    done = scalediff("repaint", bundle.session_id, "--prompt", "heavy rain", home=home)
    assert done.returncode == 0, done.stderr
    assert "repainted" in done.stdout and "heavy rain" in done.stdout
    (sidecar,) = (home / "store" / "lake" / "repainted_videos" / bundle.session_id).glob("*.json")
    assert json.loads(sidecar.read_bytes())["backend"] == "stylize"
    done = scalediff("repaint", "session_1769925785747_nobody", "--prompt", "night", home=home)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no hour holds this session" in " ".join(done.stderr.split())
