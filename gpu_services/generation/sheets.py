"""Clips for people: contact sheets."""

from collections.abc import Sequence

import cv2
import numpy as np

from gpu_services.generation.clips import Clips

_GAP_PX = 2
_LABEL_PX = 14


def contact_sheet(rows: Sequence[tuple[str, Clips]], *, width_px: int = 96) -> bytes:
    """A PNG with a row of pictures for each clip, under its label.

    Args:
        rows: (label, clip) pairs; clips are shown with all or 8 of their pictures.
        width_px: Of each picture.
    """
    strips = [_strip(label, clip, width_px) for label, clip in rows]
    wide = max(strip.shape[1] for strip in strips)
    padded = [
        np.pad(strip, ((0, 0), (0, wide - strip.shape[1]), (0, 0)), constant_values=255) for strip in strips
    ]
    done, content = cv2.imencode(".png", np.concatenate(padded)[..., ::-1])
    if not done:
        raise ValueError(f"a sheet of {len(rows)} rows could not be encoded; draw fewer")
    return bytes(content)


def _widened(strip: Clips, width_px: int) -> Clips:
    return np.pad(strip, ((0, 0), (0, width_px - strip.shape[1]), (0, 0)), constant_values=255)


def _strip(label: str, clip: Clips, width_px: int) -> Clips:
    shown = np.linspace(0, len(clip) - 1, min(8, len(clip))).round().astype(int)
    height_px = max(1, round(width_px * clip.shape[1] / clip.shape[2]))
    pictures = [
        np.pad(
            cv2.resize(clip[place], (width_px, height_px), interpolation=cv2.INTER_NEAREST),
            ((0, _GAP_PX), (0, _GAP_PX), (0, 0)),
            constant_values=255,
        )
        for place in shown
    ]
    line = np.concatenate(pictures, 1)
    head = np.full((_LABEL_PX, line.shape[1], 3), 255, np.uint8)
    cv2.putText(head, label, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([head, line])
