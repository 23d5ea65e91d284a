"""Recorded geometry videos painted anew: the same painters as the live service, offline.

A job paints each session once with each prompt. It reads `_source.webm`, covers the stamp, paints chunk after
chunk, and stamps every painted picture with the id of the frame that it was painted from; the same ids stand
in a sidecar, which is written last. What has a sidecar already is not painted again, so that a killed job
goes on where it was. A session that cannot be painted is a failure in the result, not the job's end.

Memory is flat: pictures stream from the decoder through the painter into the encoder, one chunk at a time.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from gpu_services.errors import JobError
from gpu_services.places import Place
from gpu_services.streaming.backend import Backend, PaintJob
from gpu_services.streaming.choose import BackendChoice, open_backend
from gpu_services.streaming.service.pictures import IdReader, Picture, prepared, with_stamp
from scalediff_contract.bundle import FrameLink
from scalediff_contract.repaint import (
    SIDECAR_SUFFIX,
    VIDEO_SUFFIX,
    RepaintedVideo,
    RepaintFailure,
    RepaintResult,
    RepaintSession,
    RepaintSpec,
    repaint_id,
)
from world.recorder.encode import encode_webm

OnProgress = Callable[[str, int, int, str], None]
Rgb = NDArray[np.uint8]
Planar = NDArray[np.uint8]


class SourceError(JobError):
    """A geometry video that cannot be painted."""


@dataclass(kw_only=True)
class _Tally:
    """What a job did so far."""

    painted: list[str] = field(default_factory=list)
    failures: list[RepaintFailure] = field(default_factory=list)
    reused: int = 0
    frames: int = 0


@dataclass(kw_only=True)
class SourceReader:
    """A geometry video as pictures for the painter, in order.

    Attributes:
        path: The video.
        width_px: Width to paint at.
        height_px: Height to paint at.
        links: Grows by one link for each picture that was read: its id, its time stamp.
        pts_ms: The time stamps of the same.
        undecodable: Frames that were left out because no id could be read.
    """

    path: Path
    width_px: int
    height_px: int
    links: list[FrameLink] = field(default_factory=list)
    pts_ms: list[int] = field(default_factory=list)
    undecodable: int = 0

    def __iter__(self) -> Iterator[Picture]:
        """Every frame whose id can be read.

        Raises:
            SourceError: At the end, where there was none.
        """
        ids = IdReader()
        with av.open(self.path, mode="r") as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for frame in container.decode(stream):
                picture = prepared(
                    frame, ids, width_px=self.width_px, height_px=self.height_px, in_s=float(frame.time or 0)
                )
                if picture is None or not picture.is_stamped:
                    self.undecodable += 1
                    continue
                self._note(picture)
                yield picture
        if not self.links:
            mend = "only recordings of the current client can be repainted"
            raise SourceError("the video before painting", "no frame of it carries a frame id", mend)

    def _note(self, picture: Picture) -> None:
        pts_us = round(picture.in_s * 1_000_000)
        self.links.append(FrameLink(n=len(self.links), pts_us=pts_us, src_frame=picture.in_id, rtp=None))
        self.pts_ms.append(round(picture.in_s * 1_000))


def repaint(spec: RepaintSpec, on_progress: OnProgress) -> RepaintResult:
    """Paint every session of a spec with every prompt.

    Raises:
        JobError: The painter cannot run here, or a place cannot be read.
    """
    began_s = time.monotonic()
    backend = open_backend(_choice(spec))
    work = [(session, prompt) for session in spec.sessions for prompt in spec.prompts]
    tally = _Tally()
    for done, (session, prompt) in enumerate(work):
        on_progress(f"repainting ({backend.name})", done, len(work), session.session_id)
        _repaint_one(spec, session, prompt, backend, tally)
    on_progress(f"repainting ({backend.name})", len(work), len(work), "")
    return RepaintResult(
        status="finished",
        detail=f"{len(tally.failures)} of {len(work)} could not be painted" if tally.failures else "",
        backend=backend.name,
        device=_device(spec),
        painted=tuple(tally.painted),
        reused=tally.reused,
        failures=tuple(tally.failures),
        frames=tally.frames,
        seconds=round(time.monotonic() - began_s, 2),
    )


def _choice(spec: RepaintSpec) -> BackendChoice:
    return BackendChoice(
        name=spec.painter,
        width_px=spec.width_px,
        height_px=spec.height_px,
        preset=spec.preset,
        weights=None if spec.weights_dir is None else Path(spec.weights_dir),
    )


def _repaint_one(
    spec: RepaintSpec, session: RepaintSession, prompt: str, backend: Backend, tally: _Tally
) -> None:
    """One session with one prompt: painted, found painted, or a failure."""
    place = Place(spec.videos_url)
    name = repaint_id(spec, session, prompt)
    stem = f"{session.session_id}/{name}"
    sidecar_key = stem + SIDECAR_SUFFIX
    if place.exists(sidecar_key):
        tally.reused += 1
        tally.painted.append(sidecar_key)
        return
    try:
        source = Place(spec.raw_url).read(session.source_key)
        reader, content = _paint_video(source, prompt, backend)
    except (JobError, av.FFmpegError) as error:
        detail = f"{session.session_id}: {error}"
        tally.failures.append(RepaintFailure(session_id=session.session_id, prompt=prompt, detail=detail))
        return
    video = RepaintedVideo(
        repaint_id=name,
        session_id=session.session_id,
        prompt=prompt,
        backend=backend.name,
        source_key=session.source_key,
        source_sha256=hashlib.sha256(source).hexdigest(),
        video_key=stem + VIDEO_SUFFIX,
        video_sha256=hashlib.sha256(content).hexdigest(),
        width_px=backend.width_px,
        height_px=backend.height_px,
        frames=tuple(reader.links),
        undecodable=reader.undecodable,
    )
    place.write(video.video_key, content)
    place.write(sidecar_key, video.model_dump_json().encode())
    tally.painted.append(sidecar_key)
    tally.frames += len(reader.links)


def _paint_video(source: bytes, prompt: str, backend: Backend) -> tuple[SourceReader, bytes]:
    """A painted video of the same ids and time stamps.

    Raises:
        SourceError: For a video without one stamped picture.
        av.FFmpegError: For one that cannot be decoded.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "source.webm"
        path.write_bytes(source)
        reader = SourceReader(path=path, width_px=backend.width_px, height_px=backend.height_px)
        content = encode_webm(
            _planar(paint_stream(reader, prompt, backend)),
            reader.pts_ms,  # grows as the encoder takes pictures
            width_px=backend.width_px,
            height_px=backend.height_px,
            live=False,
        )
    return reader, content


def paint_stream(pictures: Iterable[Picture], prompt: str, backend: Backend) -> Iterator[Rgb]:
    """Painted pictures, each with the stamp of the one that it was painted from, in order.

    The last chunk is filled up with copies of its last picture; what is painted of them is thrown away.
    """
    state = backend.open_session(prompt)
    coming = iter(pictures)
    try:
        while chunk := list(islice(coming, wanted := backend.chunk_frames(state))):
            frames = [each.rgb for each in chunk] + [chunk[-1].rgb] * (wanted - len(chunk))
            (painted,) = backend.paint([PaintJob(state=state, frames=np.stack(frames))])
            for picture, rgb in zip(chunk, painted, strict=False):
                yield with_stamp(rgb, picture.in_id)
    finally:
        backend.close_session(state)


def _planar(pictures: Iterator[Rgb]) -> Iterator[Planar]:
    for rgb in pictures:
        yield np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def _device(spec: RepaintSpec) -> str:
    if spec.painter != "wan":
        return "cpu"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
