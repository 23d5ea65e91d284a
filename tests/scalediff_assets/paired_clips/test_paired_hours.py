"""Hours with both videos through the real graph: who is paired, who is not and why, what the policy says."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from resources.tables import read_tables
from scalediff_assets.pair_schemas import PairedClips
from scalediff_assets.paired_clips.pairing import read_pairs
from scalediff_assets.schemas import QualityScores
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle
from world.recorder.hallucinate import is_hallucinated

pytestmark = pytest.mark.slow
Record = Callable[..., RecordedBundle]


def tables(platform: Any, asset: str, kind: Any) -> Any:
    return read_tables(platform.connections.lake(), asset, platform.hour, kind)


@pytest.fixture
def hour(platform: Any, both: Record, recorded: Record) -> Any:
    """An honest session, one that shifts the street, and without its log; one with the painting alone."""
    platform.upload(both(1), both(2, hallucination="shifted", source_log=False), recorded(4, duration_s=6.0))
    platform.take_in()
    assert platform.run().success
    return platform


def test_an_hour_is_paired_by_frame_id_and_judged(hour: Any, both: Record, recorded: Record) -> None:
    paired = tables(hour, "paired_clips", PairedClips)
    clips = {row["session_id"]: row for row in paired.clips.iter_rows(named=True)}
    honest, shifted = both(1), both(2, hallucination="shifted", source_log=False)
    assert [clips[each.session_id]["frame_ids"] for each in (honest, shifted)] == ["sidecar", "stamp"]
    assert clips[recorded(4, duration_s=6.0).session_id]["state"] == "no_source"
    for bundle in (honest, shifted):
        _assert_true_pairs(paired.pairs.filter(session_id=bundle.session_id), bundle)
    _assert_hallucination_is_seen(hour, paired.pairs, honest, shifted)
    row = clips[honest.session_id]
    shard = read_pairs(hour.connections.lake().get(row["shard_key"]))
    assert shard.height == row["pairs"] == paired.pairs.filter(session_id=honest.session_id).height
    assert all(jpeg[:2] == b"\xff\xd8" for name in ("source_jpeg", "painted_jpeg") for jpeg in shard[name])


def _assert_true_pairs(pairs: pl.DataFrame, bundle: RecordedBundle) -> None:
    """Every pair shows the frame that the recording's truth names, before and after painting."""
    truth = dict(bundle.truth.frames.select("frame_idx", "sim_frame").iter_rows())
    assert pairs.height > 20
    assert [truth[n] for n in pairs["frame_idx"]] == pairs["sim_frame"].to_list()
    assert pairs["source_idx"].to_list() == pairs["sim_frame"].to_list()


def _assert_hallucination_is_seen(
    hour: Any, pairs: pl.DataFrame, honest: RecordedBundle, shifted: RecordedBundle
) -> None:
    ticks = 105  # 7 s at 15 frames a second
    planted = np.array(
        [
            is_hallucinated("shifted", k / ticks)
            for k in pairs.filter(session_id=shifted.session_id)["sim_frame"]
        ]
    )
    layout = pairs.filter(session_id=shifted.session_id)["pair_layout"].to_numpy()
    assert layout[planted].max() < layout[~planted].min()
    verdicts = tables(hour, "quality_scores", QualityScores).segments
    refused = verdicts.filter(pl.col("reasons").list.contains("hallucination"))["session_id"]
    assert set(refused) == {shifted.session_id}
    assert honest.session_id in set(verdicts["session_id"])
    unpaired = verdicts.filter(pl.col("pairs") == 0)
    assert unpaired.height
    assert unpaired["hallucinated_share"].null_count() == unpaired.height


def test_the_meta_s_promise_of_a_source_is_waited_for(platform: Any, both: Record) -> None:
    objects = both(1).objects("recorded")
    late = {key: content for key, content in objects.items() if key.endswith("_source.webm")}
    platform.put({key: content for key, content in objects.items() if key not in late})
    platform.take_in()
    row = platform.sessions()[both(1).session_id]
    assert (row["status"], "source_video" in row["detail"]) == ("quarantined", True)
    platform.put(late, hours_ago=-1)
    platform.take_in()
    hour = platform.sessions()[both(1).session_id]["hour"]
    assert platform.run(hour=hour).success
    (clip,) = read_tables(platform.connections.lake(), "paired_clips", hour, PairedClips).clips["state"]
    assert clip == "paired"


def test_a_sidecar_that_belongs_to_another_video_is_a_row_with_a_reason(platform: Any, both: Record) -> None:
    bundle = both(1)
    latency = json.loads(bundle.files[BundleFile.LATENCY])
    latency["sourceFrames"] = [[n, us, frame + 3, rtp] for n, us, frame, rtp in latency["sourceFrames"]]
    platform.upload(_with_latency(bundle, latency))
    platform.take_in()
    assert platform.run().success
    (clip,) = tables(platform, "paired_clips", PairedClips).clips.iter_rows(named=True)
    assert (clip["state"], clip["reason"], clip["pairs"]) == ("rejected", "frame_id_mismatch", 0)
    assert "105 of 105 source frames are stamped with another id" in clip["detail"]
    assert tables(platform, "quality_scores", QualityScores).segments["pairs"].sum() == 0


def _with_latency(bundle: RecordedBundle, latency: dict[str, Any]) -> RecordedBundle:
    """A copy with another latency log, its hash in the meta mended."""
    content = json.dumps(latency).encode()
    meta = json.loads(bundle.files[BundleFile.META])
    meta["files"]["latency"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files = {BundleFile.LATENCY: content, BundleFile.META: json.dumps(meta).encode()}
    return replace(bundle, files={**bundle.files, **files})
