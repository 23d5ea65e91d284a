"""Quality by condition: is any category of clips worse than the others?

A model that is good on average and bad at dust storms poisons exactly what it was made for, so the
worst condition and the gap to the best are what counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scoring.clips.measures import ClipMeasures


@dataclass(frozen=True, kw_only=True)
class ConditionQuality:
    """The mean quality of one condition's clips.

    Attributes:
        condition: Its name.
        n: Clips.
        coherence: Mean `tcs_flow`.
        sharpness: Mean Sobel gradient, gray levels per pixel.
        motion: Mean change from frame to frame.
    """

    condition: str
    n: int
    coherence: float
    sharpness: float
    motion: float


@dataclass(frozen=True, kw_only=True)
class ConditionAudit:
    """All conditions, best last.

    Attributes:
        conditions: By coherence, the worst first; equal ones by name.
        worst: Name of the least coherent condition.
        best: Name of the most coherent one.
        gap: Coherence of the best minus that of the worst.
        sharpness_gap: Largest minus least sharpness, as a share of the largest.
    """

    conditions: tuple[ConditionQuality, ...]
    worst: str
    best: str
    gap: float
    sharpness_gap: float


def per_condition_quality_audit(clips: Mapping[str, Iterable[ClipMeasures]]) -> ConditionAudit:
    """Compare the conditions; those without clips are left out.

    Args:
        clips: Condition -> the measures of its clips.

    Raises:
        ValueError: Where no condition has a clip.
    """
    groups = {condition: tuple(group) for condition, group in clips.items()}
    rows = [_quality(condition, group) for condition, group in groups.items() if group]
    if not rows:
        raise ValueError("no condition has a clip; audit at least one clip")
    ranked = tuple(sorted(rows, key=lambda row: (row.coherence, row.condition)))
    sharp = [row.sharpness for row in ranked]
    return ConditionAudit(
        conditions=ranked,
        worst=ranked[0].condition,
        best=ranked[-1].condition,
        gap=ranked[-1].coherence - ranked[0].coherence,
        sharpness_gap=(max(sharp) - min(sharp)) / max(sharp) if max(sharp) > 0 else 0.0,
    )


def _quality(condition: str, clips: tuple[ClipMeasures, ...]) -> ConditionQuality:
    n = len(clips)
    return ConditionQuality(
        condition=condition,
        n=n,
        coherence=sum(clip.tcs_flow for clip in clips) / n,
        sharpness=sum(clip.sharpness for clip in clips) / n,
        motion=sum(clip.motion for clip in clips) / n,
    )
