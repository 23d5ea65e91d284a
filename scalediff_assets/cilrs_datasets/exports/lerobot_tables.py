"""The tables of a LeRobot v3.0 data set: frames, episodes, tasks, and their statistics.

Fixed-size lists for vectors, a row group for each episode, and pandas' index note in
`tasks.parquet`, because LeRobot looks tasks up by the index.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

STATE = ["x_m", "y_m", "yaw_rad", "speed_mps"]
ACTION = ["steer", "throttle", "brake"]
TASKS = ("turn left", "turn right", "go straight", "follow the lane")
"""Task i is navigation command i + 1."""

_COUNTER: dict[str, Any] = {"dtype": "int64", "shape": [1], "names": None}
DATA_FEATURES: dict[str, dict[str, Any]] = {
    "observation.state": {"dtype": "float32", "shape": [len(STATE)], "names": STATE},
    "action": {"dtype": "float32", "shape": [len(ACTION)], "names": ACTION},
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": _COUNTER,
    "episode_index": _COUNTER,
    "index": _COUNTER,
    "task_index": _COUNTER,
}

Statistics = dict[str, np.ndarray]


class DataFile:
    """One `data/…parquet`, a row group for each episode."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        self._schema = pa.schema([(name, _arrow_type(feature)) for name, feature in DATA_FEATURES.items()])
        self._writer = pq.ParquetWriter(path, self._schema, compression="snappy")

    def append(self, columns: Mapping[str, np.ndarray]) -> None:
        """Write one episode: an `(n,)` or `(n, k)` array for each feature."""
        import pyarrow as pa

        arrays = []
        for field in self._schema:
            values = np.ascontiguousarray(columns[field.name])
            flat = pa.array(values.reshape(-1))
            if values.ndim == 2:
                flat = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            arrays.append(flat.cast(field.type))
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        """Finish the file; closing twice is allowed."""
        self._writer.close()


class EpisodeTable:
    """The rows of `meta/episodes`, one an episode, with its statistics as `stats/{feature}/{name}`."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def append(self, row: Mapping[str, Any], statistics: Mapping[str, Statistics]) -> None:
        """Add one episode."""
        flat = {
            f"stats/{feature}/{name}": value.tolist()
            for feature, values in statistics.items()
            for name, value in values.items()
        }
        self._rows.append({**row, **flat})

    def write(self, path: Path) -> None:
        """Write all rows to one Parquet file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self._rows), path, compression="snappy")


def write_tasks(path: Path) -> None:
    """Write `tasks.parquet`: column `task_index`, and the task's words as the pandas index `task`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [_pandas_column("task_index", "int64", "int64"), _pandas_column("task", "unicode", "object")]
    note = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    table = pa.table({"task_index": list(range(len(TASKS))), "task": list(TASKS)})
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(note)}), path)


def array_statistics(values: np.ndarray) -> Statistics:
    """Minimum, maximum, mean, standard deviation and count over frames.

    Args:
        values: `(n,)` or `(n, k)`, or `(n, h, w, 3)` pictures in [0, 1], whose statistics are taken
            per colour and shaped `(3, 1, 1)`.
    """
    if values.ndim == 4:
        over: tuple[int, ...] = (0, 1, 2)
        shape: tuple[int, ...] = (3, 1, 1)
    else:
        over, shape = (0,), values.shape[1:] or (1,)
    wide = values.astype(np.float64)
    return {
        "min": wide.min(axis=over).reshape(shape),
        "max": wide.max(axis=over).reshape(shape),
        "mean": wide.mean(axis=over).reshape(shape),
        "std": wide.std(axis=over).reshape(shape),
        "count": np.array([len(values)]),
    }


def merged_statistics(episodes: Sequence[Mapping[str, Statistics]]) -> dict[str, dict[str, Any]]:
    """The statistics of all frames from those of the episodes, as JSON values.

    The variance of the whole is the mean of (variance + mean²) less the square of the mean, each
    weighted by the episode's frames.
    """
    merged = {}
    for feature in episodes[0] if episodes else ():
        parts = [episode[feature] for episode in episodes]
        weights = np.array([part["count"][0] for part in parts], dtype=np.float64)
        mean = np.average([part["mean"] for part in parts], axis=0, weights=weights)
        around = [part["std"] ** 2 + (part["mean"] - mean) ** 2 for part in parts]
        values = {
            "min": np.min([part["min"] for part in parts], axis=0),
            "max": np.max([part["max"] for part in parts], axis=0),
            "mean": mean,
            "std": np.sqrt(np.average(around, axis=0, weights=weights)),
            "count": np.array([int(weights.sum())]),
        }
        merged[feature] = {name: value.tolist() for name, value in values.items()}
    return merged


def _arrow_type(feature: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    scalar = {"float32": pa.float32(), "int64": pa.int64()}[feature["dtype"]]
    (size,) = feature["shape"]
    return scalar if size == 1 else pa.list_(scalar, size)


def _pandas_column(name: str, pandas_type: str, numpy_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": pandas_type,
        "numpy_type": numpy_type,
        "metadata": None,
    }
