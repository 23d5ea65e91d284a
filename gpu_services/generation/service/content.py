"""What a clip depends on, and the name that follows from it."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from gpu_services.generation.service.jobs import JobRow
from scalediff_contract.video_models import ClipSpec


def content_key(row: JobRow, model_version: str, spec: ClipSpec) -> str:
    """32 hex digits of all that the frames depend on: equal orders to one model have equal clips."""
    return _digest({**inputs(row), "model_version": model_version, "spec": spec.model_dump(mode="json")})[:32]


def inputs(row: JobRow) -> dict[str, Any]:
    """The order's share of it."""
    return {
        "prompt": row.prompt,
        "category": row.category,
        "seed": row.seed,
        "num_inference_steps": row.steps,
        "guidance_scale": row.guidance,
        "conditioning_sha256": row.conditioning_sha256,
    }


def request_sha256(document: dict[str, Any]) -> str:
    """To tell a repeated request from another one."""
    return _digest(document)


def frames_sha256(frames: npt.NDArray[np.uint8]) -> str:
    """Of shape and pixels, before encoding."""
    shape = ",".join(map(str, frames.shape)).encode()
    return hashlib.sha256(shape + b"\n" + np.ascontiguousarray(frames).tobytes()).hexdigest()


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()
