"""The reason codes of every verdict, one enum for all stages.

A code is stable and machine readable; the sentence for people is made where the verdict is given,
because only that place knows the value and the limit.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why an object, a session or a segment is not (or not yet) in a dataset."""

    # Arrival: objects and completeness.
    UNRECOGNISED_KEY = "unrecognised_key"
    INCOMPLETE = "incomplete"
    OBJECT_MISSING = "object_missing"
    SESSION_ID_TAKEN = "session_id_taken"
    DUPLICATE_CONTENT = "duplicate_content"
    CONFLICTING_REUPLOAD = "conflicting_reupload"
    SUPERSEDED = "superseded"

    # Raw bundle: what the files say of themselves.
    NO_VIDEO = "no_video"
    NOT_WEBM = "not_webm"
    WRONG_CODEC = "wrong_codec"
    BAD_DIMENSIONS = "bad_dimensions"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_MANY_FRAMES = "too_many_frames"
    INVALID_JSON = "invalid_json"
    INVALID_FIELD = "invalid_field"
    SESSION_ID_MISMATCH = "session_id_mismatch"
    WALLET_MISMATCH = "wallet_mismatch"
    NO_START_TIME = "no_start_time"
    HASH_MISMATCH = "hash_mismatch"
    EVENT_COUNT_MISMATCH = "event_count_mismatch"

    # Alignment and decoding.
    CLOCK_CONTRADICTION = "clock_contradiction"
    FRAME_ID_MISMATCH = "frame_id_mismatch"
    TRUNCATED_VIDEO = "truncated_video"
    DECODE_FAILED = "decode_failed"
    NO_USABLE_RUN = "no_usable_run"

    # Segments that are cut but not judged.
    IDLE = "idle"

    # Broken infrastructure, visible and retried by running the hour again.
    WORKER_DIED = "worker_died"
    WORKER_TIMED_OUT = "worker_timed_out"
    STORE_FAILED = "store_failed"
