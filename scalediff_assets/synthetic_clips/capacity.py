"""How many clips so many GPUs make, how many GPUs so many clips need, and how much video that is."""

WEEK_HOURS = 168
WEEKS_PER_YEAR = 52
HOUR_S = 3600.0


def clips_per_week(*, gpus: float, clip_gpu_s: float, hours: float = WEEK_HOURS, use: float = 1.0) -> float:
    """Clips of a week.

    Args:
        gpus: How many.
        clip_gpu_s: GPU seconds of a clip.
        hours: Hours of the week in which they may run.
        use: Share of that time in which they do.
    """
    return gpus * hours * HOUR_S * use / clip_gpu_s


def gpus_needed(
    *,
    clips: float,
    clip_gpu_s: float,
    rejected_share: float = 0.0,
    hours: float = WEEK_HOURS,
    use: float = 1.0,
) -> float:
    """GPUs for so many accepted clips a week.

    Raises:
        ValueError: Where every clip is refused.
    """
    if not 0 <= rejected_share < 1:
        raise ValueError(f"rejected_share is {rejected_share}; no number of GPUs makes an accepted clip then")
    return clips / (1 - rejected_share) * clip_gpu_s / (hours * HOUR_S * use)


def video_hours(clips: float, clip_s: float) -> float:
    """Hours of video in so many clips."""
    return clips * clip_s / HOUR_S


def weeks_for(hours: float, *, clips_per_week: float, clip_s: float) -> float:
    """Weeks until so many hours of video are made."""
    return hours / video_hours(clips_per_week, clip_s)
