"""A person plays in a real browser; every recorded frame must be the frame that it says it is.

All sessions are driven first, then the asset graph runs once over them. Screenshots are kept in
test-artefacts/game for people to look at.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
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
from tests.game.conftest import ARTEFACTS, ROOT, NewPage, Painters, Served
from world.recorder.stamp import read_stamp

pytestmark = [pytest.mark.slow, pytest.mark.browser]
DRIVEN_S = 25
# What other browsers lack: Firefox hands out no frames of a track, older ones have no codecs either.
NO_FRAMES = ("MediaStreamTrackProcessor",)
NO_CODECS = ("MediaStreamTrackProcessor", "VideoEncoder", "VideoDecoder")


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to play.

    Attributes:
        query: The page's address.
        stamps: What the painter does with stamps; None: nobody paints.
        lacks: What the browser does not have.
    """

    query: dict[str, object]
    stamps: str | None = None
    lacks: tuple[str, ...] = ()


WAYS = {
    "passthrough": Way(query={"transport": "passthrough"}),
    "service": Way(query={"transport": "service", "source": 1}, stamps="paste"),
    "decart": Way(query={"transport": "decart"}, stamps="paste"),
    "stampless": Way(query={"transport": "decart"}, stamps="drop"),
    "without-frames": Way(query={"transport": "service"}, stamps="paste", lacks=NO_FRAMES),
    "without-codecs": Way(query={"transport": "passthrough"}, lacks=NO_CODECS),
}
EXACT = tuple(name for name in WAYS if name != "stampless")


@dataclass(frozen=True, kw_only=True)
class Played:
    """A session as it was recorded, and what the graph made of it."""

    files: dict[str, Path]
    row: dict[str, Any]
    summary: dict[str, Any]
    frames: pl.DataFrame

    def json(self, suffix: str) -> Any:
        return json.loads(self.files[suffix].read_text())

    @property
    def links(self) -> list[Any]:
        links: list[Any] = self.json("_latency.json")["frames"]
        return links

    @property
    def camera(self) -> dict[int, float]:
        return {row["frame"]: row["t"] for row in self.json("_camera.json")}


@pytest.fixture(scope="module")
def played(served: Served, new_page: NewPage, painters: Painters) -> Iterator[dict[str, Played]]:
    """Each way's session after the graph's run."""
    common = {"fast": 1, "size": "320x180", "seconds": DRIVEN_S, "scenario": "follow-traffic", "seed": 1}
    sessions = {}
    for name, way in WAYS.items():
        painter = {} if way.stamps is None else {"painter": painters.url(stamps=way.stamps)}
        with new_page(lacks=way.lacks) as page:
            sessions[name] = drive(page, name, f"{served.url}/?{urlencode(common | way.query | painter)}")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
            patch.setenv(variable, "")  # use_home sets both; this puts back what was there
        yield judged(served.home, sessions)


def judged(home: Path, sessions: dict[str, str]) -> dict[str, Played]:
    """Run the graph over what was uploaded."""
    empty = home / "nothing"
    empty.mkdir()
    command = [sys.executable, "-m", "scalediff_assets.cli", "ingest", str(empty), "--home", str(home)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=300)
    connections: Connections = resources_for(use_home(home))["connections"]
    listed = {row["session_id"]: row for row in connections.catalog().sessions().iter_rows(named=True)}
    hours = {listed[session_id]["hour"] for session_id in sessions.values()}
    tables = {
        hour: read_tables(connections.lake(), "aligned_sessions", hour, AlignedSessions) for hour in hours
    }
    return {
        name: outcome(home, session_id, listed[session_id], tables[listed[session_id]["hour"]])
        for name, session_id in sessions.items()
    }


def outcome(home: Path, session_id: str, row: dict[str, Any], aligned: AlignedSessions) -> Played:
    stored = (home / "store" / "raw").rglob(f"{session_id}*")
    return Played(
        files={path.name.removeprefix(session_id): path for path in stored},
        row=row,
        summary=aligned.sessions.filter(pl.col("session_id") == session_id).row(0, named=True),
        frames=aligned.frames.filter(pl.col("session_id") == session_id),
    )


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


def formula_error_frames(session: Played) -> float:
    """How many frames the reference's formula is off: it takes T + avgRtt for a picture's time."""
    camera, start_ms = session.camera, session.json("_meta.json")["clock"]["recorderStart"]
    average_rtt_ms = session.json("_latency.json").get("avgRtt", 0.0)
    times_ms = np.array(sorted(camera.values()))
    errors = []
    for _, pts_us, source, _ in session.links:
        if source is None:
            continue
        guess = np.abs(times_ms - (pts_us / 1000 + start_ms - average_rtt_ms)).argmin()
        truth = np.abs(times_ms - camera[source]).argmin()
        errors.append(abs(int(guess) - int(truth)))
    return float(np.mean(errors))


@pytest.mark.parametrize("name", EXACT)
def test_every_recorded_frame_is_the_frame_that_it_says_it_is(
    played: dict[str, Played], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session = played[name]
    links, camera = session.links, session.camera
    ids, pts_ms = stamps_of(session.files[".webm"])
    assert len(ids) == len(links) == session.json("_meta.json")["video"]["frames"] > 40
    assert ids == [link[2] for link in links], "the picture says otherwise than the sidecar"
    assert ids == sorted(ids) and set(ids) <= set(camera)  # type: ignore[type-var]
    repeated = len(ids) - len(set(ids))
    # A MediaRecorder may write its first picture twice, and nobody can take it out of the file again.
    assert repeated <= (2 if WAYS[name].lacks else 0)
    assert max(abs(p - link[1] / 1000) for p, link in zip(pts_ms, links, strict=True)) <= 1.0
    summary = session.summary
    assert summary["verdict"] == "valid", summary["detail"]
    assert (summary["align_method"], summary["alignment_grade"]) == ("frame_id", "exact")
    assert session.frames["sim_frame"].to_list() == ids
    # Painted, coded twice, shown and read, all on the test's few cores, may leave too few frames to cut.
    starved = name == "without-frames" and "longest part without a gap" in (session.row["detail"] or "")
    assert session.row["status"] == "accepted" or starved, session.row["detail"]
    latency_ms = session.json("_latency.json")["pipelineLatency"]["p50"]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{name}: {len(ids)} frames, 0 ids wrong, PTS within 1 ms; latency p50 {latency_ms:.0f} ms; "
            f"T + avgRtt is off by {formula_error_frames(session):.1f} frames\n"
        )


@pytest.mark.parametrize("name", ["passthrough", "without-codecs"])
def test_a_picture_that_never_left_the_page_has_its_ticks_time(played: dict[str, Played], name: str) -> None:
    session = played[name]
    start_ms = session.json("_meta.json")["clock"]["recorderStart"]
    firsts = {source: pts_us / 1000 for _, pts_us, source, _ in reversed(session.links)}
    errors_ms = [session.camera[source] - start_ms - pts_ms for source, pts_ms in firsts.items()]
    assert max(map(abs, errors_ms)) <= 1.0


def test_without_stamps_nothing_is_called_exact(played: dict[str, Played]) -> None:
    session = played["stampless"]
    ids, _ = stamps_of(session.files[".webm"])
    # One picture in 256 looks as if it had a stamp: the checksum has 8 bits.
    assert ids.count(None) > 0.95 * len(ids) > 38
    assert session.summary["verdict"] == "valid", session.summary["detail"]
    assert session.summary["alignment_grade"] == "estimated"


def test_a_new_prompt_shows_while_driving(played: dict[str, Played]) -> None:
    blue = blueness(played["service"].files[".webm"])
    assert min(blue[-10:]) > 1.5 * max(blue[:10]), "the new prompt does not show"


def test_the_picture_before_painting_is_a_sixth_file_whose_frames_are_known_too(
    played: dict[str, Played],
) -> None:
    session = played["service"]
    assert session.json("_meta.json")["files"]["source_video"]["size"] > 0
    links = session.json("_latency.json")["sourceFrames"]
    ids, pts_ms = stamps_of(session.files["_source.webm"])
    assert ids == [link[2] for link in links] == sorted(set(ids))  # type: ignore[type-var]
    assert max(abs(p - link[1] / 1000) for p, link in zip(pts_ms, links, strict=True)) <= 1.0
    painted = {source for _, _, source, _ in session.links}
    assert len(painted & set(ids)) > 0.9 * len(painted), "too few painted frames have a source"
    assert "_source.webm" not in played["decart"].files
