"""Clips for people: a strip of pictures each, under a label; small for the UI, larger for files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from resources.connections import Connections
from scalediff_assets.driving_clips.tables import read_clips
from scalediff_contract.clip_manifests import ClipManifest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.uint8]

_LABEL_PX, _GAP_PX = 14, 2
_COLUMNS_SHOWN = 4
MAX_ROWS = 12


def clip_sheet(rows: "Sequence[tuple[str, Frames]]", *, width_px: int = 72, columns: int = 1) -> bytes:
    """A JPEG with a strip of pictures for each clip, `columns` clips beside each other.

    Args:
        rows: (label, `(T, H, W, 3) uint8` RGB) pairs; at most 4 pictures of a clip are shown.
        width_px: Of a picture.
        columns: Clips in a line.
    """
    import cv2
    import numpy as np

    strips = [_strip(label, clip, width_px) for label, clip in rows]
    tall, wide = (max(strip.shape[axis] for strip in strips) for axis in (0, 1))
    blank = np.full((tall, wide, 3), 255, np.uint8)
    tiles = [_placed(strip, blank) for strip in strips]
    tiles += [blank] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    _, content = cv2.imencode(".jpg", np.vstack(lines)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return bytes(content)


def sheet_metadata(rows: "Sequence[tuple[str, Frames]]") -> dg.MarkdownMetadataValue:
    """A sheet for the UI, inline; two clips a line."""
    from scalediff_assets.pictures import markdown_picture

    return markdown_picture(clip_sheet(rows[:MAX_ROWS], columns=2), "image/jpeg", "contact sheet of clips")


def manifest_sheet(connections: Connections, name: str, manifest: ClipManifest) -> dg.MarkdownMetadataValue:
    """One clip of each category, held-out ones first."""
    chosen: dict[str, str] = {}
    for clip in sorted(manifest.clips, key=lambda clip: (clip.split == "train", clip.clip_id)):
        chosen.setdefault(clip.category, clip.clip_id)
    wanted = {clip_id: category for category, clip_id in list(chosen.items())[:MAX_ROWS]}
    found = [
        (wanted[clip.clip_id], frames)
        for clip, frames in read_clips(connections, name, manifest)
        if clip.clip_id in wanted
    ]
    return sheet_metadata(sorted(found, key=lambda each: each[0]))


def _strip(label: str, clip: "Frames", width_px: int) -> "Frames":
    import cv2
    import numpy as np

    shown = np.linspace(0, len(clip) - 1, min(_COLUMNS_SHOWN, len(clip))).round().astype(int)
    height_px = max(1, round(width_px * clip.shape[1] / clip.shape[2]))
    size = (width_px, height_px)
    pictures = [cv2.resize(clip[place], size, interpolation=cv2.INTER_LINEAR) for place in shown]
    gap = ((0, _GAP_PX), (0, _GAP_PX), (0, 0))
    line = np.concatenate([np.pad(each, gap, constant_values=255) for each in pictures], 1)
    head = np.full((_LABEL_PX, line.shape[1] + 3 * _GAP_PX, 3), 255, np.uint8)
    cv2.putText(head, label, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.34, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([head, np.pad(line, ((0, 0), (0, 3 * _GAP_PX), (0, 0)), constant_values=255)])


def _placed(strip: "Frames", blank: "Frames") -> "Frames":
    tile = blank.copy()
    tile[: strip.shape[0], : strip.shape[1]] = strip
    return tile
