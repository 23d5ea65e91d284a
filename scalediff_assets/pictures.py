"""Small pictures for the UI: contact sheets, histograms with limits, paths from above, bars.

Each function returns a Markdown value with the picture inline. Inline pictures stay under about
50 kB, because event metadata lives in the instance's database; anything larger is linked.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COMMAND_COLOURS = {1: "#d95f02", 2: "#7570b3", 3: "#1b9e77", 4: "#666666"}
_COMMAND_NAMES = {1: "left", 2: "right", 3: "straight", 4: "follow lane"}
_THUMBNAIL_PX = 112
_SHEET_COLUMNS = 6
MAX_THUMBNAILS = 18


def markdown_picture(content: bytes, media_type: str, alt: str) -> dg.MarkdownMetadataValue:
    """Picture bytes as a Markdown value with a data URI."""
    encoded = base64.b64encode(content).decode()
    return dg.MetadataValue.md(f"![{alt}](data:{media_type};base64,{encoded})")


def contact_sheet(jpegs: Sequence[bytes]) -> dg.MarkdownMetadataValue:
    """Up to 18 JPEGs as one sheet of thumbnails, six a row."""
    return markdown_picture(contact_sheet_jpeg(jpegs), "image/jpeg", "contact sheet")


def contact_sheet_jpeg(jpegs: Sequence[bytes]) -> bytes:
    """The sheet as a JPEG."""
    import cv2
    import numpy as np

    tiles = []
    for jpeg in jpegs[:MAX_THUMBNAILS]:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            continue
        tiles.append(cv2.resize(picture, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA))
    blank = np.full((_THUMBNAIL_PX, _THUMBNAIL_PX, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % _SHEET_COLUMNS)
    rows = [np.hstack(tiles[i : i + _SHEET_COLUMNS]) for i in range(0, len(tiles), _SHEET_COLUMNS)]
    _, encoded = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return encoded.tobytes()


def histograms(
    values: Mapping[str, pl.Series], limits: Mapping[str, Sequence[float]]
) -> dg.MarkdownMetadataValue:
    """One histogram a signal, with the policy's limits as red lines."""
    figure, axes = _figure(len(values))
    for axis, (name, series) in zip(axes, values.items(), strict=True):
        axis.hist(series.drop_nulls().to_numpy(), bins=40, color="#4c78a8")
        for limit in limits.get(name, ()):
            axis.axvline(limit, color="#e45756", linewidth=1.5)
        axis.set_title(name, fontsize=8)
    return _rendered(figure, "signal histograms with the policy's limits")


def bars(title: str, counts: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Counts as horizontal bars, in the given order."""
    figure, (axis,) = _figure(1)
    shown = axis.barh(list(counts), list(counts.values()), color="#4c78a8")
    axis.bar_label(shown, fontsize=7)
    axis.invert_yaxis()
    axis.set_title(title, fontsize=8)
    return _rendered(figure, title)


def paths(frames: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Driven paths from above, coloured by navigation command; north (world X) is up.

    Args:
        frames: Rows with `x_m`, `y_m` and `command`.
    """
    known = frames.drop_nulls(["x_m", "y_m", "command"])
    figure, (axis,) = _figure(1)
    for command, name in _COMMAND_NAMES.items():
        part = known.filter(pl.col("command") == command)
        axis.scatter(part["y_m"], part["x_m"], s=1, color=_COMMAND_COLOURS[command], label=name)
    axis.set_aspect("equal", adjustable="datalim")
    axis.legend(fontsize=6, markerscale=5)
    axis.set_title("paths from above, metres", fontsize=8)
    return _rendered(figure, "driven paths from above")


def _figure(panels: int) -> "tuple[Figure, list[Any]]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure = Figure(figsize=(3.4 * columns if panels > 1 else 5.0, 1.9 * rows if panels > 1 else 3.2), dpi=80)
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]
    for axis in axes:
        axis.tick_params(labelsize=7)
    return figure, axes


def _rendered(figure: "Figure", alt: str) -> dg.MarkdownMetadataValue:
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return markdown_picture(buffer.getvalue(), "image/png", alt)
