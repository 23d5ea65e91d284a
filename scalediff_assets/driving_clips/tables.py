"""From a cut manifest to tables; and a set's manifest and pictures for whoever reads them.

ClipSetError(ValueError)   a set that cannot be cut or read
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.video_schemas import CLIP_SET_TABLE, DRIVING_CLIPS, DrivingClips
from scalediff_contract.clip_manifests import ClipManifest, ClipsPlace, CutClipsResult, ManifestClip

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FOLDER, MANIFEST = "clip_sets", "manifest.json"


class ClipSetError(ValueError):
    """A set of clips that cannot be cut or read; says which, why and what helps."""

    def __init__(self, name: str, problem: str, mend: str) -> None:
        self.name = name
        super().__init__(f"clip set {name!r}: {problem}; {mend}")


def read_manifest(connections: Connections, name: str) -> ClipManifest:
    """The manifest of a set.

    Raises:
        ClipSetError: There is no such set.
    """
    try:
        content = connections.models().get(f"{FOLDER}/{name}/{MANIFEST}")
    except ObjectMissingError as error:
        raise ClipSetError(name, "it was never cut", "materialise driving_clips for it") from error
    return ClipManifest.model_validate_json(content)


def clips_place(connections: Connections, name: str) -> ClipsPlace:
    """Where a job finds a set."""
    manifest = read_manifest(connections, name)
    url = f"{connections.models().url}/{FOLDER}/{name}"
    return ClipsPlace(url=url, key=MANIFEST, content_hash=manifest.content_hash)


def read_clips(
    connections: Connections, name: str, manifest: ClipManifest
) -> "Iterator[tuple[ManifestClip, npt.NDArray[np.uint8]]]":
    """Each clip with its pictures, `(T, H, W, 3) uint8` RGB; one array is in memory at a time."""
    import numpy as np

    by_shard: dict[str, list[ManifestClip]] = {}
    for clip in manifest.clips:
        by_shard.setdefault(clip.shard, []).append(clip)
    for shard, clips in by_shard.items():
        array = np.load(io.BytesIO(connections.models().get(f"{FOLDER}/{name}/{shard}")), allow_pickle=False)
        for clip in clips:
            yield clip, array[clip.row]


def clip_tables(name: str, place_url: str, manifest: ClipManifest, result: CutClipsResult) -> DrivingClips:
    """The stage's tables."""
    row = {
        "clip_set": name,
        "place_url": place_url,
        "manifest_key": result.manifest_key,
        "manifest_hash": result.manifest_hash,
        **{field: getattr(manifest.spec, field) for field in ("frames", "height_px", "width_px", "fps")},
        "train": result.clips["train"],
        "val": result.clips["val"],
        "skipped": len(result.skipped),
        "privacy": result.privacy,
    }
    fields = ("clip_id", "origin", "source", "block", "split", "category", "caption", "kitti_category")
    clips = [
        {
            "clip_set": name,
            **{field: getattr(clip, field) for field in fields},
            "first_frame": clip.first_frame,
        }
        for clip in manifest.clips
    ]
    return DrivingClips(
        sets=CLIP_SET_TABLE.frame([row]), clips=DRIVING_CLIPS.frame(clips).sort("clip_set", "clip_id")
    )
