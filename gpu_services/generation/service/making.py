"""From begun jobs to clips in the store.

A clip's name comes from all that it depends on. The job notes the name before anything is written and
the sidecar is written last; so after a crash at any point the next worker either finds the clip whole
and only closes the job, or makes the same bytes again in the same place.
"""

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gpu_services.errors import JobError
from gpu_services.generation.generator import ClipGenerator, ClipRequest
from gpu_services.generation.service import content
from gpu_services.generation.service.film import encode_mp4
from gpu_services.generation.service.jobs import JobRow, Made
from gpu_services.generation.service.judging import Judge, Judgement
from gpu_services.generation.service.patience import patiently
from gpu_services.generation.service.store import (
    CONDITIONING,
    ClipStore,
    ObjectMissingError,
    StoreUnavailableError,
    clip_key,
    sidecar_key,
)
from scalediff_contract.video_models import ClipSpec

At = Callable[[str], None]
Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Frames of a batch and the time that they took.

    Attributes:
        frames: In the order of the jobs.
        stage_s: Seconds of the batch by stage.
    """

    frames: list[Frames]
    stage_s: Mapping[str, float]


def find_made(store: ClipStore, key: str, arm: str) -> Made | None:
    """The clip of that name, where it is whole; its sidecar says the rest.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    try:
        sidecar = json.loads(store.get(sidecar_key(key)))
    except ObjectMissingError:
        return None
    return Made(
        content_key=key,
        model_version=sidecar["model_version"],
        training_release=sidecar["training_release"],
        policy_hash=sidecar["policy_hash"],
        arm=arm,
        frames_sha256=sidecar["frames_sha256"],
        batch_size=sidecar["batch_size"],
        scores=sidecar["scores"],
        verdict={name: sidecar["verdict"][name] for name in ("passed", "reasons", "policy_hash")},
        stage_s=sidecar["stage_s"],
    )


def generate(
    model: ClipGenerator, rows: Sequence[JobRow], store: ClipStore, on_steps: Callable[[int, int], None]
) -> Batch:
    """Frames for jobs of equal steps and guidance.

    Raises:
        JobError: The model cannot do it.
        StoreUnavailableError: A conditioning image cannot be read now.
    """
    started_s = time.perf_counter()
    requests = [
        ClipRequest(
            prompt=row.prompt,
            category=row.category,
            seed=row.seed,
            steps=row.steps,
            guidance=row.guidance,
            first_frame=first_frame(store, row.conditioning_sha256, model.spec),
        )
        for row in rows
    ]
    ready_s = time.perf_counter()
    frames = model.generate(requests, on_steps)
    taken_s = time.perf_counter() - ready_s
    stage_s = dict(model.stage_s)
    other_s = max(0.0, taken_s - sum(stage_s.values()))
    return Batch(frames=frames, stage_s={"prepare": ready_s - started_s, **stage_s, "other": other_s})


def first_frame(store: ClipStore, sha256: str | None, spec: ClipSpec) -> Frames | None:
    """The conditioning image at the clip's size, `(H, W, 3) uint8` RGB; None without one."""
    if sha256 is None:
        return None
    raw = np.frombuffer(store.get(f"{CONDITIONING}/{sha256}"), np.uint8)
    picture = cv2.imdecode(raw, cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise JobError(
            f"conditioning image {sha256[:12]}", "it cannot be decoded", "order with another image"
        )
    small = cv2.resize(picture, (spec.width_px, spec.height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def keep(
    store: ClipStore, row: JobRow, frames: Frames, *, key: str, model: ClipGenerator, arm: str,
    judge: Judge, batch_size: int, stage_s: Mapping[str, float], patience_s: float, at: At,
    now_ms: int,
) -> Made:  # fmt: skip
    """Score, encode and write one clip; the sidecar last.

    Raises:
        StoreUnavailableError: The store did not answer for `patience_s`.
    """
    clock = time.perf_counter
    started_s = clock()
    judgement = judge(frames, row.prompt)
    scored_s = clock()
    film = encode_mp4(frames, model.spec.fps)
    encoded_s = clock()
    patiently(
        lambda: store.put(clip_key(key), film, "video/mp4"), StoreUnavailableError, patience_s=patience_s
    )
    at("clip-written")
    spent_s = {
        "gate": scored_s - started_s,
        "h264": encoded_s - scored_s,
        "store": clock() - encoded_s,
    }
    made = Made(
        content_key=key,
        model_version=model.version,
        training_release=training_release_of(model),
        policy_hash=judgement.verdict.policy_hash,
        arm=arm,
        frames_sha256=content.frames_sha256(frames),
        batch_size=batch_size,
        scores=judgement.scores,
        verdict=judgement.verdict_row,
        stage_s={name: round(seconds, 6) for name, seconds in {**stage_s, **spent_s}.items()},
    )
    sidecar = (
        json.dumps(_sidecar(row, made, judgement, model, now_ms), indent=1, sort_keys=True).encode() + b"\n"
    )
    _put(store, sidecar_key(key), sidecar, "application/json", patience_s)
    at("sidecar-written")
    return made


def training_release_of(model: ClipGenerator) -> str | None:
    """What a model was trained on: the hash of its clips' manifest, where its card says so."""
    return getattr(getattr(model, "card", None), "manifest_hash", None)


def _put(store: ClipStore, key: str, body: bytes, content_type: str, patience_s: float) -> None:
    patiently(lambda: store.put(key, body, content_type), StoreUnavailableError, patience_s=patience_s)


def _sidecar(
    row: JobRow, made: Made, judgement: Judgement, model: ClipGenerator, now_ms: int
) -> dict[str, object]:
    return {
        **content.inputs(row),
        "content_key": made.content_key,
        "origin": "synthetic",
        "job_id": row.job_id,
        "actor": row.actor,
        "tags": {**row.tags, **judgement.tags},
        "model_version": made.model_version,
        "training_release": made.training_release,
        "policy_hash": made.policy_hash,
        "spec": model.spec.model_dump(mode="json"),
        "frames_sha256": made.frames_sha256,
        "batch_size": made.batch_size,
        "scores": dict(made.scores),
        "verdict": judgement.verdict.as_dict(),
        "stage_s": dict(made.stage_s),
        "made_at": dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).isoformat(),
    }
