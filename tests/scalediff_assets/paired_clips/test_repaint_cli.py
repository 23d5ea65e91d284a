"""`scalediff repaint`, as a person types it: a real Dagster run and job, pairs beside the recorded ones."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resources.object_store import open_store
from resources.tables import read_tables, written_partitions
from scalediff_assets.pair_schemas import PairedClips, RepaintedSessions
from scalediff_assets.repaint_cli import UnknownSessionError, repaint
from world.recorder import RecordedBundle

ROOT = Path(__file__).parents[3]
PROMPTS = {"heavy rain", "a night in the city"}


def scalediff(*arguments: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "scalediff_assets.cli", *arguments, "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "240"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_repaints_of_a_session_are_paired_beside_what_the_player_saw(
    tmp_path: Path, both: Callable[..., RecordedBundle]
) -> None:
    bundle, folder, home = both(1), tmp_path / "bundles", tmp_path / "home"
    for key, content in bundle.objects("documented").items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    scalediff("ingest", str(folder), home=home)
    lake = open_store(str(home / "store" / "lake"))
    (hour,) = written_partitions(lake, "paired_clips")

    def tables(asset: str, kind: Any) -> Any:
        return read_tables(lake, asset, hour, kind)

    before = tables("paired_clips", PairedClips)
    printed = scalediff(
        "repaint", bundle.session_id, *(word for each in PROMPTS for word in ("--prompt", each)), home=home
    )
    assert all(each in printed for each in PROMPTS)
    videos = tables("repainted_sessions", RepaintedSessions).videos
    assert (videos["state"].to_list(), set(videos["backend"])) == (["painted", "painted"], {"stylize"})
    after = tables("paired_clips", PairedClips)
    assert after.clips["state"].to_list() == ["paired"] * 3
    assert after.clips.filter(origin="recorded").equals(before.clips)
    assert set(after.clips.filter(origin="repainted")["prompt"]) == PROMPTS
    painted = after.pairs.filter(origin="repainted")
    assert painted.height > 100
    assert painted["source_idx"].to_list() == painted["sim_frame"].to_list()
    assert (painted["pts_ms"] - painted["source_pts_ms"]).abs().max() <= 1
    assert painted["pair_layout"].median() > 0.6  # painters by rule keep the street where it is


def test_a_session_that_no_hour_holds_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):  # the command sets them; they are taken back after
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(UnknownSessionError, match="session_1769925785747_nobody: no hour holds"):
        repaint(sessions=["session_1769925785747_nobody"], prompt=["night"], home=tmp_path / "home")
