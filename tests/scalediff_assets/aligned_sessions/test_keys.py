import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.keys import FrameKeys, key_timeline, keys_at_frames

NO_MOUSE = np.zeros(0), np.zeros((0, 2))
KINDS = st.sampled_from(["keydown", "keyup", "blur", "mouse"])
EVENTS = st.lists(st.tuples(KINDS, st.sampled_from("wadpb"), st.integers(0, 50)), max_size=40)


def look_up(
    events: list[tuple[str, str | None, float]], frames: list[float], silences: list[float] | None = None
) -> FrameKeys:
    kinds, keys = [kind for kind, _, _ in events], [key for _, key, _ in events]
    at = np.array([position for _, _, position in events], dtype=np.float64)
    timeline = key_timeline(kinds, keys, at, np.array(silences or [], dtype=np.float64))
    frame_at = np.array(frames, dtype=np.float64)
    return keys_at_frames(timeline, *NO_MOUSE, frame_at, np.ones(len(frames), dtype=np.bool_))


def w_held(keys: FrameKeys) -> list[bool]:
    return [bool(held) for held in keys.driving[:, 0]]


def test_a_transition_counts_at_its_own_time() -> None:
    keys = look_up([("keydown", "w", 10), ("keyup", "w", 20)], [9, 10, 19, 20])
    assert w_held(keys) == [False, True, True, False]


def test_the_state_is_carried_in_from_before_the_video() -> None:
    assert w_held(look_up([("keydown", "w", 1)], [100, 200])) == [True, True]


def test_a_release_without_a_press_changes_nothing() -> None:
    keys = look_up([("keyup", "p", 5), ("keyup", "w", 6), ("keydown", "w", 7)], [4, 6.5, 8])
    assert w_held(keys) == [False, False, True]
    assert keys.key_events.tolist() == [0, 0, 1]


def test_a_press_that_is_never_released_is_held_to_the_end() -> None:
    assert w_held(look_up([("keydown", "w", 5)], [1e9])) == [True]


def test_blur_releases_every_key() -> None:
    keys = look_up([("keydown", "w", 1), ("keydown", "p", 2), ("blur", None, 3)], [2, 3])
    assert w_held(keys) == [True, False]
    assert keys.others == ["p", ""]


def test_other_keys_are_sorted_and_the_comma_key_is_spelt_out() -> None:
    keys = look_up([("keydown", "meta", 1), ("keydown", ",", 2), ("keydown", "alt", 3)], [4])
    assert keys.others == ["alt,comma,meta"]


def test_key_events_lie_after_the_previous_frame_up_to_this_one() -> None:
    events = [("keydown", "w", 10.0), ("keyup", "w", 20.0), ("keydown", "w", 20.5)]
    keys = look_up([*events], [10, 20, 30])
    assert keys.key_events.tolist() == [0, 1, 1]


def test_mouse_movement_adds_up_between_frames() -> None:
    timeline = key_timeline([], [], np.zeros(0), np.zeros(0))
    moves = np.array([[1.0, 0.0], [2.0, 5.0], [4.0, 0.0]])
    frames = np.array([0.0, 10.0, 20.0])
    keys = keys_at_frames(timeline, np.array([5.0, 10.0, 15.0]), moves, frames, np.ones(3, dtype=np.bool_))
    assert keys.mouse_dx_px.tolist() == [0.0, 3.0, 4.0]
    assert keys.mouse_dy_px.tolist() == [0.0, 5.0, 0.0]


def test_an_unknown_frame_leaves_its_events_to_the_next_known_one() -> None:
    timeline = key_timeline(["keydown", "keyup"], ["w", "w"], np.array([5.0, 6.0]), np.zeros(0))
    known = np.array([True, False, True])
    keys = keys_at_frames(timeline, *NO_MOUSE, np.array([0.0, 0.0, 10.0]), known)
    assert keys.key_events.tolist() == [0, 0, 2]


def test_a_hold_over_a_silence_is_uncertain_until_its_release() -> None:
    events = [("keydown", "w", 10.0), ("keyup", "w", 50.0)]
    keys = look_up([*events], [9, 15, 20, 49, 50], silences=[20.0])
    assert keys.uncertain.tolist() == [False, False, True, True, False]


def test_a_hold_that_ends_before_a_silence_is_certain() -> None:
    keys = look_up([("keydown", "w", 10.0), ("keyup", "w", 19.0)], [15, 30], silences=[20.0])
    assert keys.uncertain.tolist() == [False, False]


def test_frames_out_of_order_count_no_event_twice() -> None:
    keys = look_up([("keydown", "w", 5.0)], [0, 10, 3, 11])
    assert keys.key_events.tolist() == [0, 1, 0, 0]
    assert w_held(keys) == [False, True, False, True]


def test_no_known_frame_has_no_events() -> None:
    timeline = key_timeline(["keydown"], ["w"], np.array([5.0]), np.zeros(0))
    keys = keys_at_frames(timeline, *NO_MOUSE, np.zeros(2), np.zeros(2, dtype=np.bool_))
    assert not keys.driving.any() and not keys.key_events.any()


@given(EVENTS, st.lists(st.integers(-5, 60), min_size=1, max_size=30))
def test_the_state_is_that_of_a_keyboard_replayed_up_to_the_frame(
    events: list[tuple[str, str, int]], frames: list[int]
) -> None:
    events = sorted(events, key=lambda event: event[2])
    keys = look_up([(kind, key, float(at)) for kind, key, at in events], [float(at) for at in frames])
    for place, frame in enumerate(frames):
        held: set[str] = set()
        for kind, key, at in events:
            if at <= frame:
                held = _press(held, kind, key)
        assert keys.driving[place].tolist() == [key in held for key in "wasd"]
        assert keys.others[place] == ",".join(sorted(held - set("wasd")))


def _press(held: set[str], kind: str, key: str) -> set[str]:
    if kind == "blur":
        return set()
    if kind == "keydown":
        return held | {key}
    return held - {key} if kind == "keyup" else held


@pytest.mark.parametrize("frames", [1, 7, 100])
def test_every_transition_after_the_first_frame_is_counted_once(frames: int) -> None:
    at = np.linspace(0, 1000, 60)
    kinds = ["keydown", "keyup"] * 30
    timeline = key_timeline(kinds, ["w"] * 60, at, np.zeros(0))
    frame_at = np.linspace(-1, 1001, frames)
    keys = keys_at_frames(timeline, *NO_MOUSE, frame_at, np.ones(frames, dtype=np.bool_))
    assert keys.key_events.sum() == (60 if frames > 1 else 0)
