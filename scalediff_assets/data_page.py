"""The text of docs/data.md: every declared table and column."""

from scalediff_assets.clip_schemas import CLIP_TABLES
from scalediff_assets.model_schemas import MODEL_TABLES
from scalediff_assets.pair_schemas import PAIR_TABLES
from scalediff_assets.payout_schemas import PAYOUT_TABLES
from scalediff_assets.schemas import ALL_TABLES
from scalediff_assets.video_schemas import VIDEO_TABLES


def data_page() -> str:
    """The text of docs/data.md."""
    head = (
        "# Every table and column\n\n"
        "Generated from `schemas.py`, `pair_schemas.py`, `payout_schemas.py`, `model_schemas.py`, "
        "`video_schemas.py` and `clip_schemas.py` in `scalediff_assets/` by `make docs`; a test holds that "
        "they agree.\n"
        "World axes are CARLA's: X forward, Y right, yaw clockwise. Null means not known.\n"
    )
    tables = (*ALL_TABLES, *PAIR_TABLES, *PAYOUT_TABLES, *MODEL_TABLES, *VIDEO_TABLES, *CLIP_TABLES)
    return "\n".join([head, *(table.markdown() for table in tables)])
