"""Scores on embeddings: does a clip show its prompt, and is it a copy of a training clip?

Embeddings come in from outside with the name of their extractor; nothing here loads a network.
Cosines of CLIP depend on its backbone, hence a score without the extractor's name means nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating]
COPY_PERCENTILE = 1.0


@dataclass(frozen=True, kw_only=True)
class Memorisation:
    """Which generated clips are nearer to a training clip than real clips are to each other.

    Attributes:
        extractor: Whose features.
        n: Generated clips.
        n_training: Training clips.
        limit: The 1st percentile of the distances between real nearest neighbours.
        distances: Distance of each generated clip to its nearest training clip.
        nearest: Index of that training clip.
        copies: Indices of the generated clips at or under the limit.
    """

    extractor: str
    n: int
    n_training: int
    limit: float
    distances: tuple[float, ...]
    nearest: tuple[int, ...]
    copies: tuple[int, ...]

    @property
    def share(self) -> float:
        """Share of generated clips that count as copies."""
        return len(self.copies) / self.n if self.n else 0.0


def clip_score(frames: Vectors, text: Vectors) -> float:
    """Mean cosine between the frames' and the prompt's embedding: raw, not times 100.

    Args:
        frames: `(T, D)` image embeddings.
        text: `(D,)` text embedding.

    Raises:
        ValueError: For other shapes or an embedding of length 0.
    """
    if frames.ndim != 2 or text.shape != frames.shape[1:] or not len(frames):
        raise ValueError(f"embeddings {frames.shape} and {text.shape} do not fit; give (T, D) and (D,)")
    lengths = np.linalg.norm(frames, axis=1) * np.linalg.norm(text)
    if not (lengths > 0).all():
        raise ValueError("an embedding has length 0; the extractor gave no direction to compare")
    return float((frames @ text / lengths).mean())


def nearest_distances(
    of: Vectors, among: Vectors, *, same: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Euclidean distance of each row to its nearest row of another set, and which that is.

    Args:
        of: `(N, D)`.
        among: `(M, D)`.
        same: Both are the same set: a row is not its own neighbour.

    Raises:
        ValueError: Where nothing is left to be near to.
    """
    if len(among) < (2 if same else 1):
        raise ValueError(f"{len(among)} vectors to be near to; give at least {2 if same else 1}")
    a, b = np.asarray(of, np.float64), np.asarray(among, np.float64)
    distances, nearest = np.empty(len(a)), np.empty(len(a), np.int64)
    for start in range(0, len(a), 256):  # so that memory stays bounded: 256 x M x D is never built
        block = a[start : start + 256]
        squares = (block**2).sum(1)[:, None] - 2 * block @ b.T + (b**2).sum(1)
        if same:
            squares[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        index = squares.argmin(1)
        nearest[start : start + 256] = index
        # The expanded square loses digits near 0, where it matters here: computed again.
        distances[start : start + 256] = np.linalg.norm(block - b[index], axis=1)
    return distances, nearest


def memorisation(
    generated: Vectors, training: Vectors, *, extractor: str, percentile: float = COPY_PERCENTILE
) -> Memorisation:
    """Find copies of training clips in feature space.

    The limit comes from the training clips themselves. Clips cut from one drive with an overlap are
    near each other, so give clips that do not overlap, or the limit is too strict to find a copy.

    Args:
        generated: `(N, D)` features.
        training: `(M, D)` features of the clips that the model learned from, M at least 2.
        extractor: Whose features.
        percentile: Of the real-real distances.

    Raises:
        ValueError: For fewer than two training clips.
    """
    real, _ = nearest_distances(training, training, same=True)
    limit = float(np.percentile(real, percentile))
    distances, nearest = nearest_distances(generated, training)
    return Memorisation(
        extractor=extractor,
        n=len(generated),
        n_training=len(training),
        limit=limit,
        distances=tuple(distances.tolist()),
        nearest=tuple(nearest.tolist()),
        copies=tuple(np.flatnonzero(distances <= limit).tolist()),
    )
