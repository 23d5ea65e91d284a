"""Each kind of broken bundle, and the reason that the platform must give for it.

A fault changes a whole bundle as an accident, a broken client or an attacker would. Where version 2
hashes would notice first, the fault mends the hashes, so that the fault itself is what is found;
`EDITED_AFTER_HASH` is the one that leaves them.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile
from world.recorder.encode import encode_webm, plain_picture
from world.recorder.spec import RecordedBundle

_SIDE_PX = 64


class Fault(StrEnum):
    """What is wrong with a bundle."""

    ZERO_BYTE_VIDEO = "zero_byte_video"
    MISSING_VIDEO = "missing_video"
    MISSING_META = "missing_meta"
    NON_WEBM_VIDEO = "non_webm_video"
    WRONG_CODEC = "wrong_codec"
    ABSURD_DIMENSIONS = "absurd_dimensions"
    ABSURD_DURATION = "absurd_duration"
    TOO_MANY_FRAMES = "too_many_frames"
    ALL_DUPLICATE_PTS = "all_duplicate_pts"
    SHORT_SESSION = "short_session"
    NOT_JSON = "not_json"
    JSON_TOO_DEEP = "json_too_deep"
    JSON_NAN = "json_nan"
    NEGATIVE_TIME = "negative_time"
    MISSING_FIELD = "missing_field"
    NULL_START_TIME = "null_start_time"
    SESSION_ID_MISMATCH = "session_id_mismatch"
    WALLET_MISMATCH = "wallet_mismatch"
    LOST_EVENTS = "lost_events"
    EDITED_AFTER_HASH = "edited_after_hash"
    CONTRADICTORY_CLOCK = "contradictory_clock"


# The reason for a legacy bundle and, where it differs, for a version 2 bundle.
EXPECTED_REASON: dict[Fault, Reason] = {
    Fault.ZERO_BYTE_VIDEO: Reason.NO_VIDEO,
    Fault.MISSING_VIDEO: Reason.INCOMPLETE,
    Fault.MISSING_META: Reason.INCOMPLETE,
    Fault.NON_WEBM_VIDEO: Reason.NOT_WEBM,
    Fault.WRONG_CODEC: Reason.WRONG_CODEC,
    Fault.ABSURD_DIMENSIONS: Reason.BAD_DIMENSIONS,
    Fault.ABSURD_DURATION: Reason.TOO_LONG,
    Fault.TOO_MANY_FRAMES: Reason.TOO_MANY_FRAMES,
    Fault.ALL_DUPLICATE_PTS: Reason.NO_USABLE_RUN,
    Fault.SHORT_SESSION: Reason.NO_USABLE_RUN,
    Fault.NOT_JSON: Reason.INVALID_JSON,
    Fault.JSON_TOO_DEEP: Reason.INVALID_JSON,
    Fault.JSON_NAN: Reason.INVALID_JSON,
    Fault.NEGATIVE_TIME: Reason.INVALID_FIELD,
    Fault.MISSING_FIELD: Reason.INVALID_FIELD,
    Fault.NULL_START_TIME: Reason.NO_START_TIME,
    Fault.SESSION_ID_MISMATCH: Reason.SESSION_ID_MISMATCH,
    Fault.WALLET_MISMATCH: Reason.WALLET_MISMATCH,
    Fault.LOST_EVENTS: Reason.EVENT_COUNT_MISMATCH,
    Fault.EDITED_AFTER_HASH: Reason.HASH_MISMATCH,
    Fault.CONTRADICTORY_CLOCK: Reason.CLOCK_CONTRADICTION,
}
# Faults that only one version can have.
LEGACY_ONLY = frozenset({Fault.ALL_DUPLICATE_PTS, Fault.SHORT_SESSION, Fault.CONTRADICTORY_CLOCK})
EXACT_ONLY = frozenset({Fault.EDITED_AFTER_HASH})

Files = dict[BundleFile, bytes]


def break_bundle(bundle: RecordedBundle, fault: Fault) -> RecordedBundle:
    """A copy of a bundle with a fault.

    Raises:
        ValueError: For a fault that the bundle's version cannot have.
    """
    exact = b'"schemaVersion"' in bundle.files[BundleFile.META]
    if (exact and fault in LEGACY_ONLY) or (not exact and fault in EXACT_ONLY):
        raise ValueError(f"{fault} needs a {'legacy' if exact else 'version 2'} bundle")
    files = _BREAK[fault](dict(bundle.files))
    if exact and fault is not Fault.EDITED_AFTER_HASH:
        files = _rehashed(files)
    return replace(bundle, files=files)


def _rehashed(files: Files) -> Files:
    """Version 2 hashes of the files as they are now."""
    if BundleFile.META not in files:
        return files
    meta = json.loads(files[BundleFile.META])
    for file, content in files.items():
        if file.label in meta.get("files", {}):
            digest = hashlib.sha256(content).hexdigest()
            meta["files"][file.label] = {"size": len(content), "sha256": digest}
            if file is BundleFile.VIDEO and "video" in meta:
                meta["video"]["sha256"] = digest
    return {**files, BundleFile.META: json.dumps(meta).encode()}


def _without(file: BundleFile) -> Callable[[Files], Files]:
    return lambda files: {name: content for name, content in files.items() if name is not file}


def _with(file: BundleFile, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: {**files, file: change(files[file])}


def _json(file: BundleFile, change: Callable[[Any], Any]) -> Callable[[Files], Files]:
    return _with(file, lambda content: json.dumps(change(json.loads(content))).encode())


def _meta(**fields: Any) -> Callable[[Files], Files]:
    return _json(BundleFile.META, lambda meta: {**meta, **fields})


def _clip(frames: int, step_ms: int, *, width_px: int = _SIDE_PX, height_px: int = _SIDE_PX) -> bytes:
    pictures = (plain_picture(width_px, height_px) for _ in range(frames))
    pts_ms = [n * step_ms for n in range(frames)]
    return encode_webm(pictures, pts_ms, width_px=width_px, height_px=height_px, live=True)


def _other_codec(_video: bytes) -> bytes:
    pictures = (plain_picture(_SIDE_PX, _SIDE_PX) for _ in range(30))
    return encode_webm(
        pictures,
        [n * 40 for n in range(30)],
        width_px=_SIDE_PX,
        height_px=_SIDE_PX,
        live=True,
        codec="mpeg4",
        container_format="matroska",
    )


def _first_camera_row(**fields: Any) -> Callable[[Files], Files]:
    return _json(BundleFile.CAMERA, lambda rows: [{**rows[0], **fields}, *rows[1:]])


def _without_position(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in rows[0].items() if name != "pos"}, *rows[1:]]


def _ended_early(meta: dict[str, Any]) -> dict[str, Any]:
    # As if the clock had jumped: the session ends before its events could have been written.
    return {**meta, "startTime": meta["startTime"] - 600_000, "endTime": meta["endTime"] - 600_000}


def _nan_speed(content: bytes) -> bytes:
    rows = json.loads(content)
    rows[0]["speed"] = float("nan")
    return json.dumps(rows).encode()


_BREAK: dict[Fault, Callable[[Files], Files]] = {
    Fault.ZERO_BYTE_VIDEO: _with(BundleFile.VIDEO, lambda _: b""),
    Fault.MISSING_VIDEO: _without(BundleFile.VIDEO),
    Fault.MISSING_META: _without(BundleFile.META),
    Fault.NON_WEBM_VIDEO: _with(BundleFile.VIDEO, lambda _: b"<html>403 Forbidden</html>" * 40),
    Fault.WRONG_CODEC: _with(BundleFile.VIDEO, _other_codec),
    Fault.ABSURD_DIMENSIONS: _with(BundleFile.VIDEO, lambda _: _clip(4, 40, width_px=4096, height_px=2160)),
    Fault.ABSURD_DURATION: _with(BundleFile.VIDEO, lambda _: _clip(10, 600_000)),
    Fault.TOO_MANY_FRAMES: _with(BundleFile.VIDEO, lambda _: _clip(15_100, 4)),
    Fault.ALL_DUPLICATE_PTS: _with(BundleFile.VIDEO, lambda _: _clip(60, 0)),
    Fault.SHORT_SESSION: _with(BundleFile.VIDEO, lambda _: _clip(25, 90)),
    Fault.NOT_JSON: _with(BundleFile.INPUTS, lambda content: content[: len(content) // 2]),
    Fault.JSON_TOO_DEEP: _with(BundleFile.CAMERA, lambda _: b"[" * 50_000 + b"]" * 50_000),
    Fault.JSON_NAN: _with(BundleFile.CAMERA, _nan_speed),
    Fault.NEGATIVE_TIME: _first_camera_row(t=-5.0),
    Fault.MISSING_FIELD: _json(BundleFile.CAMERA, _without_position),
    Fault.NULL_START_TIME: _meta(startTime=None),
    Fault.SESSION_ID_MISMATCH: _meta(sessionId="session_1700000000000_zzzzzz"),
    Fault.WALLET_MISMATCH: _meta(walletAddress="somebody-else"),
    Fault.LOST_EVENTS: _json(BundleFile.INPUTS, lambda rows: rows[:-1]),
    Fault.EDITED_AFTER_HASH: _json(BundleFile.CAMERA, lambda rows: [{**row, "speed": 9.0} for row in rows]),
    Fault.CONTRADICTORY_CLOCK: _json(BundleFile.META, _ended_early),
}
