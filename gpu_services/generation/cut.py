"""Cuts clips from recordings and splits them by time.

Clips of one recording overlap by half (8 pictures, a new one every 4), so a random split would hold out
clips whose pictures are in training. A recording is cut into blocks of time with a guard between; a
block goes whole into one split. Pictures are taken at the clip's rate by their time, not by index:
recorded pictures come in bursts.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import cv2
import numpy as np
import polars as pl

from gpu_services.generation.clips import Clips, fitted, write_clips, write_manifest
from gpu_services.generation.errors import ClipDataError
from gpu_services.generation.film import decode_mp4
from gpu_services.places import Place
from scalediff_contract.clip_manifests import (
    ClipManifest,
    ClipShard,
    ClipSource,
    ClipSplit,
    CutClipsResult,
    CutClipsSpec,
    ManifestClip,
)
from scoring.clips.resample import resample_by_time
from scoring.privacy import HEIGHT_MIN_PX, PrivacyDetector, blur_boxes

_PICTURES = (".png", ".jpg", ".jpeg")
OnProgress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A clip's place in a recording.

    Attributes:
        block: Stretch of time.
        first: Index of its first picture.
    """

    block: int
    first: int


def windows(
    pictures: int, *, frames: int, stride: int, block: int | None = None, guard: int = 0
) -> list[Window]:
    """Where clips begin; none crosses from one block into another or touches a guard.

    Args:
        pictures: Of the recording.
        frames: Of a clip.
        stride: Pictures between two beginnings.
        block: Pictures of a block; None: the recording is one.
        guard: Pictures left out between blocks.
    """
    size = block or max(pictures, 1)
    found = []
    for number, begin in enumerate(range(0, pictures, size + guard)):
        end = min(begin + size, pictures)
        found += [Window(block=number, first=first) for first in range(begin, end - frames + 1, stride)]
    return found


def cut_clips(spec: CutClipsSpec, on_progress: OnProgress) -> CutClipsResult:
    """Cut, split, and write shards and a manifest.

    Raises:
        ClipDataError: Where no recording gives a clip, or a detector is needed and not named.
    """
    began_s = time.monotonic()
    detector = _detector(spec)
    output, blurred = Place(spec.output_url), 0
    clips: list[ManifestClip] = []
    shards: list[ClipShard] = []
    skipped: dict[str, str] = {}
    cuts: list[tuple[ClipSource, list[Window]]] = []
    for number, source in enumerate(spec.sources):
        on_progress("clips", number, len(spec.sources), source.source)
        try:
            frames = _recording(source, spec)
        except ClipDataError as error:
            skipped[source.source] = str(error)
            continue
        found = windows(
            len(frames), frames=spec.clip.frames, stride=spec.stride_frames, block=spec.block_frames,
            guard=spec.guard_frames,
        )  # fmt: skip
        if not found:
            skipped[source.source] = (
                f"{len(frames)} pictures at {spec.clip.fps:g} Hz, a clip needs {spec.clip.frames}"
            )
            continue
        blurred += _blur(frames, detector) if detector else 0
        stack = np.stack([frames[window.first : window.first + spec.clip.frames] for window in found])
        shards.append(write_clips(output, stack, f"clips/{_file_name(source.source)}.npy"))
        cuts.append((source, found))
    splits = _splits(cuts, spec)
    for (source, found), shard in zip(cuts, shards, strict=True):
        clips += _described(source, found, shard.key, splits)
    _check_splits(spec, splits, skipped)
    manifest = ClipManifest(
        name=spec.name, spec=spec.clip, stride_frames=spec.stride_frames, guard_frames=spec.guard_frames,
        blurred=blurred if detector else None, clips=tuple(clips), shards=tuple(shards),
    )  # fmt: skip
    where = write_manifest(output, manifest)
    on_progress("clips", len(spec.sources), len(spec.sources), f"{len(clips)} clips")
    counted: Counter[ClipSplit] = Counter(clip.split for clip in clips)
    return CutClipsResult(
        status="finished",
        manifest_key=where.key,
        manifest_hash=where.content_hash,
        clips=dict(counted),
        by_category=dict(Counter(clip.category for clip in clips)),
        skipped=skipped,
        privacy=f"{blurred} places blurred"
        if detector
        else f"not_applicable: pictures lower than {HEIGHT_MIN_PX} px",
        seconds=round(time.monotonic() - began_s, 2),
    )


def _detector(spec: CutClipsSpec) -> PrivacyDetector | None:
    if spec.clip.height_px < HEIGHT_MIN_PX:
        return None
    if spec.detector_url is None:
        problem = f"pictures of {spec.clip.height_px} rows show faces and plates, and no detector is named"
        raise ClipDataError(f"clips {spec.name}", problem, "name detector_url, or cut smaller clips")
    # A network: nothing else here needs torch.
    from gpu_services.generation.privacy import EgoBlurDetector

    return EgoBlurDetector(spec.detector_url)


def _blur(frames: Clips, detector: PrivacyDetector) -> int:
    """Hide what the detector finds, in place; how many places."""
    places = 0
    for row, frame in enumerate(frames):
        boxes = detector.detect(frame)
        places += len(boxes)
        frames[row] = blur_boxes(frame, boxes)
    return places


def _recording(source: ClipSource, spec: CutClipsSpec) -> Clips:
    """Its pictures at the clips' rate and size, `(n, H, W, 3) uint8`."""
    place = Place(source.place_url)
    if source.kind == "film":
        return np.stack([fitted(picture, spec.clip) for picture in decode_mp4(place.read(source.key))])
    times_ms, read = _folder(place, source) if source.kind == "frame_folder" else _shard(place, source)
    if not len(times_ms):
        raise ClipDataError(source.source, "it has no picture", "name a recording with pictures")
    chosen = resample_by_time(times_ms, fps=spec.clip.fps)
    frames = np.empty((len(chosen), *spec.clip.shape[1:]), np.uint8)
    last = -1
    for row, index in enumerate(chosen.tolist()):
        # A picture that stays on the screen is decoded once.
        frames[row] = frames[row - 1] if index == last else fitted(_decoded(read(index), source), spec.clip)
        last = index
    return frames


def _folder(place: Place, source: ClipSource) -> tuple[np.ndarray, Callable[[int], bytes]]:
    keys = [key for key in place.keys(source.key) if PurePosixPath(key).suffix.lower() in _PICTURES]
    times = np.round(np.arange(len(keys)) * 1000.0 / source.fps).astype(np.int64)
    return times, lambda index: place.read(keys[index])


def _shard(place: Place, source: ClipSource) -> tuple[np.ndarray, Callable[[int], bytes]]:
    rows = pl.read_parquet(place.read(source.key), columns=["segment_id", "game_t_ms", "jpeg"])
    if source.segment_id is not None:
        rows = rows.filter(pl.col("segment_id") == source.segment_id)
    rows = rows.filter(pl.col("game_t_ms").is_not_null() & pl.col("jpeg").is_not_null()).sort("game_t_ms")
    jpegs = rows["jpeg"]
    return rows["game_t_ms"].round().cast(pl.Int64).to_numpy(), lambda index: bytes(jpegs[index])


def _decoded(content: bytes, source: ClipSource) -> Clips:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ClipDataError(source.source, "one of its files is no picture", "copy the recording again")
    return np.asarray(picture, np.uint8)


def _splits(
    cuts: list[tuple[ClipSource, list[Window]]], spec: CutClipsSpec
) -> dict[tuple[str, int], ClipSplit]:
    """Each block's split: of every category the wanted share, at least one where there are two."""
    blocks: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for source, found in cuts:
        blocks[source.category] += [
            (source.source, block) for block in sorted({each.block for each in found})
        ]
    splits: dict[tuple[str, int], ClipSplit] = {}
    for category in sorted(blocks):
        own = blocks[category]
        rng = np.random.default_rng([spec.seed, *category.encode()])
        held_out = min(len(own) - 1, max(1, round(spec.val_share * len(own))))
        order = rng.permutation(len(own)).tolist()
        for rank, place in enumerate(order):
            splits[own[place]] = "val" if rank < held_out else "train"
    return splits


def _described(
    source: ClipSource, found: list[Window], shard: str, splits: dict[tuple[str, int], ClipSplit]
) -> Iterator[ManifestClip]:
    for row, window in enumerate(found):
        yield ManifestClip(
            clip_id=f"{source.source}:{window.first:05d}",
            origin=source.origin,
            source=source.source,
            block=window.block,
            split=splits[source.source, window.block],
            category=source.category,
            caption=source.caption,
            label=source.label,
            kitti_category=source.kitti_category,
            first_frame=window.first,
            shard=shard,
            row=row,
        )


def _check_splits(
    spec: CutClipsSpec, splits: dict[tuple[str, int], ClipSplit], skipped: dict[str, str]
) -> None:
    if set(splits.values()) != {"train", "val"}:
        why = f"; {len(skipped)} were skipped, e.g. {next(iter(skipped.values()))}" if skipped else ""
        problem = f"{len(splits)} blocks of time cannot be split{why}"
        raise ClipDataError(f"clips {spec.name}", problem, "give more recordings, or shorter blocks")


def _file_name(source: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in source)
