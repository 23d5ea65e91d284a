"""How much a set of clips moves, by condition: the case study's `analyze_temporal_dynamics`.

The facts do not give its dict keys, so the names are ours; `as_dict` has them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from scoring.clips.pictures import frame_changes
from scoring.clips.shape import Clip

# Changes per frame, share of the full range: still, slow, lively, violent.
BUCKETS = (0.01, 0.05, 0.15)


@dataclass(frozen=True, kw_only=True)
class ConditionDynamics:
    """The frame-to-frame changes of one condition's clips.

    Attributes:
        n_clips: Clips.
        n_pairs: Pairs of neighbouring frames.
        mean_change: Mean absolute difference of neighbours, share of the full range.
        std_change: Its standard deviation over pairs.
        max_change: The largest.
        histogram: Pairs under 0.01, under 0.05, under 0.15, and the rest.
    """

    n_clips: int
    n_pairs: int
    mean_change: float
    std_change: float
    max_change: float
    histogram: tuple[int, int, int, int]

    def as_dict(self) -> dict[str, object]:
        """For a JSON report."""
        return asdict(self)


def analyze_temporal_dynamics(clips: Mapping[str, Iterable[Clip]]) -> dict[str, ConditionDynamics]:
    """Describe the motion of each condition's clips; conditions without clips are left out.

    Args:
        clips: Condition -> its clips, `(T, H, W, 3) uint8`.

    Raises:
        ClipShapeError: For what is no clip.
    """
    changes = {condition: [frame_changes(clip) for clip in group] for condition, group in clips.items()}
    return {condition: _describe(group) for condition, group in changes.items() if group}


def _describe(changes: list[np.ndarray]) -> ConditionDynamics:
    pairs = np.concatenate(changes)
    counts = np.bincount(np.digitize(pairs, BUCKETS), minlength=len(BUCKETS) + 1).tolist()
    return ConditionDynamics(
        n_clips=len(changes),
        n_pairs=len(pairs),
        mean_change=float(pairs.mean()),
        std_change=float(pairs.std()),
        max_change=float(pairs.max()),
        histogram=(counts[0], counts[1], counts[2], counts[3]),
    )
