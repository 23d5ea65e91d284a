"""Sidecars as the generation service writes them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from scalediff_assets.synthetic_clips.provenance import Acceptance, Sidecar
from scoring.clips import ClipMeasures
from scoring.gate import judge_clip, load_gate_policy
from scoring.privacy import PrivacyCheck, PrivacyState

MakeSidecar = Callable[..., Sidecar]
GOOD = ClipMeasures(
    frames=8, height_px=64, width_px=64, tcs=0.99, tcs_flow=0.98, tcs_flow_worst=0.97,
    motion=0.02, flicker=0.05, colour_drift=0.02, sharpness=70.0, flow_share=0.01,
)  # fmt: skip


@pytest.fixture
def sidecar() -> MakeSidecar:
    """`sidecar(3, category="dense_fog", motion=0.0)`: of clip 3, with changed measures."""

    def make(number: int = 0, *, category: str = "dust_storm", **changes: Any) -> Sidecar:
        measures = ClipMeasures(**(asdict(GOOD) | changes))
        unseen = PrivacyCheck(state=PrivacyState.NOT_APPLICABLE, detector=None, found=0, why="resolution")
        verdict = judge_clip(measures, load_gate_policy(), privacy=unseen)
        scores: dict[str, Any] = measures.as_row()
        scores["temporal_coherence"] = scores.pop("tcs")
        spec = {name: scores.pop(name) for name in ("frames", "height_px", "width_px")}
        document = {
            "content_key": f"{number:032x}", "origin": "synthetic", "job_id": f"gen-2026-0201-{number:06d}",
            "actor": "plan", "prompt": "dashcam view of a haboob on interstate", "category": category,
            "seed": number, "num_inference_steps": 50, "guidance_scale": 4.0, "conditioning_sha256": None,
            "model_version": "v1.0.0", "training_release": "r" * 64, "policy_hash": verdict.policy_hash,
            "spec": spec | {"fps": 10.0}, "frames_sha256": "f" * 64, "batch_size": 4, "scores": scores,
            "verdict": verdict.as_dict(), "stage_s": {"denoise": 1.0}, "tags": {"plan": "2026-02-01"},
        }  # fmt: skip
        return Sidecar.read(json.dumps(document).encode())

    return make


@pytest.fixture
def acceptance() -> Acceptance:
    return Acceptance(
        accepted_ms=1_800_000_000_000, actor="run-1", policy_version="v1", code_version="abc",
        policy_hash=load_gate_policy().policy_hash, cohort_id="v1.0.0/dust_storm/2026-02-01",
    )  # fmt: skip
