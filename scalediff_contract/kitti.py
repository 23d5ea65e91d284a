"""The six KITTI sequences that the case study names, and where their pictures lie in a local copy.

KITTI files sequences 0001, 0005, 0009, 0014 under City, 0019 under Residential, 0015 under Road, and the
case study calls 0019 a city and 0001 and 0009 residential: its six labels stay, KITTI's stands beside.
"""

from dataclasses import dataclass
from pathlib import Path

from scalediff_contract.clip_manifests import ClipSource

_DAY = "2011_09_26"


@dataclass(frozen=True, kw_only=True)
class KittiSequence:
    """A sequence that the case study names.

    Attributes:
        drive: KITTI's number on 2011-09-26.
        pictures: How many it has.
        label: The case study's integer label.
        kitti_category: KITTI's own.
    """

    drive: str
    pictures: int
    label: int
    kitti_category: str


KITTI_SEQUENCES = (
    KittiSequence(drive="0005", pictures=154, label=0, kitti_category="City"),
    KittiSequence(drive="0014", pictures=314, label=1, kitti_category="City"),
    KittiSequence(drive="0019", pictures=481, label=2, kitti_category="Residential"),
    KittiSequence(drive="0001", pictures=108, label=3, kitti_category="City"),
    KittiSequence(drive="0009", pictures=447, label=4, kitti_category="City"),
    KittiSequence(drive="0015", pictures=297, label=5, kitti_category="Road"),
)


def kitti_sources(folder: Path) -> list[ClipSource]:
    """The named sequences that a local copy of KITTI's raw data has (`{day}/{day}_drive_0005_sync/...`)."""
    found = []
    for each in KITTI_SEQUENCES:
        key = f"{_DAY}/{_DAY}_drive_{each.drive}_sync/image_02/data"
        if (folder / key).is_dir():
            road = each.kitti_category.lower()
            found.append(
                ClipSource(
                    kind="frame_folder",
                    place_url=str(folder),
                    key=key,
                    source=f"kitti-{each.drive}",
                    origin="real",
                    category=f"kitti_{road}",
                    caption=f"dashcam view of routine driving on a {road} street during daytime",
                    label=each.label,
                    kitti_category=each.kitti_category,
                )
            )
    return found
