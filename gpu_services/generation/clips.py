"""Clips as memory: the arrays of a manifest, checked, and the manifest's own writing.

A shard is an .npy file `(n, T, H, W, 3) uint8`: a clip of 8 x 64 x 64 takes 98 kB, the 442 clips of six
KITTI sequences 43 MB. No pickle is read.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from gpu_services.generation.errors import ClipDataError
from gpu_services.places import Place
from scalediff_contract.clip_manifests import ClipManifest, ClipShard, ClipsPlace, ClipSplit, ManifestClip
from scalediff_contract.video_models import ClipSpec

Clips = npt.NDArray[np.uint8]
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """Clips of one split.

    Attributes:
        spec: Their size.
        frames: `(N, T, H, W, 3) uint8`.
        clips: What they are.
    """

    spec: ClipSpec
    frames: Clips
    clips: tuple[ManifestClip, ...]

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def prompts(self) -> list[tuple[str, str]]:
        """(category, caption) of each."""
        return [(clip.category, clip.caption) for clip in self.clips]

    def rows(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> "ClipSet":
        """Some of them."""
        chosen = [int(row) for row in rows]
        return ClipSet(
            spec=self.spec, frames=self.frames[chosen], clips=tuple(self.clips[row] for row in chosen)
        )


@dataclass(frozen=True, kw_only=True)
class ClipLibrary:
    """A manifest's clips by split.

    Attributes:
        manifest: The manifest.
        train: What may be learnt from.
        val: Held out.
    """

    manifest: ClipManifest
    train: ClipSet
    val: ClipSet


def open_clips(where: ClipsPlace) -> ClipLibrary:
    """The clips of a manifest.

    Raises:
        ClipDataError: For other content than was asked for, or without a split.
    """
    place = Place(where.url)
    manifest = _manifest(place, where)
    arrays = {shard.key: _array(place, shard, manifest.spec) for shard in manifest.shards}

    def split(name: ClipSplit) -> ClipSet:
        clips = tuple(clip for clip in manifest.clips if clip.split == name)
        if not clips:
            problem = f"its {name} split has no clip"
            raise ClipDataError(f"clips {manifest.name}", problem, "cut more recordings, or shorter blocks")
        frames = np.stack([arrays[clip.shard][clip.row] for clip in clips])
        return ClipSet(spec=manifest.spec, frames=frames, clips=clips)

    return ClipLibrary(manifest=manifest, train=split("train"), val=split("val"))


def write_clips(place: Place, frames: Clips, key: str) -> ClipShard:
    """Write an array of clips."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(frames, np.uint8), allow_pickle=False)
    content = buffer.getvalue()
    place.write(key, content)
    return ClipShard(key=key, clips=len(frames), sha256=hashlib.sha256(content).hexdigest())


def write_manifest(place: Place, manifest: ClipManifest) -> ClipsPlace:
    """Write a manifest; its shards must lie there already."""
    place.write(MANIFEST, manifest.model_dump_json(indent=1).encode())
    return ClipsPlace(url=place.url, key=MANIFEST, content_hash=manifest.content_hash)


def fitted(picture: Clips, spec: ClipSpec) -> Clips:
    """A picture `(H, W, 3)` at the clips' size: cut to their shape in the middle, then scaled."""
    height, width = picture.shape[:2]
    scale = min(height / spec.height_px, width / spec.width_px)
    cut_height, cut_width = round(spec.height_px * scale), round(spec.width_px * scale)
    top, left = (height - cut_height) // 2, (width - cut_width) // 2
    cut = picture[top : top + cut_height, left : left + cut_width]
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (spec.width_px, spec.height_px), interpolation=how), np.uint8)


def _manifest(place: Place, where: ClipsPlace) -> ClipManifest:
    name = f"{where.url}/{where.key}"
    try:
        manifest = ClipManifest.model_validate_json(place.read(where.key))
    except ValidationError as error:
        raise ClipDataError(name, str(error.errors()[0]["msg"]), "cut the clips again") from error
    if manifest.content_hash != where.content_hash:
        problem = f"its hash is {manifest.content_hash[:16]}, not {where.content_hash[:16]}"
        raise ClipDataError(name, problem, "name the manifest that is there")
    return manifest


def _array(place: Place, shard: ClipShard, spec: ClipSpec) -> Clips:
    content, name = place.read(shard.key), f"{place.url}/{shard.key}"
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise ClipDataError(name, "its hash is not the manifest's, so it is corrupt", "cut the clips again")
    frames = np.load(io.BytesIO(content), allow_pickle=False)
    if frames.dtype != np.uint8 or frames.shape != (shard.clips, *spec.shape):
        problem = f"it is {frames.shape} {frames.dtype}, not {(shard.clips, *spec.shape)} uint8"
        raise ClipDataError(name, problem, "cut the clips again")
    array: Clips = frames
    return array
