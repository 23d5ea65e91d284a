"""The LeRobot layout, checked file by file against codebase v3.0; the package itself needs torchvision."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalediff_assets.cilrs_datasets.exports import export_dataset, lerobot

VIDEO = "observation.images.front"
HZ = 5
INFO_KEYS = {
    "codebase_version", "robot_type", "total_episodes", "total_frames", "total_tasks", "chunks_size",
    "data_files_size_in_mb", "video_files_size_in_mb", "fps", "splits", "data_path", "video_path", "features",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(make_day: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine episodes of 25 frames at 5 Hz."""
    day = make_day()
    out = tmp_path_factory.mktemp("lerobot") / "out"
    export_dataset(day.build(), day.reader(), out, layout="lerobot", hz=HZ)
    return out


def info_of(root: Path) -> dict[str, Any]:
    info: dict[str, Any] = json.loads((root / "meta" / "info.json").read_text())
    return info


def episodes_of(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    return rows


def data_path(root: Path, episode: dict[str, Any]) -> Path:
    path: str = info_of(root)["data_path"]
    return root / path.format(chunk_index=episode["data/chunk_index"], file_index=episode["data/file_index"])


def video_path(root: Path, episode: dict[str, Any]) -> Path:
    path: str = info_of(root)["video_path"]
    chunk, file = episode[f"videos/{VIDEO}/chunk_index"], episode[f"videos/{VIDEO}/file_index"]
    return root / path.format(video_key=VIDEO, chunk_index=chunk, file_index=file)


def decoded(path: Path) -> tuple[list[float], list[float], list[bool]]:
    """Time stamps in seconds, mean gray levels and key frame flags of a video."""
    with av.open(str(path)) as container:
        frames = [(float(f.time or 0.0), float(f.to_ndarray(format="gray").mean()), f.key_frame)
                  for f in container.decode(video=0)]  # fmt: skip
    times, levels, keys = zip(*frames, strict=True)
    return list(times), list(levels), list(keys)


def test_info_has_the_fields_of_version_3(root: Path) -> None:
    info = info_of(root)
    assert set(info) == INFO_KEYS
    assert info["codebase_version"] == "v3.0"
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (HZ, 9, 225)
    assert info["splits"] == {"train": "0:9"}
    assert info["data_path"] == "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    assert info["video_path"] == "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        assert info["features"][name]["shape"] == [1]
    assert info["features"][VIDEO]["dtype"] == "video"
    assert info["features"][VIDEO]["shape"] == [256, 256, 3]


def test_data_columns_are_the_declared_features_in_type_and_shape(root: Path) -> None:
    features = {name: f for name, f in info_of(root)["features"].items() if f["dtype"] != "video"}
    file = pq.ParquetFile(data_path(root, episodes_of(root)[0]))
    schema = file.schema_arrow
    assert set(schema.names) == set(features)
    for name, feature in features.items():
        scalar = {"float32": pa.float32(), "int64": pa.int64()}[feature["dtype"]]
        (size,) = feature["shape"]
        assert schema.field(name).type == (scalar if size == 1 else pa.list_(scalar, size))
        assert feature["names"] is None or len(feature["names"]) == size
    assert file.num_row_groups == 9


def test_rows_count_up_and_time_is_frame_over_rate(root: Path) -> None:
    table = pq.read_table(data_path(root, episodes_of(root)[0]))
    assert table["index"].to_pylist() == list(range(225))
    assert table["episode_index"].to_pylist() == [i // 25 for i in range(225)]
    assert table["frame_index"].to_pylist() == [i % 25 for i in range(225)]
    assert np.allclose(table["timestamp"].to_numpy(), np.arange(225) % 25 / HZ)
    actions = np.array(table["action"].to_pylist())
    assert actions.shape == (225, 3)
    assert np.isfinite(actions).all()


def test_episodes_point_into_data_and_video(root: Path) -> None:
    episodes = episodes_of(root)
    assert [e["episode_index"] for e in episodes] == list(range(9))
    for i, episode in enumerate(episodes):
        assert (episode["dataset_from_index"], episode["dataset_to_index"]) == (25 * i, 25 * i + 25)
        assert episode["length"] == 25
        assert episode[f"videos/{VIDEO}/from_timestamp"] == pytest.approx(5.0 * i)
        assert episode[f"videos/{VIDEO}/to_timestamp"] == pytest.approx(5.0 * i + 5.0)
        assert data_path(root, episode).exists()
        assert video_path(root, episode).exists()
        assert (episode["meta/episodes/chunk_index"], episode["meta/episodes/file_index"]) == (0, 0)


def test_tasks_are_found_by_their_words_through_the_pandas_index(root: Path) -> None:
    table = pq.read_table(root / "meta" / "tasks.parquet")
    note = json.loads(table.schema.metadata[b"pandas"])
    assert note["index_columns"] == ["task"]
    words = table["task"].to_pylist()
    assert table["task_index"].to_pylist() == list(range(info_of(root)["total_tasks"]))
    rows = pq.read_table(data_path(root, episodes_of(root)[0]))
    for episode in episodes_of(root):
        own = rows.slice(episode["dataset_from_index"], episode["length"])["task_index"].to_pylist()
        assert episode["tasks"] == [words[i] for i in sorted(set(own))]


def test_video_frames_have_the_right_count_order_and_times(root: Path) -> None:
    times, levels, keys = decoded(video_path(root, episodes_of(root)[0]))
    assert len(times) == 225
    assert times == pytest.approx([i / HZ for i in range(225)], abs=1e-4)
    expected = [40 + 8 * ((2 * i) % 24) for i in range(25)] * 9
    assert levels == pytest.approx(expected, abs=2)
    assert keys[::2] == [True] * 113


def test_statistics_are_those_of_the_data(root: Path) -> None:
    stats = json.loads((root / "meta" / "stats.json").read_text(), parse_constant=pytest.fail)
    features = info_of(root)["features"]
    assert set(stats) == set(features)
    rows = pq.read_table(data_path(root, episodes_of(root)[0]))
    for name in ("action", "observation.state", "timestamp"):
        values = np.array(rows[name].to_pylist(), dtype=np.float64).reshape(225, -1)
        for statistic, expected in (("min", values.min(0)), ("mean", values.mean(0)), ("std", values.std(0))):
            assert np.array(stats[name][statistic]) == pytest.approx(expected, abs=1e-6)
        assert stats[name]["count"] == [225]
    assert np.array(stats[VIDEO]["mean"]).shape == (3, 1, 1)
    assert 0 < stats[VIDEO]["min"][0][0][0] < stats[VIDEO]["max"][0][0][0] <= 1


def test_each_episode_carries_its_own_statistics(root: Path) -> None:
    episode = episodes_of(root)[0]
    assert episode["stats/frame_index/max"] == [24]
    assert episode[f"stats/{VIDEO}/count"] == [25]
    assert np.array(episode[f"stats/{VIDEO}/mean"]).shape == (3, 1, 1)


def test_full_files_are_followed_by_the_next_pair(
    day: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lerobot, "FRAMES_PER_FILE", 60)
    export_dataset(day.build(), day.reader(), tmp_path / "out", layout="lerobot", hz=HZ)
    root = tmp_path / "out"
    episodes = episodes_of(root)
    assert [e["data/file_index"] for e in episodes] == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert episodes[3][f"videos/{VIDEO}/from_timestamp"] == pytest.approx(5.0)
    for episode in episodes:
        assert video_path(root, episode).exists()
    assert len(decoded(video_path(root, episodes[2]))[0]) == 50
    assert pq.read_table(data_path(root, episodes[8]))["index"].to_pylist() == list(range(200, 225))
