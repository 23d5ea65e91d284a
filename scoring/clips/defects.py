"""The case study's driving error analysis: how many clips flicker, stand still or change colour.

Its limits are kept exactly and are only reported. They judge nothing: on real clips at a bursty
frame rate "static" alone flags 48 % (facts/generation.md, 0.5). The gate's limits are calibrated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from scoring.clips.measures import ClipMeasures

FLICKER_MAX = 0.4
STATIC_MIN = 0.01
COLOR_DRIFT_MAX = 0.15


@dataclass(frozen=True, kw_only=True)
class DrivingErrors:
    """Counts of the stated defects.

    Attributes:
        n: Clips looked at.
        flicker: Clips with a change of over 0.4 between two frames.
        static: Clips whose mean change is under 0.01.
        color_drift: Clips whose colour drifts by over 0.15.
        clean: Clips with none of them.
    """

    n: int
    flicker: int
    static: int
    color_drift: int
    clean: int


def stated_defects(clip: ClipMeasures) -> tuple[str, ...]:
    """The stated defects of one clip: some of flicker, static, color_drift."""
    found = {
        "flicker": clip.flicker > FLICKER_MAX,
        "static": clip.motion < STATIC_MIN,
        "color_drift": clip.colour_drift > COLOR_DRIFT_MAX,
    }
    return tuple(name for name, defect in found.items() if defect)


def driving_error_analysis(clips: Iterable[ClipMeasures]) -> DrivingErrors:
    """Count the stated defects; a clip may have several."""
    found = [stated_defects(clip) for clip in clips]
    return DrivingErrors(
        n=len(found),
        flicker=sum("flicker" in each for each in found),
        static=sum("static" in each for each in found),
        color_drift=sum("color_drift" in each for each in found),
        clean=sum(not each for each in found),
    )
