"""Figures as PNG bytes: for artifacts, cards and films' posters. Inline pictures are in `pictures.py`."""

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(rows: int, columns: int, size_inch: tuple[float, float]) -> "tuple[Figure, list[Any]]":
    """A figure without a window, and its axes in reading order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=size_inch, dpi=90)
    FigureCanvasAgg(drawn)
    axes = list(drawn.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.tick_params(labelsize=7)
    return drawn, axes


def png(drawn: "Figure") -> bytes:
    """The figure as a PNG; equal figures give equal bytes."""
    drawn.tight_layout()
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
