"""`scalediff ingest` and `scalediff sessions`, run as a person runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalediff_assets.ingest import folder_objects, strange_names
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "real_sessions"
KEYS = {
    "session_id", "wallet", "status", "reason", "detail", "alignment",
    "frames", "segments", "segments_passed",
}  # fmt: skip


def scalediff(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scalediff_assets.cli", *arguments, "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def sessions(home: Path) -> dict[str, dict[str, Any]]:
    done = scalediff("sessions", "--json", home=home)
    assert done.returncode == 0, done.stderr
    return {row["session_id"].rpartition("_")[2]: row for row in json.loads(done.stdout)}


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings (../shared/real_sessions) are not here")
def test_real_recordings_end_as_they_must(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = scalediff("ingest", str(REAL), home=home)
    assert done.returncode == 0, done.stderr
    rows = sessions(home)
    assert set(rows) == {"tp5owb", "832oey", "tmxai2", "lm97go"}
    assert all(set(row) == KEYS for row in rows.values())
    legacy = rows["tp5owb"]
    assert (legacy["status"], legacy["frames"], legacy["segments"]) == ("accepted", 147, 2)
    assert legacy["alignment"]["method"] == "meta_interval"
    assert 100 < legacy["alignment"]["uncertainty_ms"] < 2_000
    assert (rows["832oey"]["status"], rows["832oey"]["reason"]) == ("rejected", "no_video")
    for name in ("tmxai2", "lm97go"):
        assert (rows[name]["status"], rows[name]["reason"]) == ("quarantined", "incomplete")
        assert "video" in rows[name]["detail"]
    again = scalediff("ingest", str(REAL), home=home)
    assert again.returncode == 0, again.stderr
    assert sessions(home) == rows


@pytest.mark.slow
def test_a_quarantined_session_is_picked_up_when_the_rest_arrives(
    tmp_path: Path, recorded: Callable[..., RecordedBundle]
) -> None:
    bundle, home = recorded(1), tmp_path / "home"
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / bundle.wallet).mkdir(parents=True)
    for file, content in bundle.files.items():
        folder = second if file is BundleFile.VIDEO else first
        (folder / str(bundle.key_of(file, "recorded"))).write_bytes(content)
    (first / "notes.md").write_text("not a bundle")
    assert scalediff("ingest", str(first), home=home).returncode == 0
    (row,) = sessions(home).values()
    assert row["status"] == "quarantined"
    assert scalediff("ingest", str(second), home=home).returncode == 0
    (row,) = sessions(home).values()
    assert row["status"] == "accepted"
    assert row["segments_passed"] >= 1


def test_a_file_named_like_no_bundles_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "session_1769936404672_tp5owb_meta.json").write_text("{}")
    for number in range(6):
        (tmp_path / f"holiday{number}.json").write_text("{}")
    *lines, rest = strange_names(folder_objects(tmp_path))
    assert [line.split()[0] for line in lines] == [f"holiday{number}.json" for number in range(5)]
    assert all("session_{13 digits}_{id}_meta.json" in line for line in lines)
    assert rest == "and 1 more like it"


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("ingest", "no/such/folder"), {}, "is not a folder"),
        (("export", "OUT", "--layout", "zip"), {}, "not one of"),
        (("export", "OUT", "--day", "2026-01-02"), {}, "never packed"),
        (("sessions",), {"SCALEDIFF_WORKERS": "many"}, "SCALEDIFF_WORKERS"),
        (("sessions",), {"SCALEDIFF_PROFILE": "moon"}, "SCALEDIFF_PROFILE"),
    ],
)
def test_a_mistake_gives_one_clear_line(
    arguments: tuple[str, ...], environment: dict[str, str], words: str, tmp_path: Path
) -> None:
    done = scalediff(*arguments, home=tmp_path / "home", **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert words in " ".join(done.stderr.split())


@pytest.mark.slow
def test_the_demo_runs_reports_exports_and_can_run_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = scalediff("demo", "--fast", "--no-ui", home=home)
    assert done.returncode == 0, done.stderr
    report = json.loads((home / "demo_report.json").read_text())
    assert report["statuses"] == {"accepted": 9, "quarantined": 1, "rejected": 3}
    assert set(report["seconds_per_asset"]) == {
        "raw_sessions", "aligned_sessions", "segments", "paired_clips", "quality_scores", "cilrs_datasets",
    }  # fmt: skip
    assert all(len(value) == 64 for value in report["dataset_hash"].values())
    assert report["segments_passed"] > 20
    for layout in ("cilrs", "clean-bucket", "webdataset", "lerobot"):
        out = tmp_path / layout
        done = scalediff("export", str(out), "--layout", layout, home=home)
        assert done.returncode == 0, done.stderr
        assert (out / "export.json").exists()
    before = sessions(home)
    assert scalediff("demo", "--fast", "--no-ui", home=home).returncode == 0
    assert {k: v["status"] for k, v in sessions(home).items()} == {k: v["status"] for k, v in before.items()}
