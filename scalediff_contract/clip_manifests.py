"""Clips to learn from: manifests, the recordings that they are cut from, and the job that cuts them."""

import hashlib
import json
from typing import Literal, Self

from pydantic import Field, model_validator

from scalediff_contract.driving import Declared
from scalediff_contract.tracking import JobStatus
from scalediff_contract.video_models import ClipSpec

Origin = Literal["real", "game", "synthetic"]
ClipSplit = Literal["train", "val"]


class ManifestClip(Declared):
    """One clip of a manifest.

    Attributes:
        clip_id: Unique in the manifest.
        origin: Recorded in the world, in the game, or generated.
        source: Recording that it was cut from.
        block: Stretch of time of that recording; a block is in one split only.
        split: What it is for.
        category: What it shows, in a word: the condition that the model learns.
        caption: What it shows, in the words of the prompt template.
        label: KITTI's integer label of the case study, where it has one.
        kitti_category: KITTI's own category, which differs from that label's name for some.
        first_frame: Index of its first picture in the recording.
        shard: Key of the array that its pictures lie in.
        row: Its row there.
    """

    clip_id: str
    origin: Origin
    source: str
    block: int
    split: ClipSplit
    category: str
    caption: str
    label: int | None = None
    kitti_category: str | None = None
    first_frame: int = Field(ge=0)
    shard: str
    row: int = Field(ge=0)


class ClipShard(Declared):
    """An array of clips: an .npy file `(n, T, H, W, 3) uint8`.

    Attributes:
        key: Of the object.
        clips: n.
        sha256: Of its bytes.
    """

    key: str
    clips: int = Field(ge=1)
    sha256: str


class ClipManifest(Declared):
    """Clips of one size to train on and to be held against.

    Attributes:
        name: For people.
        spec: Size of the clips.
        stride_frames: Pictures between the starts of two clips of one recording.
        guard_frames: Pictures between blocks that no clip contains.
        blurred: Faces and plates that were made unrecognisable; None: too small to show any.
        clips: All clips.
        shards: The arrays.
    """

    name: str
    spec: ClipSpec
    stride_frames: int = Field(ge=1)
    guard_frames: int = Field(ge=0)
    blurred: int | None = None
    clips: tuple[ManifestClip, ...]
    shards: tuple[ClipShard, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        rows = {shard.key: shard.clips for shard in self.shards}
        splits: dict[tuple[str, int], str] = {}
        for clip in self.clips:
            if clip.row >= rows.get(clip.shard, 0):
                raise ValueError(
                    f"clip {clip.clip_id} is row {clip.row} of {clip.shard}, which has no such row"
                )
            if splits.setdefault((clip.source, clip.block), clip.split) != clip.split:
                raise ValueError(f"block {clip.block} of {clip.source} is in two splits; split by block")
        if len({clip.clip_id for clip in self.clips}) != len(self.clips):
            raise ValueError("two clips have one clip_id; make them unique")
        return self

    @property
    def content_hash(self) -> str:
        """Of what the clips are: labels, splits and pictures."""
        text = json.dumps([clip.model_dump() for clip in self.clips], sort_keys=True)
        text += json.dumps(
            [shard.model_dump() for shard in self.shards] + [self.spec.model_dump()], sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()


class ClipsPlace(Declared):
    """A manifest and where it lies.

    Attributes:
        url: Folder of the manifest; shard keys are relative to it.
        key: Of the manifest there.
        content_hash: That it must have.
    """

    url: str
    key: str = "manifest.json"
    content_hash: str


class ClipSource(Declared):
    """A recording to cut clips from.

    Attributes:
        kind: A folder of pictures in order (KITTI's image_02/data), a frame shard of a session, or a film.
        place_url: Where its store is: a path or `s3://bucket/prefix`.
        key: The folder, shard or film there.
        source: Its name, unique.
        origin: Where it was recorded.
        category: What it shows.
        caption: In the words of the prompt template.
        label: KITTI's label of the case study.
        kitti_category: KITTI's own category.
        fps: Pictures a second, for folders; shards carry their times.
        segment_id: Rows of a frame shard to use; None: all.
    """

    kind: Literal["frame_folder", "frame_shard", "film"]
    place_url: str
    key: str
    source: str
    origin: Origin
    category: str
    caption: str
    label: int | None = None
    kitti_category: str | None = None
    fps: float = Field(default=10.0, gt=0)
    segment_id: str | None = None


class CutClipsSpec(Declared):
    """Cut clips from recordings.

    Attributes:
        kind: Tells specs apart.
        name: Of the manifest.
        sources: The recordings.
        clip: Size of the clips.
        stride_frames: Pictures between the starts of two clips.
        block_frames: Pictures of a block of time, which goes into one split whole.
        guard_frames: Pictures left out between blocks.
        val_share: Share of blocks held out.
        seed: Of which blocks are held out.
        detector_url: Folder of EgoBlur's two files; None: for pictures too low to show anybody.
        output_url: Folder of manifest and shards.
    """

    kind: Literal["cut_clips"] = "cut_clips"
    name: str
    sources: tuple[ClipSource, ...] = Field(min_length=1)
    clip: ClipSpec
    stride_frames: int = Field(default=4, ge=1)
    block_frames: int = Field(default=40, ge=2)
    guard_frames: int = Field(default=8, ge=0)
    val_share: float = Field(default=0.25, gt=0, lt=1)
    seed: int = 0
    detector_url: str | None = None
    output_url: str


class CutClipsResult(Declared):
    """What cutting came to.

    Attributes:
        kind: Tells results apart.
        status: `finished`.
        manifest_key: Of the manifest under the output folder.
        manifest_hash: Its content hash.
        clips: Clips by split.
        by_category: Clips by category.
        skipped: Recording -> why nothing was cut from it.
        privacy: Why nothing was looked for, or how many places were blurred.
        seconds: Wall time.
    """

    kind: Literal["cut_clips"] = "cut_clips"
    status: JobStatus
    manifest_key: str
    manifest_hash: str
    clips: dict[ClipSplit, int]
    by_category: dict[str, int]
    skipped: dict[str, str]
    privacy: str
    seconds: float
