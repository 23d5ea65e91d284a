import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.flow import FlowSignal
from scalediff_assets.aligned_sessions.packets import Packets
from scalediff_assets.aligned_sessions.times import AlignOptions
from scalediff_assets.raw_sessions.bundle import Bundle
from scalediff_assets.schemas import ALIGNMENTS, FRAMES, AlignedSessions
from scalediff_contract.bundle import LatencyReport

MakeBundle = Callable[..., Bundle]
PacketsAt = Callable[..., Packets]
VIDEO_PTS = np.arange(0, 20_000, 100)


def align(bundle: Bundle, packets: Packets, **options: object) -> AlignedSessions:
    made = align_session(bundle, packets, latency_upload_ms=None, **options)  # type: ignore[arg-type]
    assert ALIGNMENTS.problems(made.sessions) == []
    assert FRAMES.problems(made.frames) == []
    return made


def verdict(made: AlignedSessions) -> tuple[str, str | None]:
    row = made.sessions.row(0, named=True)
    assert (made.frames.height == 0) == (row["verdict"] == "rejected")
    assert (row["detail"] is None) == (row["reason"] is None)
    return row["verdict"], row["reason"]


def key(kind: str, name: str, t_ms: float, frame: int | None = None) -> dict[str, object]:
    return {"t_ms": t_ms, "kind": kind, "key": name, "frame": frame}


def test_every_frame_shows_its_simulated_frame(exact_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    bundle = exact_bundle()
    made = align(bundle, packets_at(np.arange(100) * 50))
    session = made.sessions.row(0, named=True)
    assert (session["align_method"], session["alignment_grade"]) == ("frame_id", "exact")
    assert session["start_uncertainty_ms"] == 0 and session["confidence"] == 1
    assert session["latency_ms"] == pytest.approx(100)
    frames = made.frames
    assert frames["sim_frame"].to_list() == list(range(100))
    for name in ("steer", "throttle", "brake", "command", "speed_game"):
        assert frames[name].to_list() == bundle.camera[name].to_list()
    assert frames["game_t_ms"].to_list() == bundle.camera["t_ms"].to_list()
    assert frames["x_m"].to_list() == (-bundle.camera["pos_z"]).to_list()
    assert frames["speed_mps"].to_numpy() == pytest.approx(10.0)
    assert set(frames["control_source"]) == {"logged"} and set(frames["command_source"]) == {"route"}


@pytest.mark.parametrize("by_chance", [0, 2])
def test_a_picture_that_lost_its_stamp_is_timed_by_the_clock_and_never_exact(
    exact_bundle: MakeBundle, packets_at: PacketsAt, by_chance: int
) -> None:
    lost = [(n, n * 50_000, 7 if n < by_chance else None, None) for n in range(100)]
    options = AlignOptions(pipeline_delay_ms=40.0, pipeline_doubt_ms=40.0, rtt_ms=60.0, rtt_doubt_ms=20.0)
    made = align(exact_bundle(links=lost), packets_at(np.arange(100) * 50), options=options)
    session = made.sessions.row(0, named=True)
    assert (session["align_method"], session["alignment_grade"]) == ("recorder_clock", "estimated")
    assert session["start_lo_ms"] == session["start_hi_ms"] and session["start_uncertainty_ms"] == 60
    timed = made.frames.filter(pl.col("pts_valid"))
    truth_ms = exact_bundle().camera["t_ms"].to_numpy()[timed["frame_idx"].to_numpy()]
    assert np.abs(timed["game_t_ms"].to_numpy() - truth_ms).max() <= 60
    assert made.frames["sim_frame"].null_count() == 100


def test_keys_are_joined_by_frame_id_not_by_time(exact_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    late = [key("keydown", "w", 99_000.0, 10), key("keyup", "w", 99_001.0, 20)]
    frames = align(exact_bundle(inputs=late), packets_at(np.arange(100) * 50)).frames
    assert frames["held_w"].to_list() == [10 <= tick < 20 for tick in range(100)]


def test_a_repeated_source_frame_repeats_its_labels_but_not_its_events(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    links = [(n, n * 50_000, n // 2, None) for n in range(100)]
    bundle = exact_bundle(links=links, inputs=[key("keydown", "d", 0.0, 7)])
    frames = align(bundle, packets_at(np.arange(100) * 50)).frames
    assert frames["sim_frame"].to_list() == [n // 2 for n in range(100)]
    assert frames["key_events"].sum() == 1


def test_a_frame_without_an_id_keeps_no_label(exact_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    links = [(n, n * 50_000, None if n == 5 else n, None) for n in range(100) if n != 8]
    made = align(exact_bundle(links=links), packets_at(np.arange(100) * 50))
    unlabelled = made.frames.filter(~pl.col("pts_valid"))
    assert unlabelled["frame_idx"].to_list() == [5, 8]
    assert unlabelled["run_id"].to_list() == [-1, -1]
    nullable = [column.name for column in FRAMES.columns if column.nullable]
    assert unlabelled.select(pl.col(nullable).is_null().all()).row(0) == (True,) * len(nullable)
    assert made.sessions["valid_frames"].item() == 98


def test_many_frames_without_an_id_reject_the_session(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    links = [(n, n * 50_000, n if n % 10 else None, None) for n in range(100)]
    made = align(exact_bundle(links=links), packets_at(np.arange(100) * 50))
    assert verdict(made) == ("rejected", "frame_id_mismatch")
    assert "10 of 100" in made.sessions["detail"].item()


def test_a_link_that_names_another_pts_rejects_the_session(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    made = align(exact_bundle(), packets_at(np.arange(100) * 50 + 33))
    assert verdict(made) == ("rejected", "frame_id_mismatch")
    assert "33.0 ms" in made.sessions["detail"].item()


def test_rounding_of_a_pts_to_the_containers_clock_is_tolerated(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    links = [(n, n * 50_000 + 499, n, None) for n in range(100)]
    assert verdict(align(exact_bundle(links=links), packets_at(np.arange(100) * 50))) == ("valid", None)


def test_a_packet_that_is_linked_twice_rejects_the_session(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    links = [(n, n * 50_000, n, None) for n in [*range(100), 4]]
    assert verdict(align(exact_bundle(links=links), packets_at(np.arange(100) * 50))) == (
        "rejected",
        "frame_id_mismatch",
    )


def test_a_cut_video_of_version_2_is_truncated(exact_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    cut = packets_at(np.arange(40) * 50, truncated=True)
    assert verdict(align(exact_bundle(), cut)) == ("rejected", "truncated_video")


def test_a_respawn_is_flagged_on_its_first_frame_only(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    moved = exact_bundle(pos_x=np.where(np.arange(100) < 60, 0.0, 300.0))
    frames = align(moved, packets_at(np.arange(100) * 50)).frames
    assert frames.filter("teleport")["frame_idx"].to_list() == [60]
    assert frames["speed_mps"].to_numpy() == pytest.approx(10.0)
    assert frames["y_m"].to_list() == moved.camera["pos_x"].to_list()


def test_a_legacy_session_is_aligned_within_its_uncertainty(
    legacy_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    made = align(legacy_bundle(), packets_at(VIDEO_PTS))
    session = made.sessions.row(0, named=True)
    assert session["align_method"] == "meta_endanchor" and session["alignment_grade"] == "estimated"
    assert session["start_lo_ms"] <= 6_000 <= session["start_hi_ms"]
    half_width = (session["start_hi_ms"] - session["start_lo_ms"]) / 2
    assert session["start_uncertainty_ms"] == pytest.approx(half_width + AlignOptions().pipeline_doubt_ms)
    frames = made.frames
    assert frames["x_m"].to_numpy() == pytest.approx(frames["game_t_ms"].to_numpy() / 100)
    assert frames["speed_mps"].to_numpy() == pytest.approx(10.0)
    assert set(frames["command"].drop_nulls()) == {4}
    assert frames["sim_frame"].null_count() == frames.height


def test_game_time_is_what_was_shown_less_round_trip_and_pipeline(
    legacy_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    quick = AlignOptions(pipeline_delay_ms=0.0)
    slow = AlignOptions(pipeline_delay_ms=150.0)
    a, b = (
        align(legacy_bundle(), packets_at(VIDEO_PTS), options=options).frames for options in (quick, slow)
    )
    assert (a["game_t_ms"] - b["game_t_ms"]).to_numpy() == pytest.approx(150.0)
    shown = a["game_t_ms"] + a["rtt_ms"] - a["pts_ms"]
    assert shown.to_numpy() == pytest.approx(6_000, abs=300)


def test_legacy_controls_come_from_keys_and_path_never_from_the_log(
    legacy_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    base = legacy_bundle()
    logged = base.camera.with_columns(
        throttle=pl.lit(0.0), brake=pl.lit(0.0), steer=pl.lit(-0.03), command=pl.lit(1, pl.Int64)
    )
    inputs = [key("keydown", "w", 1_900.0), key("keyup", "w", 15_000.0), key("keydown", "s", 16_000.0)]
    frames = align(legacy_bundle(camera=logged, inputs=inputs), packets_at(VIDEO_PTS)).frames
    assert frames["throttle"].to_list() == (frames["game_t_ms"] < 15_000).cast(pl.Float64).to_list()
    assert frames["brake"].to_list() == (frames["game_t_ms"] >= 16_000).cast(pl.Float64).to_list()
    assert frames["steer"].to_numpy() == pytest.approx(0.0)
    assert set(frames["key_command"]) == {1} and set(frames["command"].drop_nulls()) == {4}
    assert set(frames["control_source"]) == {"derived"}


def test_frames_with_clamped_stamps_have_no_time_and_no_pose(
    legacy_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    pts = np.concatenate((np.arange(0, 5_000, 100), np.full(10, 5_100), np.arange(5_200, 10_000, 100)))
    frames = align(legacy_bundle(), packets_at(pts)).frames.filter(pl.col("pts_ms") == 5_100)
    assert not frames["pts_valid"].any()
    assert (
        frames.select(pl.col("game_t_ms", "x_m", "held_w", "command").is_null().all()).row(0) == (True,) * 4
    )


def test_without_any_round_trip_the_doubt_grows(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    known = align(legacy_bundle(), packets_at(VIDEO_PTS)).sessions
    blind = align(legacy_bundle(rtt=LatencyReport()), packets_at(VIDEO_PTS))
    assert verdict(blind) == ("valid", None)
    assert blind.sessions["start_uncertainty_ms"].item() > known["start_uncertainty_ms"].item()
    assert blind.frames["rtt_ms"].null_count() == blind.frames.height


def test_pictures_that_decide_refine_the_clock(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    t_ms = np.arange(2_000, 26_400, 250.0)

    def speed(at: np.ndarray) -> np.ndarray:
        wave: np.ndarray = 9 + 4 * np.sin(at / 1100) + 3 * np.sin(at / 430)
        return wave

    camera = legacy_bundle().camera.with_columns(speed_game=pl.Series(speed(t_ms)))
    delta_ms = 6_000 - 301 - 80.0  # round trip and a pipeline of 80 ms
    pts = VIDEO_PTS.astype(np.float64)
    flow = FlowSignal(pts_ms=pts, expansion_per_s=speed(pts + delta_ms))
    made = align(legacy_bundle(camera=camera), packets_at(VIDEO_PTS), flow=flow)
    session = made.sessions.row(0, named=True)
    assert session["align_method"] == "content"
    assert session["start_lo_ms"] <= 6_000 <= session["start_hi_ms"]
    assert (made.frames["game_t_ms"] - made.frames["pts_ms"]).to_numpy() == pytest.approx(delta_ms, abs=30)
    assert session["start_uncertainty_ms"] < 250


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"started_ms": None}, "no_start_time"),
        ({"ended_ms": None, "duration_ms": None}, "invalid_field"),
        ({"ended_ms": 1_769_936_010_000}, "clock_contradiction"),
    ],
)
def test_a_legacy_clock_that_says_too_little_or_too_much_is_rejected(
    legacy_bundle: MakeBundle, packets_at: PacketsAt, meta: dict[str, object], reason: str
) -> None:
    made = align(legacy_bundle(**meta), packets_at(VIDEO_PTS))
    assert verdict(made) == ("rejected", reason)
    assert made.sessions["detail"].item().startswith("session_")


def test_an_empty_video_is_rejected(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    assert verdict(align(legacy_bundle(), packets_at([], truncated=True))) == ("rejected", "no_video")


def test_an_empty_log_is_rejected(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    silent = legacy_bundle(camera=legacy_bundle().camera.clear())
    assert verdict(align(silent, packets_at(VIDEO_PTS))) == ("rejected", "invalid_field")


def test_a_log_of_keys_alone_still_labels_keys(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    inputs = [key("keydown", "w", 2_000.0), key("keyup", "w", 26_300.0)]
    bundle = legacy_bundle(camera=legacy_bundle().camera.clear(), inputs=inputs)
    frames = align(bundle, packets_at(VIDEO_PTS)).frames
    assert frames["throttle"].to_list() == [1.0] * frames.height
    assert frames["x_m"].null_count() == frames.height


def test_scattered_frames_are_no_usable_run(legacy_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    made = align(legacy_bundle(), packets_at(np.arange(20) * 600))
    assert verdict(made) == ("rejected", "no_usable_run")


def test_version_2_without_a_camera_log_is_rejected(exact_bundle: MakeBundle, packets_at: PacketsAt) -> None:
    bundle = exact_bundle()
    blind = dataclasses.replace(bundle, camera=bundle.camera.clear())
    assert verdict(align(blind, packets_at(np.arange(100) * 50))) == ("rejected", "frame_id_mismatch")


def test_a_tick_between_two_breaks_has_a_pose_but_no_speed(
    exact_bundle: MakeBundle, packets_at: PacketsAt
) -> None:
    hops = np.where(np.arange(100) < 60, 0.0, 300.0) + np.where(np.arange(100) < 61, 0.0, 300.0)
    frames = align(exact_bundle(pos_x=hops), packets_at(np.arange(100) * 50)).frames
    assert frames["x_m"].null_count() == 0
    assert frames.filter(pl.col("speed_mps").is_null())["frame_idx"].to_list() == [60]
