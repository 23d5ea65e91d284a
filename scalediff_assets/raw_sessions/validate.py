"""One complete bundle in, one manifest row out.

Bad content never raises: it is a row with `verdict` rejected, a reason code and a sentence. Broken
infrastructure (a store that does not answer) does raise. The first problem in this order is the reason:
a listed size out of bounds (an empty video before everything else) or a file that is not there, an object
that vanished, the JSON (`bundle.py`), a hash that the meta states, the video's container (`probe.py`).
Reading goes on after the first problem, so that a rejected row still holds all that is known.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from scalediff_assets.raw_sessions.bundle import JSON_FILES, parse_bundle, parse_meta
from scalediff_assets.raw_sessions.consistency import check_stated_file
from scalediff_assets.raw_sessions.probe import VideoProbe, probe_video
from scalediff_assets.raw_sessions.rejection import BundleRejectedError
from scalediff_contract.bundle import SessionMeta
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile, trace_id

T = TypeVar("T")
VIDEO_FILES = (BundleFile.VIDEO, BundleFile.SOURCE_VIDEO)


@dataclass(frozen=True, kw_only=True)
class RawObject:
    """One object of a bundle as the store lists it.

    Attributes:
        key: Object key.
        size_bytes: Listed size.
        upload_ms: 13-digit prefix of the key; None in the documented key form.
    """

    key: str
    size_bytes: int
    upload_ms: int | None = None


def validate_bundle(
    *,
    session_id: str,
    wallet: str,
    revision: int,
    completed_ms: int,
    objects: Mapping[BundleFile, RawObject],
    read: Callable[[str], bytes],
    open_video: Callable[[str], AbstractContextManager[Path]],
    missing: type[Exception],
    limits: BundleLimits | None = None,
) -> dict[str, Any]:
    """Judge one bundle.

    Args:
        session_id: The session by the objects' keys.
        wallet: The wallet by the objects' keys.
        revision: 1 for the session's first complete bundle, +1 for each re-opened one.
        completed_ms: Epoch ms at which the bundle became complete.
        objects: What the store lists, by file.
        read: Content of an object, by key.
        open_video: A local path of an object, by key, good inside the context.
        missing: What `read` and `open_video` raise for an object that is not there.
        limits: Bounds; the default ones when None.

    Returns:
        One row of `schemas.MANIFEST`.
    """
    examination = _Examination(
        session_id=session_id,
        wallet=wallet,
        objects=objects,
        read=read,
        open_video=open_video,
        missing=missing,
        limits=limits or BundleLimits(),
    )
    examination.run()
    return {
        "session_id": session_id,
        "wallet": wallet,
        "trace_id": trace_id(wallet, session_id),
        "revision": revision,
        "completed_ms": completed_ms,
        **examination.verdict(),
        **examination.object_columns(),
        **examination.meta_columns(),
    }


@dataclass(kw_only=True)
class _Examination:
    """A bundle under examination: what was learned, and every problem in the order of discovery."""

    session_id: str
    wallet: str
    objects: Mapping[BundleFile, RawObject]
    read: Callable[[str], bytes]
    open_video: Callable[[str], AbstractContextManager[Path]]
    missing: type[Exception]
    limits: BundleLimits
    sizes_bytes: dict[BundleFile, int] = field(default_factory=dict)
    hashes: dict[BundleFile, str] = field(default_factory=dict)
    meta: SessionMeta | None = None
    probe: VideoProbe | None = None
    problems: list[BundleRejectedError] = field(default_factory=list)

    def run(self) -> None:
        """Look at everything that may be read, noting problems."""
        self.sizes_bytes = {file: item.size_bytes for file, item in self.objects.items()}
        self._attempt(self._check_listing)
        contents = {file: data for file in JSON_FILES if (data := self._fetch_json(file)) is not None}
        if (meta_bytes := contents.get(BundleFile.META)) is not None:
            self.meta = self._attempt(lambda: parse_meta(self.session_id, meta_bytes, self.limits))
        if len(contents) == len(JSON_FILES):
            self._attempt(lambda: parse_bundle(self.session_id, self.wallet, contents, self.limits))
        self._attempt(self._check_stated_objects)
        for file in VIDEO_FILES:
            self._attempt(partial(self._inspect_video, file))

    def verdict(self) -> dict[str, str | None]:
        """The verdict columns, by the first problem."""
        if not self.problems:
            return {"verdict": "valid", "reason": None, "detail": None}
        first = self.problems[0]
        return {"verdict": "rejected", "reason": first.reason.value, "detail": first.detail}

    def object_columns(self) -> dict[str, str | int | None]:
        """Keys, sizes, hashes and the size of the picture."""
        keys = {
            f"{file.label}_key": self.objects[file].key if file in self.objects else None
            for file in BundleFile
        }
        latency = self.objects.get(BundleFile.LATENCY)
        return {
            **keys,
            "latency_upload_ms": latency.upload_ms if latency else None,
            "video_bytes": self.sizes_bytes.get(BundleFile.VIDEO),
            "total_bytes": sum(self.sizes_bytes.values()),
            "video_sha256": self.hashes.get(BundleFile.VIDEO),
            "bundle_sha256": self._bundle_sha256(),
            "video_width_px": self.probe.width_px if self.probe else None,
            "video_height_px": self.probe.height_px if self.probe else None,
        }

    def meta_columns(self) -> dict[str, str | int | None]:
        """What the meta file says; all null where it could not be parsed."""
        meta = self.meta
        scenario = meta.scenario if meta else None
        duration_ms = meta.duration_ms if meta else None
        return {
            "schema_version": meta.schema_version if meta else None,
            "duration_ms": None if duration_ms is None else round(duration_ms),
            "started_ms": meta.started_ms if meta else None,
            "prompt": meta.prompt if meta else None,
            "scenario_id": scenario.id if scenario else None,
            "scenario_result": scenario.result if scenario else None,
            "contacts": scenario.collisions if scenario else None,
        }

    def _attempt(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except BundleRejectedError as problem:
            self.problems.append(problem)
            return None

    def _limit_bytes(self, file: BundleFile) -> int:
        if file in VIDEO_FILES:
            return self.limits.video_bytes
        return self.limits.meta_bytes if file is BundleFile.META else self.limits.json_bytes

    def _readable(self, file: BundleFile) -> bool:
        return file in self.objects and self.objects[file].size_bytes <= self._limit_bytes(file)

    def _check_listing(self) -> None:
        for file in VIDEO_FILES:
            if file in self.objects and self.objects[file].size_bytes == 0:
                raise BundleRejectedError(
                    Reason.NO_VIDEO,
                    f"{self.session_id}: {file.label} has 0 bytes (minimum 1);"
                    " ask the player to record again",
                )
        for file, item in self.objects.items():
            if not self._readable(file):
                raise BundleRejectedError(
                    Reason.TOO_LARGE,
                    f"{self.session_id}: {file.label} has {item.size_bytes} bytes"
                    f" (limit {self._limit_bytes(file)})",
                )
        for file in REQUIRED_FILES:
            if file not in self.objects:
                raise BundleRejectedError(
                    Reason.INCOMPLETE, f"{self.session_id}: the {file.label} file is missing"
                )

    def _fetch_json(self, file: BundleFile) -> bytes | None:
        if not self._readable(file):
            return None
        try:
            data = self.read(self.objects[file].key)
        except self.missing:
            self.problems.append(self._vanished(file))
            return None
        self._measured(file, len(data), hashlib.sha256(data).hexdigest())
        return data

    def _check_stated_objects(self) -> None:
        """A file that a version 2 meta lists must have arrived."""
        labels = {file.label for file in self.objects}
        absent = [label for label in self.meta.files if label not in labels] if self.meta else []
        if absent:
            raise BundleRejectedError(
                Reason.INCOMPLETE, f"{self.session_id}: the meta lists {', '.join(absent)}, which is missing"
            )

    def _inspect_video(self, file: BundleFile) -> None:
        if not self._readable(file):
            return
        try:
            with self.open_video(self.objects[file].key) as path:
                self._measure_video(file, path)
        except self.missing as error:
            raise self._vanished(file) from error

    def _measure_video(self, file: BundleFile, path: Path) -> None:
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size_bytes = path.stat().st_size
        self._measured(file, size_bytes, sha256)
        if (meta := self.meta) is not None:
            self._attempt(lambda: check_stated_file(self.session_id, meta, file, size_bytes, sha256))
        probe = probe_video(path, self.limits, subject=f"{self.session_id}: {file.label}")
        if file is BundleFile.VIDEO:
            self.probe = probe

    def _measured(self, file: BundleFile, size_bytes: int, sha256: str) -> None:
        """What was read counts, not what was listed: the object may have been overwritten since."""
        self.sizes_bytes[file] = size_bytes
        self.hashes[file] = sha256

    def _vanished(self, file: BundleFile) -> BundleRejectedError:
        return BundleRejectedError(
            Reason.OBJECT_MISSING,
            f"{self.session_id}: {self.objects[file].key} was listed and is gone; upload it again",
        )

    def _bundle_sha256(self) -> str:
        """Hash over the sorted `{label} {sha256}` lines.

        A file that could not be read counts by key and size, so that no two such bundles look equal.
        """
        lines = sorted(
            f"{file.label} {self.hashes.get(file) or f'unread {item.key} {item.size_bytes}'}\n"
            for file, item in self.objects.items()
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()
