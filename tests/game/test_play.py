"""A person plays in a real browser; every recorded frame must be the frame that it says it is.

Screenshots are kept in test-artefacts/game for people to look at.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import av
import numpy as np
import polars as pl
import pytest

from resources.connections import Connections
from resources.profiles import resources_for
from resources.tables import read_tables
from scalediff_assets.home import use_home
from scalediff_assets.schemas import AlignedSessions
from tests.game.conftest import ARTEFACTS, ROOT, Painters, Served
from world.recorder.stamp import read_stamp

pytestmark = [pytest.mark.slow, pytest.mark.browser]
DRIVEN_S = 25


def drive(page: Any, name: str, url: str) -> str:
    """Sign in as a guest, drive, and wait for the upload; returns the session id."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    page.wait_for_selector("#intro")
    page.wait_for_timeout(1_500)
    shoot(page, f"{name}-1-intro")
    page.click("#intro-guest")
    page.wait_for_selector("#hud-recording", state="visible", timeout=120_000)
    page.wait_for_timeout(1_000)
    for second in range(DRIVEN_S + 2):
        # Straight on: a browser that draws in software would answer taps of A and D unevenly.
        page.keyboard.down("w")
        page.wait_for_timeout(700)
        page.keyboard.up("w")
        page.wait_for_timeout(300)
        if second == 6:
            shoot(page, f"{name}-2-driving")
        if second == 10 and name == "service":
            page.fill("#hud-prompt", "a drive at night")
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
    page.wait_for_selector("#result", state="visible", timeout=60_000)
    shoot(page, f"{name}-3-result")
    page.wait_for_function(
        "!document.querySelector('#result-uploaded').hidden || "
        "!document.querySelector('#result-refusal').hidden || !document.querySelector('#result-error').hidden"
    )
    shoot(page, f"{name}-4-uploaded")
    assert problems == []
    assert page.is_visible("#result-uploaded"), page.text_content("#result")
    text: str = page.text_content("#result-uploaded")
    return next(word for word in text.split() if word.startswith("session_"))


def shoot(page: Any, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")


def files_of(home: Path, session_id: str) -> dict[str, Path]:
    return {path.name.removeprefix(session_id): path for path in home.rglob(f"{session_id}*")}


def stamps_of(video: Path) -> tuple[list[int | None], list[float]]:
    """Frame ids read from the picture, and PTS in ms, in file order."""
    ids, pts_ms = [], []
    with av.open(video) as container:
        for frame in container.decode(video=0):
            ids.append(read_stamp(frame.to_ndarray(format="gray").astype(np.uint8, copy=False)))
            pts_ms.append((frame.time or 0.0) * 1000)
    return ids, pts_ms


def blueness(video: Path) -> list[float]:
    """Blue by red of each frame's lower half, in file order."""
    with av.open(video) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    lower = [picture[len(picture) // 2 :].reshape(-1, 3).mean(axis=0) for picture in pictures]
    return [float(mean[2] / mean[0]) for mean in lower]


def formula_error_frames(latency: dict[str, Any], camera: dict[int, float], start_ms: float) -> float:
    """How many frames the reference's formula is off: it takes T + avgRtt for a picture's time."""
    times_ms = np.array(sorted(camera.values()))
    errors = []
    for _, pts_us, source, _ in latency["frames"]:
        if source is None:
            continue
        guessed_ms = pts_us / 1000 + start_ms - latency.get("avgRtt", 0.0)
        guess = np.abs(times_ms - guessed_ms).argmin()
        truth = np.abs(times_ms - camera[source]).argmin()
        errors.append(abs(int(guess) - int(truth)))
    return float(np.mean(errors))


def test_every_recorded_frame_is_the_frame_that_it_says_it_is(
    served: Served,
    page: Any,
    painters: Painters,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # use_home sets both; this puts back what was there
    common = {"fast": 1, "size": "320x180", "seconds": DRIVEN_S, "scenario": "follow-traffic", "seed": 1}
    transports = {
        "passthrough": {},
        "service": {"painter": painters.url(stamps="paste")},
        "decart": {"painter": painters.url(stamps="paste")},
        "stampless": {"transport": "decart", "painter": painters.url(stamps="drop")},
    }
    sessions = {
        name: drive(page, name, f"{served.url}/?{urlencode(common | {'transport': name} | query)}")
        for name, query in transports.items()
    }
    empty = served.home / "nothing"
    empty.mkdir()
    command = [sys.executable, "-m", "scalediff_assets.cli", "ingest", str(empty), "--home", str(served.home)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=300)
    settings = use_home(served.home)
    connections: Connections = resources_for(settings)["connections"]
    listed = {row["session_id"]: row for row in connections.catalog().sessions().iter_rows(named=True)}
    lake = connections.lake()

    for name, session_id in sessions.items():
        row = listed[session_id]
        files = files_of(served.home / "store" / "raw", session_id)
        latency = json.loads(files["_latency.json"].read_text())
        meta = json.loads(files["_meta.json"].read_text())
        camera = {r["frame"]: r["t"] for r in json.loads(files["_camera.json"].read_text())}
        links = latency["frames"]
        ids, pts_ms = stamps_of(files[".webm"])
        assert len(ids) == len(links) == meta["video"]["frames"] > 40
        assert max(abs(p - link[1] / 1000) for p, link in zip(pts_ms, links, strict=True)) <= 1.0
        aligned = read_tables(lake, "aligned_sessions", row["hour"], AlignedSessions)
        summary = aligned.sessions.filter(pl.col("session_id") == session_id).row(0, named=True)
        assert summary["verdict"] == "valid", summary["detail"]
        if name == "stampless":
            # One picture in 256 looks as if it had a stamp: the checksum has 8 bits.
            assert ids.count(None) > 0.95 * len(ids)
            assert summary["alignment_grade"] == "estimated"
            continue
        assert ids == [link[2] for link in links], "the picture says otherwise than the sidecar"
        assert ids == sorted(set(ids)) and set(ids) <= set(camera)  # type: ignore[type-var]
        assert (summary["align_method"], summary["alignment_grade"]) == ("frame_id", "exact")
        frames = aligned.frames.filter(pl.col("session_id") == session_id)
        assert frames["sim_frame"].to_list() == ids
        assert row["status"] == "accepted", row["detail"]
        if name == "service":
            blue = blueness(files[".webm"])
            assert min(blue[-10:]) > 1.5 * max(blue[:10]), "the new prompt does not show"
        off = formula_error_frames(latency, camera, meta["clock"]["recorderStart"])
        with capsys.disabled():
            sys.stdout.write(
                f"\n{name}: {len(ids)} frames, 0 ids wrong, PTS within 1 ms; latency p50 "
                f"{latency['pipelineLatency']['p50']:.0f} ms; T + avgRtt is off by {off:.1f} frames\n"
            )
