"""What a video model must beat: pictures drawn one by one, and the archive with new light.

The frame-independent baseline is the same network without attention over time, trained like the model
(`architecture.network = "independent"`). Retrieval takes the training clip whose words are nearest to the
prompt and changes brightness, contrast and crop, with rain over it where the prompt says so.
"""

import cv2
import numpy as np

from gpu_services.generation.clips import Clips, ClipSet
from gpu_services.generation.conditions import words_of
from gpu_services.generation.generator import ClipRequest

_CATEGORY_WEIGHT = 2.0
_RAIN_WORDS = frozenset({"rain", "rainy", "drizzle", "downpour", "storm", "monsoon"})
_DROPS_PER_PX = 1 / 40


class RetrievalBaseline:
    """Retrieves and augments training clips; a request's seed fixes its clip."""

    def __init__(self, training: ClipSet) -> None:
        self._training = training
        self._words = [frozenset(words_of(clip.caption)) for clip in training.clips]
        self.retrieved: list[int] = []

    @property
    def diversity(self) -> float:
        """Distinct clips retrieved, as a share of those asked for."""
        return len(set(self.retrieved)) / max(1, len(self.retrieved))

    def generate(self, requests: list[ClipRequest]) -> list[Clips]:
        """A changed training clip for each request."""
        return [self._one(request) for request in requests]

    def _one(self, request: ClipRequest) -> Clips:
        rng = np.random.default_rng(request.seed)
        row = self._nearest(request, rng)
        self.retrieved.append(row)
        clip = jittered(self._training.frames[row], rng)
        wet = _RAIN_WORDS & set(words_of(request.prompt))
        return with_rain(clip, rng) if wet else clip

    def _nearest(self, request: ClipRequest, rng: np.random.Generator) -> int:
        """By shared words (Jaccard) and category; of equals the seed takes one."""
        asked = set(words_of(request.prompt))
        scores = np.array(
            [
                len(asked & words) / max(1, len(asked | words))
                + _CATEGORY_WEIGHT * (clip.category == request.category)
                for words, clip in zip(self._words, self._training.clips, strict=True)
            ]
        )
        return int(rng.choice(np.flatnonzero(scores >= scores.max() - 1e-9)))


def jittered(clip: Clips, rng: np.random.Generator) -> Clips:
    """Other brightness and contrast, and a crop of nine tenths, the same for all pictures."""
    brightness, contrast = rng.uniform(-30, 30), rng.uniform(0.8, 1.2)
    height, width = clip.shape[1:3]
    top, left = (int(rng.integers(0, max(1, side // 10))) for side in (height, width))
    cut = clip[:, top : top + height * 9 // 10, left : left + width * 9 // 10]
    changed = (cut.astype(np.float32) - 127.5) * contrast + 127.5 + brightness
    pictures = np.clip(changed, 0, 255).astype(np.uint8)
    return np.stack([cv2.resize(picture, (width, height)) for picture in pictures])


def with_rain(clip: Clips, rng: np.random.Generator) -> Clips:
    """Slanted streaks that fall from picture to picture, over darker pictures."""
    frames, height, width, _ = clip.shape
    drops = max(4, round(height * width * _DROPS_PER_PX / 8))
    x, y = rng.uniform(0, width, drops), rng.uniform(0, height, drops)
    length = max(2, height // 12)
    wet = []
    for frame in range(frames):
        overlay = (clip[frame] * 0.8).astype(np.uint8)
        fallen = (y + frame * length * 1.5) % height
        for left, top in zip(x.astype(int).tolist(), fallen.astype(int).tolist(), strict=True):
            cv2.line(overlay, (left, top), (left - length // 3, top + length), (200, 205, 215), 1)
        wet.append(cv2.addWeighted(overlay, 0.6, (clip[frame] * 0.8).astype(np.uint8), 0.4, 0))
    return np.stack(wet)
