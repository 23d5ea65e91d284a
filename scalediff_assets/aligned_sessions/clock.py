"""When, by the page's clock, did a legacy recording start? Bounds, two refinements, a verdict.

A legacy bundle stamps events by `performance.now()` and its start by `Date.now()`, and stores no
link between the two. The unknown is the page's constant O = epoch_ms - perf_ms; several facts of
the recorder bound it from both sides. On real sessions the interval is 0.2 to 2.2 s wide (median
0.9 s), without one contradiction in twelve; where the tab stayed visible to the end, the last log
entry narrows it to 0.1 to 0.25 s. Recordings with frame ids need none of this.

| bound | on O | why |
|---|---|---|
| U1 | <= endTime - last event | events are written until endTime |
| U2 | <= endTime - r[k-1] | avgRtt, the mean of the first k samples, froze after sample k (smallest fit) |
| L2 | >= endTime - r[k] - 60 | the next sample came later (largest fit); 60 ms for asynchronous statistics |
| L3 | >= session id's ms - first event | the page made the id before it logged anything |
| L4 | >= startTime - (r[0] + initialLatency + 700) | the first sample never precedes the connection |
| U5 | <= signing of latency.json - r[n-1] | latency.json holds every sample; server clock |
"""

from dataclasses import dataclass

import numpy as np

from scalediff_assets.aligned_sessions.packets import Floats

_PREFIX_TOLERANCE_MS = 1e-6
_ASYNC_STATS_MS = 60.0
_CONNECT_TO_START_MS = 700.0
_SPAWN_DELAY_MS = 500.0
_SPAWN_TIMER_SLACK_MS = 250.0
_THROTTLED_TIMER_SLACK_MS = 1000.0
_PARKED_HEIGHT_M = 4.0
_STREET_HEIGHT_M = 2.5
_END_WINDOW_MS = 5000.0
_HIDDEN_GAP_MS = 1000.0
_END_GAP_FACTOR = 1.5
_MIN_END_SAMPLES = 5
_HIDDEN_TAB_GAP_MS = 5000.0
_HIDDEN_TAB_TOLERANCE_MS = 2000.0
TAB_SWITCH_KEYS = ("control", "meta", "alt")


@dataclass(frozen=True, kw_only=True)
class LegacyClocks:
    """What a legacy bundle says about time. `epoch` values are the player's `Date.now()`.

    Attributes:
        session_epoch_ms: The 13 digits of the session id.
        start_epoch_ms: Start of the recording.
        end_epoch_ms: End of the session.
        event_t_ms: (E,) sorted times of all log entries, inputs and camera, page clock.
        camera_t_ms: (C,) sorted times of the camera entries.
        camera_height_m: (C,) their heights.
        tab_switch_t_ms: (S,) times of key presses that switch windows or tabs.
        rtt_t_ms: (R,) times of the round-trip samples.
        rtt_ms: (R,) their values.
        avg_rtt_ms: Mean that froze at the end, or None.
        initial_latency_ms: From connection to first picture, or None.
        latency_upload_epoch_ms: Server time at which the URL for latency.json was signed, or None.
    """

    session_epoch_ms: int
    start_epoch_ms: int
    end_epoch_ms: int
    event_t_ms: Floats
    camera_t_ms: Floats
    camera_height_m: Floats
    tab_switch_t_ms: Floats
    rtt_t_ms: Floats
    rtt_ms: Floats
    avg_rtt_ms: float | None
    initial_latency_ms: float | None
    latency_upload_epoch_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A named bound of the recording's start in page time."""

    name: str
    start_ms: float


@dataclass(frozen=True, kw_only=True)
class StartEstimate:
    """Where PTS 0 lies in page time: a point inside the closed interval [lo_ms, hi_ms]."""

    method: str
    lo_ms: float
    hi_ms: float
    point_ms: float

    @property
    def half_width_ms(self) -> float:
        """Half the width of the interval."""
        return (self.hi_ms - self.lo_ms) / 2


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A lower bound that lies above an upper bound: the bundle's clocks cannot all be right."""

    lower: Bound
    upper: Bound

    @property
    def detail(self) -> str:
        """The contradiction in one sentence."""
        excess = self.lower.start_ms - self.upper.start_ms
        return (
            f"bound {self.lower.name} puts the recording's start at or after {self.lower.start_ms:.0f} ms, "
            f"bound {self.upper.name} at or before {self.upper.start_ms:.0f} ms of page time: they "
            f"contradict by {excess:.0f} ms (limit 0); the player's clock was set during the session or "
            "files of different sessions were mixed"
        )


def estimate_start(clocks: LegacyClocks) -> StartEstimate | Contradiction:
    """Bound and estimate the recording's start in page time.

    The hard bounds give an interval. It is narrowed by the spawn teleport and, where the tab stayed
    visible to the end, by the last log entry; each rests on a premise that can fail (the timer was
    late; the log stopped early), so one that leaves nothing of the interval is dropped, and when
    the two exclude each other both are.

    Returns:
        The estimate, or the contradicting pair of bounds.
    """
    lower, upper = _hard_bounds(clocks)
    if lower.start_ms > upper.start_ms:
        return Contradiction(lower=lower, upper=upper)
    hard = (lower.start_ms, upper.start_ms)
    narrow = _intersect(hard, _spawn_interval(clocks)) or hard
    anchor = _end_anchor(clocks)
    if anchor is None:
        return _interval_estimate(narrow)
    anchored = _intersect(narrow, anchor[:2])
    if anchored is None:
        premises_disagree = _intersect(hard, anchor[:2]) is not None
        return _interval_estimate(hard if premises_disagree else narrow)
    point = float(np.clip(anchor[2], *anchored))
    return StartEstimate(method="meta_endanchor", lo_ms=anchored[0], hi_ms=anchored[1], point_ms=point)


def _interval_estimate(interval: tuple[float, float]) -> StartEstimate:
    low, high = interval
    return StartEstimate(method="meta_interval", lo_ms=low, hi_ms=high, point_ms=(low + high) / 2)


def _intersect(one: tuple[float, float], other: tuple[float, float] | None) -> tuple[float, float] | None:
    if other is None:
        return None
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None


def _hard_bounds(clocks: LegacyClocks) -> tuple[Bound, Bound]:
    """The tightest lower and upper bound of the start (an upper bound of O is a lower one of it)."""
    start, end, rtt_t = clocks.start_epoch_ms, clocks.end_epoch_ms, clocks.rtt_t_ms
    fewest, most = _frozen_prefix(clocks)
    at_least = [Bound(name="U1", start_ms=start - end + clocks.event_t_ms[-1])]
    at_most = [Bound(name="L3", start_ms=start - clocks.session_epoch_ms + clocks.event_t_ms[0])]
    if fewest:
        at_least.append(Bound(name="U2", start_ms=start - end + rtt_t[fewest - 1]))
    if 0 < most < len(rtt_t):
        at_most.append(Bound(name="L2", start_ms=start - end + rtt_t[most] + _ASYNC_STATS_MS))
    if len(rtt_t) and clocks.initial_latency_ms is not None:
        at_most.append(Bound(name="L4", start_ms=rtt_t[0] + clocks.initial_latency_ms + _CONNECT_TO_START_MS))
    upper = min(at_most, key=lambda bound: bound.start_ms)
    if len(rtt_t) and clocks.latency_upload_epoch_ms is not None:
        signed = Bound(name="U5", start_ms=start - clocks.latency_upload_epoch_ms + rtt_t[-1])
        # U5 alone mixes the player's clock with the server's. Where the two differ by more than its
        # slack (110 to 180 ms of upload and network) it says nothing of the recording.
        if signed.start_ms <= upper.start_ms:
            at_least.append(signed)
    return max(at_least, key=lambda bound: bound.start_ms), upper


def _frozen_prefix(clocks: LegacyClocks) -> tuple[int, int]:
    """Fewest and most leading RTT samples whose mean is avgRtt; (0, 0) for none.

    Samples are whole ms and often equal, so several prefixes may match; the true one is among them.
    """
    if clocks.avg_rtt_ms is None or not len(clocks.rtt_ms):
        return 0, 0
    means = np.cumsum(clocks.rtt_ms) / np.arange(1, len(clocks.rtt_ms) + 1)
    matches = np.flatnonzero(np.abs(means - clocks.avg_rtt_ms) < _PREFIX_TOLERANCE_MS) + 1
    return (int(matches[0]), int(matches[-1])) if len(matches) else (0, 0)


def _spawn_interval(clocks: LegacyClocks) -> tuple[float, float] | None:
    """Bounds from the first teleport of a page, which a timer fires 500 ms after the start.

    Holds only for the first recording of a page, where start and spawn share one effect: there the
    camera waits high over the origin and drops to the street. Later recordings begin on the street.
    A timer never fires early, but it fires late: by some frames while the page is drawn, and up to
    1 s while the tab is hidden, which a log gap of more than 1 s around the spawn betrays.
    """
    parked = clocks.camera_height_m > _PARKED_HEIGHT_M
    if not len(parked) or not parked[0] or parked.all():
        return None
    after = int(np.argmin(parked))
    if clocks.camera_height_m[after] > _STREET_HEIGHT_M:
        return None
    before_ms, after_ms = clocks.camera_t_ms[after - 1], clocks.camera_t_ms[after]
    hidden = after_ms - before_ms > _HIDDEN_GAP_MS
    late_ms = _THROTTLED_TIMER_SLACK_MS if hidden else _SPAWN_TIMER_SLACK_MS
    return float(before_ms - _SPAWN_DELAY_MS - late_ms), float(after_ms - _SPAWN_DELAY_MS)


def _end_anchor(clocks: LegacyClocks) -> tuple[float, float, float] | None:
    """(lo, hi, point) of the start from the last log entry, or None where the tab may have hidden.

    The tab counts as visible to the end when the last 5 s of the camera log hold at least five
    samples, without a gap of more than 1 s, and no key that switches tabs was pressed there. The
    session then ended after the last entry and before the next camera sample: at most half again
    the longest recent gap, most likely half way to the time at which it was due.
    """
    camera, last_event = clocks.camera_t_ms, clocks.event_t_ms[-1]
    if not len(camera):
        return None
    recent = camera[camera >= last_event - _END_WINDOW_MS]
    if len(recent) < _MIN_END_SAMPLES:
        return None
    gaps = np.diff(recent)
    window_ms = last_event - _END_WINDOW_MS
    silence = max(float(gaps.max()), float(recent[0] - window_ms), float(last_event - recent[-1]))
    switched = bool((clocks.tab_switch_t_ms >= window_ms).any())
    if silence > _HIDDEN_GAP_MS or switched:
        return None
    end_lo = float(last_event)
    end_hi = max(end_lo, float(camera[-1] + _END_GAP_FACTOR * gaps.max()))
    next_due = float(camera[-1] + np.median(gaps))
    point = (end_lo + (next_due if next_due > end_lo else end_hi)) / 2
    shift = clocks.start_epoch_ms - clocks.end_epoch_ms
    return end_lo + shift, end_hi + shift, point + shift


def clock_lost_from(pts_ms: Floats, game_t_ms: Floats, log_t_ms: Floats, end_game_t_ms: float) -> int:
    """Index of the first frame whose PTS no longer tells the game's time; N when all do.

    While a tab is hidden no frames come and nothing is logged, and the recorder's clock may run on
    by more than the wall clock (a real one ran 15 s ahead in one gap). Where a PTS gap of more than
    5 s is mostly silent in the log too, the two must therefore agree within 2 s; and no frame can
    lie after the session's end. From the first gap that breaks this, time is unknown.

    Args:
        pts_ms: (N,) trusted stamps, increasing.
        game_t_ms: (N,) game time that they would mean.
        log_t_ms: (E,) sorted times of the log entries.
        end_game_t_ms: Game time of the session's end.
    """
    gaps = np.flatnonzero(np.diff(pts_ms) > _HIDDEN_TAB_GAP_MS) + 1
    lost = int(np.searchsorted(game_t_ms, end_game_t_ms + _HIDDEN_TAB_TOLERANCE_MS, side="right"))
    if lost < len(pts_ms):  # the jump lies in a gap before
        breaks = np.flatnonzero(np.diff(pts_ms[: lost + 1]) > _HIDDEN_GAP_MS) + 1
        lost = int(breaks[-1]) if len(breaks) else lost
    for gap in gaps[gaps < lost]:
        silence_ms = _log_silence_ms(log_t_ms, game_t_ms[gap - 1], game_t_ms[gap])
        length_ms = float(pts_ms[gap] - pts_ms[gap - 1])
        if silence_ms > length_ms / 2 and abs(silence_ms - length_ms) > _HIDDEN_TAB_TOLERANCE_MS:
            return int(gap)
    return lost


def _log_silence_ms(log_t_ms: Floats, from_ms: float, to_ms: float) -> float:
    """The longest pause of the log that overlaps [from_ms, to_ms)."""
    first = max(int(np.searchsorted(log_t_ms, from_ms, side="right")) - 1, 0)
    end = int(np.searchsorted(log_t_ms, to_ms, side="left")) + 1
    pauses = np.diff(log_t_ms[first:end])
    return float(pauses.max()) if len(pauses) else 0.0
