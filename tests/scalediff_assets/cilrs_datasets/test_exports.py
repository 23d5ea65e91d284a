"""Each layout is read back by an independent reader of its contract."""

import gc
import json
import math
import re
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import simplejpeg
import webdataset as wds

from scalediff_assets.cilrs_datasets.exports import ExportError, ExportSummary, export_dataset
from scalediff_assets.schemas import FRAMES

NAN = float("nan")


def exported(day: Any, out: Path, layout: Any, **options: Any) -> ExportSummary:
    return export_dataset(day.build(), day.reader(), out, layout=layout, **options)


def spoil(day: Any, where: pl.Expr, **values: Any) -> None:
    """Set columns of every session's frames where the condition holds."""
    for session_id, frames in day.shards.items():
        day.shards[session_id] = frames.with_columns(
            pl.when(where).then(pl.lit(value)).otherwise(pl.col(name)).cast(frames.schema[name]).alias(name)
            for name, value in values.items()
        )


class TrainerReader:
    """Reads route folders by the trainer's rules: 04d names, list neighbours, missing images skipped."""

    PRED_LEN = 4

    def __init__(self, root: Path) -> None:
        self.samples: list[dict[str, Any]] = []
        self.skipped = 0
        self.routes = sorted(root.glob("route_*"))
        for route in self.routes:
            self._read(route)

    def _read(self, route: Path) -> None:
        rows = json.loads((route / "measurements.json").read_text())
        for i, row in enumerate(rows):
            image = route / "rgb_front" / f"{row.get('frame', i):04d}.jpg"
            if not image.exists():
                self.skipped += 1
                continue
            following = rows[i + 1 : i + 1 + self.PRED_LEN]
            self.samples.append(
                {
                    "image": image,
                    "command": min(max(int(row["command"]), 1), 4) - 1,
                    "speed": row["speed"] / 30.0,
                    "controls": [row["steer"], row["throttle"], row["brake"]],
                    "waypoints": [self._ego(row, other) for other in following],
                }
            )

    @staticmethod
    def _ego(row: dict[str, float], other: dict[str, float]) -> tuple[float, float]:
        dx, dy = other["x"] - row["x"], other["y"] - row["y"]
        cos, sin = math.cos(row["theta"]), math.sin(row["theta"])
        return cos * dx + sin * dy, cos * dy - sin * dx


def test_the_trainer_reads_every_exported_frame_and_skips_none(day: Any, tmp_path: Path) -> None:
    summary = exported(day, tmp_path / "out", "cilrs")
    read = TrainerReader(tmp_path / "out")
    assert read.skipped == 0
    assert len(read.samples) == summary.frames_written == 9 * 25
    assert len(read.routes) == summary.units == 9
    assert {sample["command"] for sample in read.samples} == {0, 1, 2, 3}
    assert all(len(sample["controls"]) == 3 for sample in read.samples)


def test_waypoints_lie_ahead_at_a_constant_step(day: Any, tmp_path: Path) -> None:
    exported(day, tmp_path / "out", "cilrs")
    first = TrainerReader(tmp_path / "out").samples[0]
    ahead = [x for x, _ in first["waypoints"]]
    assert np.diff([0.0, *ahead]) == pytest.approx([2.0] * 4)  # 10 m/s at 5 Hz
    assert [y for _, y in first["waypoints"]] == pytest.approx([1.0, 2.0, 3.0, 4.0])


def test_pictures_belong_to_their_rows(day: Any, tmp_path: Path) -> None:
    exported(day, tmp_path / "out", "cilrs")
    route = sorted((tmp_path / "out").glob("route_*"))[0]
    for row in json.loads((route / "measurements.json").read_text()):
        picture = simplejpeg.decode_jpeg((route / "rgb_front" / f"{row['frame']:04d}.jpg").read_bytes())
        number = round((row["speed"] - 10.0) / 0.1)
        assert picture.shape == (256, 256, 3)
        assert abs(float(picture.mean()) - (40 + 8 * (number % 24))) < 2


def test_rows_have_the_contracts_keys_and_only_finite_numbers(day: Any, tmp_path: Path) -> None:
    exported(day, tmp_path / "out", "cilrs")
    for path in (tmp_path / "out").glob("route_*/measurements.json"):
        rows = json.loads(path.read_text(), parse_constant=pytest.fail)
        assert [row["frame"] for row in rows] == list(range(len(rows)))
        for row in rows:
            assert list(row) == ["frame", "x", "y", "theta", "speed", "command", "steer", "throttle", "brake"]
            assert all(isinstance(value, int | float) and math.isfinite(value) for value in row.values())
            assert row["command"] in (1, 2, 3, 4)


@pytest.mark.parametrize("digits", [4, 5])
def test_names_have_the_asked_digits_and_never_both(day: Any, tmp_path: Path, digits: int) -> None:
    summary = exported(day, tmp_path / "out", "cilrs", digits=digits)
    names = {path.name for path in (tmp_path / "out").glob("route_*/rgb_front/*.jpg")}
    assert all(re.fullmatch(rf"\d{{{digits}}}\.jpg", name) for name in names)
    assert summary.digits == digits


def test_a_frame_without_labels_ends_a_route_and_another_begins(day: Any, tmp_path: Path) -> None:
    spoil(day, pl.col("frame_idx") == 1000 + 3 * 24, steer=None)
    summary = exported(day, tmp_path / "out", "cilrs")
    assert summary.units == 9 + 3
    assert summary.frames_written == 9 * 25 - 3
    read = TrainerReader(tmp_path / "out")
    steps = [sample["waypoints"][0][0] for sample in read.samples if sample["waypoints"]]
    assert max(steps) < 2.5


def test_an_unlabelled_frame_between_grid_points_costs_nothing(day: Any, tmp_path: Path) -> None:
    spoil(day, pl.col("frame_idx") == 1000 + 3 * 25, x_m=NAN)
    assert exported(day, tmp_path / "out", "cilrs").units == 9


def test_stretches_too_short_for_waypoints_are_left_out(day: Any, tmp_path: Path) -> None:
    spoil(day, pl.col("frame_idx").is_between(1000 + 3 * 8, 1000 + 3 * 149), command=None)
    summary = exported(day, tmp_path / "out", "cilrs")
    assert summary.segments == 9
    assert summary.segments_written == 6


def test_an_irregular_stream_stays_within_half_a_step(make_day: Callable[..., Any], tmp_path: Path) -> None:
    summary = exported(make_day(jitter_ms=30), tmp_path / "out", "cilrs")
    assert summary.units == 9
    assert summary.max_grid_error_ms is not None
    assert 0 < summary.max_grid_error_ms <= 100


def test_the_clean_bucket_keeps_every_frame_with_all_its_columns(day: Any, tmp_path: Path) -> None:
    spoil(day, pl.col("frame_idx") == 1000, steer=None)
    summary = exported(day, tmp_path / "out", "clean-bucket")
    assert summary.frames_written == 450
    place = tmp_path / "out" / "wallet-a" / "session_1769925785000_a" / "segment_001"
    rows = json.loads((place / "aligned.json").read_text(), parse_constant=pytest.fail)
    assert len(rows) == len(list((place / "frames").iterdir())) == 50
    assert set(rows[0]) == {"file", *FRAMES.schema.names()} - {"session_id"}
    assert rows[0]["steer"] is None
    assert (place / rows[49]["file"]).name == "0049.jpg"
    quality = json.loads((place / "quality.json").read_text())
    assert quality["score"] == 0.75
    assert quality["policy_hash"] == "p" * 64
    assert quality["origin"] == "game"


def test_the_webdataset_package_reads_every_sample_in_order(day: Any, tmp_path: Path) -> None:
    summary = exported(day, tmp_path / "out", "webdataset")
    shards = sorted(str(path) for path in (tmp_path / "out").glob("*.tar"))
    with warnings.catch_warnings():  # the package closes its files only when they are collected
        warnings.simplefilter("ignore", ResourceWarning)
        samples = list(wds.WebDataset(shards, shardshuffle=False))
        gc.collect()
    assert len(samples) == summary.frames_written == 450
    assert [s["__key__"] for s in samples] == sorted(s["__key__"] for s in samples)
    labels = [json.loads(sample["json"], parse_constant=pytest.fail) for sample in samples]
    assert labels[0]["segment_id"] == "session_1769925785000_a_001"
    assert {label["origin"] for label in labels} == {"game"}
    for sample, label in zip(samples, labels, strict=True):
        assert sample["__key__"] == f"{label['segment_id']}_{label['frame_idx']:06d}"
    assert simplejpeg.decode_jpeg(samples[3]["jpg"]).shape == (256, 256, 3)


def test_tars_of_the_same_data_are_the_same_bytes(make_day: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("one", "two"):
        exported(make_day(), tmp_path / name, "webdataset")
    first, second = (tmp_path / name / "shard-000000.tar" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as tar:
        assert {(member.mtime, member.uid, member.gid) for member in tar} == {(0, 0, 0)}


def test_large_exports_are_cut_into_several_tars(make_day: Callable[..., Any], tmp_path: Path) -> None:
    summary = exported(make_day(sessions=4, segments=8, frames=70), tmp_path / "out", "webdataset")
    assert summary.frames_written == 2240
    assert [path.name for path in sorted((tmp_path / "out").glob("*.tar"))] == [
        "shard-000000.tar",
        "shard-000001.tar",
    ]


@pytest.mark.parametrize("layout", ["cilrs", "clean-bucket", "webdataset", "lerobot"])
def test_a_folder_in_use_is_refused_and_left_alone(day: Any, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(ExportError, match=r"out exists and is not an empty folder; name a new one"):
        exported(day, out, layout)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "mine.txt").read_text() == "keep"


def test_an_empty_folder_is_filled(day: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    exported(day, tmp_path / "out", "cilrs")
    assert (tmp_path / "out" / "export.json").exists()


@pytest.mark.parametrize("layout", ["cilrs", "clean-bucket", "webdataset", "lerobot"])
def test_an_export_that_fails_half_way_leaves_nothing(day: Any, tmp_path: Path, layout: Any) -> None:
    read, index = day.reader(), day.build()

    def failing(segment: Any) -> pl.DataFrame:
        if segment.segment_id.endswith("b_002"):
            raise OSError("the store went away")
        rows: pl.DataFrame = read(segment)
        return rows

    with pytest.raises(OSError, match="the store went away"):
        export_dataset(index, failing, tmp_path / "out", layout=layout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ["cilrs", "lerobot", "webdataset"])
def test_an_export_without_a_frame_is_refused(day: Any, tmp_path: Path, layout: Any) -> None:
    index = day.build().clear()
    with pytest.raises(ExportError, match="none of 0 segments has a frame to write"):
        export_dataset(index, day.reader(), tmp_path / "out", layout=layout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"digits": 6}, "digits 6 is not 4"),
        ({"hz": 0}, "hz 0 is not in 1 to 60"),
        ({"layout": "x"}, "layout 'x'"),
    ],
)
def test_arguments_out_of_range_are_named(
    day: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        exported(day, tmp_path / "out", **{"layout": "cilrs", **options})


def test_progress_counts_segments_to_the_end(day: Any, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    exported(day, tmp_path / "out", "webdataset", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 9) for i in range(1, 10)]


def test_the_summary_is_stored_with_the_export(day: Any, tmp_path: Path) -> None:
    summary = exported(day, tmp_path / "out", "cilrs")
    stored = json.loads((tmp_path / "out" / "export.json").read_text())
    assert stored["dataset_hash"] == summary.dataset_hash
    assert stored["frames"] == 450
    assert stored["hz"] == 5
