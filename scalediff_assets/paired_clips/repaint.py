"""The launch form of a repaint and what is done with its result: a job's spec, and the hour's rows.

What was painted is in the lake, one sidecar a video, under its session; the hour's table is read from
there, so that it says what there is, whatever runs and kills there were before.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import polars as pl
from pydantic import Field, ValidationError

from resources.object_store import ObjectStore
from scalediff_assets.hours import SessionsConfig
from scalediff_assets.pair_schemas import REPAINTED, RepaintedSessions
from scalediff_contract.repaint import (
    SIDECAR_SUFFIX,
    PainterName,
    RepaintedVideo,
    RepaintFailure,
    RepaintResult,
    RepaintSession,
    RepaintSpec,
)

VIDEOS, JOBS = "repainted_videos", "repaint_jobs"
PAINTERS: tuple[str, ...] = get_args(PainterName)


class RepaintOrderError(ValueError):
    """A repaint that cannot be ordered; the message names the field and the mend."""


class RepaintConfig(SessionsConfig):
    """What to paint anew; empty prompts: only list what is there."""

    prompts: list[str] = Field(
        default=[], description="What to paint, such as `heavy rain at night`; each session once with each."
    )
    painter: str = Field(default="stylize", description=f"{', '.join(PAINTERS)}; wan needs weights and GPU.")
    width_px: int | None = Field(default=None, description="Width of the pictures; default: the painter's.")
    height_px: int | None = Field(default=None, description="Height of the pictures; default: the painter's.")
    preset: str = Field(default="wan-1.3b", description="Of wan: wan-1.3b or wan-14b.")
    weights_dir: str | None = Field(
        default=None, description="Of wan: folder of the published weights, where the job runs."
    )


def repaint_spec(
    config: RepaintConfig, sessions: pl.DataFrame, *, raw_url: str, lake_url: str
) -> RepaintSpec | None:
    """The job's spec; None where nothing was ordered.

    Args:
        config: The launch form.
        sessions: MANIFEST rows of the hour's sessions.
        raw_url: Store of the recordings.
        lake_url: Store of what is painted.

    Raises:
        RepaintOrderError: For a form that cannot be, or a named session without a source.
    """
    with_source = sessions.drop_nulls("source_video_key").sort("session_id")
    lacking = sorted(set(config.session_ids) - set(with_source["session_id"]))
    if lacking:
        raise RepaintOrderError(
            f"{', '.join(lacking)}: not a valid session of this hour with a video before painting "
            "(`_source.webm`); record with `?source`, or name other sessions"
        )
    if not config.prompts or not with_source.height:
        return None
    chosen = tuple(
        RepaintSession(session_id=row["session_id"], source_key=row["source_video_key"])
        for row in with_source.iter_rows(named=True)
    )
    order = {"sessions": chosen, **config.model_dump(exclude={"session_ids"})}
    name = hashlib.sha256(json.dumps(order, default=repr).encode()).hexdigest()[:16]
    try:
        return RepaintSpec.model_validate(
            order
            | {
                "raw_url": raw_url,
                "videos_url": f"{lake_url}/{VIDEOS}",
                "output_url": f"{lake_url}/{JOBS}/{name}",
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        # A run shows the first cause; this sentence says all that the other one does.
        raise RepaintOrderError(f"{field} is {first['input']!r}: {first['msg']}") from None


def sidecars_of(lake: ObjectStore, session_ids: Iterable[str]) -> dict[str, list[str]]:
    """Object keys of what was painted of each session, sorted."""
    return {
        session_id: sorted(
            info.key for info in lake.list(f"{VIDEOS}/{session_id}/") if info.key.endswith(SIDECAR_SUFFIX)
        )
        for session_id in session_ids
    }


def repainted_tables(
    lake: ObjectStore, sessions: pl.DataFrame, result: RepaintResult | None
) -> RepaintedSessions:
    """The hour's rows: all that is painted, and what this run could not paint."""
    wallets = dict(sessions.select("session_id", "wallet").iter_rows())
    painted = (key for keys in sidecars_of(lake, sorted(wallets)).values() for key in keys)
    rows = list(_painted_rows(lake, painted, wallets))
    failures: Sequence[RepaintFailure] = result.failures if result else ()
    backend = result.backend if result else ""
    rows += [_failed_row(each, wallets[each.session_id], backend) for each in failures]
    return RepaintedSessions.concat([RepaintedSessions(videos=REPAINTED.frame(rows))])


def _painted_rows(
    lake: ObjectStore, keys: Iterable[str], wallets: dict[str, str]
) -> Iterator[dict[str, Any]]:
    for key in keys:
        video = RepaintedVideo.model_validate_json(lake.get(key))
        yield {
            "session_id": video.session_id,
            "wallet": wallets[video.session_id],
            "repaint_id": video.repaint_id,
            "prompt": video.prompt,
            "backend": video.backend,
            "state": "painted",
            "detail": None,
            "sidecar_key": key,
            "video_key": f"{VIDEOS}/{video.video_key}",
            "video_sha256": video.video_sha256,
            "frames": len(video.frames),
        }


def _failed_row(failure: RepaintFailure, wallet: str, backend: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(REPAINTED.schema.names())
    return row | {
        "session_id": failure.session_id,
        "wallet": wallet,
        "repaint_id": "",
        "prompt": failure.prompt,
        "backend": backend,
        "state": "failed",
        "detail": failure.detail,
        "frames": 0,
    }
