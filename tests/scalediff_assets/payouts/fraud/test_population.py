"""Honest simulated drivers and attacks made from their drives; in large: `python -m benchmarks.fraud`."""

import tempfile
from pathlib import Path

import pytest

from benchmarks import fraud_attacks as attacks
from benchmarks.fraud_attacks import Drives
from benchmarks.fraud_drives import SCRIPTS, DriveSpec, frames_of, honest_specs, scripted_specs, ticks_of
from benchmarks.fraud_judging import fraud_report
from benchmarks.fraud_report import FraudReport, Share, draw
from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.payouts.fraud.motion import unexplained_motion
from scalediff_assets.payouts.fraud.tracks import Track, tracks_of
from scalediff_assets.payouts.policy import load_price_policy
from scalediff_assets.raw_sessions.bundle import parse_bundle
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordingSpec, record_session

LIMITS = load_price_policy().fraud
SECONDS = 30.0
STEERING_SEED = (
    900_005  # a road on which the pulsed autopilot has to steer; on a straight one it shows no beat
)


@pytest.fixture(scope="module")
def honest() -> Drives:
    """Drives of every style."""
    return [(spec, ticks_of(spec)) for spec in honest_specs(8, duration_s=SECONDS)]


@pytest.fixture(scope="module")
def scripts() -> Drives:
    """One drive of each script."""
    specs = scripted_specs(len(SCRIPTS), duration_s=SECONDS, first_seed=STEERING_SEED)
    return [(spec, ticks_of(spec)) for spec in specs]


@pytest.fixture(scope="module")
def judged(honest: Drives, scripts: Drives) -> FraudReport:
    """Everybody but the films."""
    return fraud_report(honest, scripts, [])


@pytest.mark.slow
def test_no_rule_hits_the_honest_and_every_kind_of_attack_is_stopped(judged: FraudReport) -> None:
    assert {rule: share.hits for rule, share in judged.honest.items() if share.hits} == {}
    assert {kind: share.rate for kind, share in judged.stopped.items() if share.rate < 1.0} == {}


@pytest.mark.slow
def test_every_attack_is_stopped_by_the_rule_that_was_made_for_it(judged: FraudReport) -> None:
    wanted = {
        "copied drive": "copied_drive", "scripted input": "scripted_input", "farming": "farmed_scenario",
        "many wallets": "crowded_network", "no server session": "no_server_session",
        "replayed inputs": "replayed_inputs",
    }  # fmt: skip
    for kind, hits in judged.by_rule.items():
        assert hits[wanted[kind.partition(",")[0]]] > 0, kind


@pytest.mark.slow
def test_the_report_is_a_table_with_intervals_and_a_picture(judged: FraudReport) -> None:
    text = judged.markdown()
    assert "| `copied_drive` | 0 of 8 | 0.0 % | 0.0 … 32.4 % |" in text
    assert draw(judged).startswith(b"\x89PNG")


def test_an_interval_is_wilsons() -> None:
    low, high = Share(hits=4, n=800).interval
    assert (round(low, 4), round(high, 4)) == (0.0019, 0.0128)


@pytest.mark.slow
def test_honest_keys_explain_the_motion_and_another_drives_keys_do_not(honest: Drives) -> None:
    def measured(*uploads: attacks.Upload) -> list[float]:
        tracks: list[Track] = [
            track for upload in uploads for track in tracks_of(upload.frames, [upload.session_id])
        ]
        found = unexplained_motion(tracks, turned_min_rad=0.5, paced_min_mps=8.0)
        return [each.turning for each in found if each.turning is not None]

    limit = LIMITS.unexplained_motion.turning_min
    own = measured(*attacks.honest_uploads(honest))
    others = measured(*(upload for upload in attacks.replayed_inputs(honest, 8) if "over" in upload.kind))
    assert own
    assert others
    assert max(own) < limit < sorted(others)[len(others) // 2]


@pytest.mark.slow
def test_the_drives_of_the_report_are_what_the_lake_would_hold_of_their_recordings() -> None:
    spec = DriveSpec(seed=3, style="late", duration_s=8.0, person=11)
    bundle = record_session(RecordingSpec(seed=3, driver="late", person=11, duration_s=8.0, video=False))
    logs = (BundleFile.INPUTS, BundleFile.CAMERA, BundleFile.LATENCY, BundleFile.META)
    parsed = parse_bundle(bundle.session_id, bundle.wallet, {file: bundle.files[file] for file in logs})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.webm"
        path.write_bytes(bundle.files[BundleFile.VIDEO])
        lake = align_session(parsed, read_packets(path), latency_upload_ms=None).frames
    made = frames_of(ticks_of(spec), bundle.session_id, spec.seed)
    both = lake.with_columns(
        tick=((lake["game_t_ms"] - parsed.camera["t_ms"][0]) / 50).round().cast(int)
    ).join(
        made.with_columns(tick=(made["game_t_ms"] / 50 - made["game_t_ms"][0] / 50).round().cast(int)),
        on="tick",
    )
    assert both.height > 100
    for name in ("x_m", "y_m", "yaw_rad"):
        assert float((both[name] - both[f"{name}_right"]).abs().max() or 0.0) < 0.01  # type: ignore[arg-type]
    for name in ("held_w", "held_a", "held_s", "held_d", "control_source"):
        assert (both[name] == both[f"{name}_right"]).mean() > 0.99  # type: ignore[operator]
