"""Raw per-frame signals at 256x256, full-range luma.

Measured in the loop: Laplacian energy, histogram, difference to the previous frame, now and then a
perceptual hash. Derived from the histograms after the loop, vectorised: mean, spread, entropy,
change. Thresholds are not known here; a policy holds them.
"""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pdqhash
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.schemas import SIGNALS

SIDE_PX = 256
_PIXELS = SIDE_PX * SIDE_PX
_LEVELS = 256
_BINS = 64
# PDQ reduces every picture to 64x64 before its DCT; starting from 128x128 costs a quarter.
_HASHED_SIDE_PX = 128

# A cut: the histogram alone (real drives stay under 0.25), or both signals together. Real
# teleports were seen at hist_change 0.17 and 0.25 with motion 25 and 20; other frames of those
# sessions stay under 0.11 or under 11.
CUT_HIST_CHANGE = 0.30
CUT_HIST_CHANGE_WITH_MOTION = 0.15
CUT_MOTION = 15.0

Luma = NDArray[np.uint8]
Histograms = NDArray[np.floating[Any]]


@dataclass(kw_only=True)
class FrameMeasures:
    """Grows by one row per frame; `frame` turns it into SIGNALS."""

    indices: list[int] = field(default_factory=list)
    pts_ms: list[int] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    motion: list[float | None] = field(default_factory=list)
    histograms: list[NDArray[Any]] = field(default_factory=list)
    hashes: list[tuple[str, int] | None] = field(default_factory=list)
    _previous: Luma | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, index: int, pts_ms: int, luma: Luma, pdq_hash: tuple[str, int] | None) -> None:
        """Measure one frame.

        Args:
            index: Frame index.
            pts_ms: Its PTS.
            luma: `(256, 256) uint8`, full range; kept until the next frame is compared.
            pdq_hash: Hash in hex and quality, or None.
        """
        self.indices.append(index)
        self.pts_ms.append(pts_ms)
        laplacian = cv2.Laplacian(luma, cv2.CV_16S)
        # Mean square; equals the variance, because a Laplacian's mean is about zero.
        self.sharpness.append(cv2.norm(laplacian, cv2.NORM_L2SQR) / _PIXELS)
        self.histograms.append(cv2.calcHist([luma], [0], None, [_LEVELS], [0, _LEVELS]))
        previous = self._previous
        self.motion.append(None if previous is None else cv2.norm(luma, previous, cv2.NORM_L1) / _PIXELS)
        self.hashes.append(pdq_hash)
        self._previous = luma

    def frame(self, session_id: str, exported: set[int]) -> pl.DataFrame:
        """All frames as SIGNALS."""
        if not self.indices:
            return SIGNALS.empty()
        histograms = np.stack(self.histograms).reshape(len(self), _LEVELS) / _PIXELS
        motion = np.array([np.nan if m is None else m for m in self.motion])
        change = hist_changes(histograms)
        cut = (change > CUT_HIST_CHANGE) | ((change > CUT_HIST_CHANGE_WITH_MOTION) & (motion > CUT_MOTION))
        return SIGNALS.conform(
            pl.DataFrame(
                {
                    "session_id": [session_id] * len(self),
                    "frame_idx": self.indices,
                    "pts_ms": self.pts_ms,
                    "exported": [index in exported for index in self.indices],
                    "sharpness": self.sharpness,
                    "hist_change": change,
                    "motion": motion,
                    "luma_mean": luma_mean(histograms),
                    "luma_std": luma_std(histograms),
                    "entropy_bits": entropy_bits(histograms),
                    "cut": cut,
                    "pdq_hash": [h[0] if h else None for h in self.hashes],
                    "pdq_quality": [h[1] if h else None for h in self.hashes],
                },
                schema_overrides={"pdq_hash": pl.String, "pdq_quality": pl.Int16},
            ).with_columns(pl.col("hist_change", "motion").fill_nan(None))
        )


def pdq(luma: Luma) -> tuple[str, int]:
    """The 256-bit PDQ hash of a luma picture in hex, and its quality (0 to 100).

    Source: Facebook Threat Exchange, PDQ; here from 128x128, consistently for all our pictures.
    """
    small = cv2.resize(luma, (_HASHED_SIDE_PX, _HASHED_SIDE_PX), interpolation=cv2.INTER_AREA)
    bits, quality = pdqhash.compute(cv2.merge([small, small, small]))
    return np.packbits(bits).tobytes().hex(), int(quality)


def hist_changes(histograms: Histograms) -> NDArray[np.float64]:
    """Total-variation distance of neighbouring 64-bin histograms; NaN for the first.

    Args:
        histograms: `(N, 256)` shares of pixels per gray level.
    """
    bins = _coarse(histograms)
    changes = np.full(len(bins), np.nan)
    changes[1:] = 0.5 * np.abs(np.diff(bins, axis=0)).sum(axis=1)
    return changes


def luma_mean(histograms: Histograms) -> NDArray[np.float64]:
    """Mean gray level, `(N,)`."""
    return histograms.astype(np.float64) @ np.arange(_LEVELS)


def luma_std(histograms: Histograms) -> NDArray[np.float64]:
    """Standard deviation of the gray level, `(N,)`."""
    squares = histograms.astype(np.float64) @ np.arange(_LEVELS) ** 2
    variance: NDArray[np.float64] = squares - luma_mean(histograms) ** 2
    return np.sqrt(np.maximum(variance, 0))


def entropy_bits(histograms: Histograms) -> NDArray[np.float64]:
    """Shannon entropy of the 64-bin histogram, `(N,)`, 0 to 6 bits."""
    bins = _coarse(histograms)
    logs = np.log2(bins, out=np.zeros_like(bins), where=bins > 0)
    entropy: NDArray[np.float64] = -(bins * logs).sum(axis=1)
    return np.maximum(entropy, 0)


def _coarse(histograms: Histograms) -> NDArray[np.float64]:
    # (N, 256) -> (N, 64, 4) -> (N, 64)
    coarse: NDArray[np.float64] = (
        histograms.astype(np.float64).reshape(-1, _BINS, _LEVELS // _BINS).sum(axis=2)
    )
    return coarse
