"""Cutting: counts of the case study, no picture in two splits, bursts, KITTI folders, frame shards."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import simplejpeg

from gpu_services.generation.clips import open_clips
from gpu_services.generation.cut import cut_clips, windows
from gpu_services.generation.errors import ClipDataError
from scalediff_contract.clip_manifests import ClipSource, ClipsPlace, CutClipsSpec
from scalediff_contract.kitti import KITTI_SEQUENCES
from scalediff_contract.video_models import ClipSpec
from tests.gpu_services.generation.conftest import quiet

SMALL = ClipSpec(frames=8, height_px=16, width_px=16)


def test_six_sequences_give_the_442_clips_of_the_case_study() -> None:
    counts = [len(windows(each.pictures, frames=8, stride=4)) for each in KITTI_SEQUENCES]
    assert counts == [37, 77, 119, 26, 110, 73]
    assert sum(counts) == 442


def test_no_clip_crosses_a_guard() -> None:
    found = windows(120, frames=8, stride=4, block=40, guard=8)
    seen = {each.block: {each.first + k for each in found for k in range(8)} for each in found}
    by_block = {
        block: {
            first + k for each in found if each.block == block for first in [each.first] for k in range(8)
        }
        for block in seen
    }
    for one, other in pairwise(sorted(by_block)):
        assert min(by_block[other]) - max(by_block[one]) > 8


def kitti_folder(root: Path, name: str, pictures: int, value: int) -> ClipSource:
    folder = root / name / "image_02" / "data"
    folder.mkdir(parents=True)
    for number in range(pictures):
        picture = np.full((37, 122, 3), value, np.uint8)
        picture[:, : 1 + number % 122] = 255 - value
        cv2.imwrite(str(folder / f"{number:010d}.png"), picture)
    return ClipSource(
        kind="frame_folder", place_url=str(root), key=f"{name}/image_02/data", source=name, origin="real",
        category="city", caption="dashcam view of city driving", label=2, kitti_category="Residential",
    )  # fmt: skip


def spec_of(folder: Path, *sources: ClipSource, **changes: object) -> CutClipsSpec:
    spec = CutClipsSpec(name="t", sources=sources, clip=SMALL, output_url=str(folder / "out"))
    return spec.model_copy(update=changes)


def test_a_kitti_folder_becomes_labelled_clips_split_by_time(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, kitti_folder(tmp_path, "0019", 150, 30))
    result = cut_clips(spec, quiet)
    library = open_clips(ClipsPlace(url=spec.output_url, content_hash=result.manifest_hash))
    assert result.clips == {"train": len(library.train), "val": len(library.val)}
    assert len(library.val) >= 1
    clip = library.train.clips[0]
    assert (clip.label, clip.kitti_category, clip.origin) == (2, "Residential", "real")

    def pictures(clips: object) -> set[int]:
        return {each.first_frame + k for each in clips.clips for k in range(8)}  # type: ignore[attr-defined]

    assert not pictures(library.train) & pictures(library.val)
    assert result.privacy == "not_applicable: pictures lower than 256 px"


def test_pictures_in_bursts_are_taken_by_their_time(tmp_path: Path) -> None:
    """Two pictures at once and then none for 200 ms: at 10 Hz each second one stays on the screen."""
    jpegs, times = [], []
    for number in range(160):
        picture = np.full((64, 64, 3), number, np.uint8)
        jpegs.append(simplejpeg.encode_jpeg(picture, quality=95))
        times.append(float(200 * (number // 2)))
    rows = pl.DataFrame({"segment_id": ["s_1"] * 160, "game_t_ms": times, "jpeg": jpegs})
    rows.write_parquet(tmp_path / "shard.parquet")
    source = ClipSource(
        kind="frame_shard", place_url=str(tmp_path), key="shard.parquet", source="s", origin="game",
        category="city", caption="", segment_id="s_1",
    )  # fmt: skip
    spec = spec_of(tmp_path, source)
    result = cut_clips(spec, quiet)
    library = open_clips(ClipsPlace(url=spec.output_url, content_hash=result.manifest_hash))
    clip = library.train.frames[0].astype(int)[:, 8, 8, 0]
    steps = np.diff(clip)
    assert set(steps.tolist()) <= {0, 1, 2, 3}
    assert (steps == 0).sum() >= 3, "what stays on the screen is repeated, not skipped"


def test_what_cannot_be_cut_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = kitti_folder(tmp_path, "0001", 150, 30)
    short = kitti_folder(tmp_path, "0002", 5, 60)
    broken = kitti_folder(tmp_path, "0003", 60, 90)
    (tmp_path / broken.key / "0000000003.png").write_bytes(b"no picture")
    result = cut_clips(spec_of(tmp_path, good, short, broken), quiet)
    assert set(result.skipped) == {"0002", "0003"}
    assert "5 pictures" in result.skipped["0002"]
    assert "no picture" in result.skipped["0003"]
    with pytest.raises(ClipDataError, match="cannot be split"):
        cut_clips(spec_of(tmp_path, short), quiet)


def test_large_pictures_need_a_detector(tmp_path: Path) -> None:
    large = ClipSpec(frames=8, height_px=256, width_px=256)
    spec = spec_of(tmp_path, kitti_folder(tmp_path, "0001", 60, 30), clip=large)
    with pytest.raises(ClipDataError, match="no detector is named; name detector_url"):
        cut_clips(spec, quiet)
