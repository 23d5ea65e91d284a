"""A model that stays loaded and makes clips on request: the generator behind the worker.

Requests of equal steps and guidance are computed together in batches of one fixed size (the last one
is filled up with repeats): shapes never change, so kernels stay warm and a clip's bits do not depend on
its neighbours. On a CPU a batch is one clip: there is nothing to gain by more.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from gpu_services.errors import JobError
from gpu_services.generation.clips import fitted
from gpu_services.generation.codec import decode_clips, to_pixels
from gpu_services.generation.diffusion import sample_videos
from gpu_services.generation.errors import GenerationError
from gpu_services.generation.generator import ClipRequest, Frames, OnSteps
from gpu_services.generation.model import VideoCard, VideoModel, load_video_model
from gpu_services.runtime import cpu_has_bf16
from scalediff_contract.video_models import ClipSpec

_GPU_BATCH_BYTES = 64 * 8 * 3 * 64 * 64
MAX_STEPS = 1_000
MAX_GUIDANCE = 30.0


class ResidentModel:
    """A loaded model."""

    def __init__(
        self, model: VideoModel, card: VideoCard, device: torch.device, *, batch: int | None = None
    ) -> None:
        """Take a model.

        Args:
            model: It.
            card: What it is.
            device: Where it lies.
            batch: Clips computed together; None: as many as the device is good for.
        """
        self._model, self.card, self._device = model, card, device
        self._batch = batch or _good_batch(model, device)
        self._stage_s: dict[str, float] = {}

    @classmethod
    def load(cls, url: str, device: str = "auto", *, batch: int | None = None) -> "ResidentModel":
        """The model of a checkpoint.

        Raises:
            CheckpointError: Where there is none, or a corrupt one.
            JobError: For a device that is not there.
        """
        where = _device(device)
        model, card = load_video_model(url, where)
        return cls(model, card, where, batch=batch)

    @property
    def version(self) -> str:
        """Semantic version."""
        return self.card.version

    @property
    def spec(self) -> ClipSpec:
        """Size of its clips."""
        return self._model.spec

    @property
    def stage_s(self) -> Mapping[str, float]:
        """Seconds by stage of the last call."""
        return dict(self._stage_s)

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories that it was trained on; of others only the prompt's known words tell."""
        return self._model.vocabulary.terms[: self._model.vocabulary.categories]

    def generate(self, requests: Sequence[ClipRequest], report: OnSteps | None = None) -> list[Frames]:
        """Make clips, in the requests' order.

        Raises:
            GenerationError: For a request that this model cannot do.
        """
        for request in requests:
            _check(request)
        self._stage_s = {"encode": 0.0, "denoise": 0.0, "decode": 0.0}
        groups = _groups(requests, self._batch)
        total = sum(requests[group[0]].steps for group in groups)
        made: dict[int, Frames] = {}
        before = 0
        for group in groups:
            chosen = [requests[place] for place in group]

            def tell(done: int, _: int, before: int = before) -> None:
                if report is not None:
                    report(before + done, total)

            made.update(zip(group, self._generate(chosen, tell), strict=True))
            before += chosen[0].steps
        return [made[place] for place in range(len(requests))]

    def _generate(self, requests: list[ClipRequest], tell: OnSteps) -> list[Frames]:
        model, count = self._model, len(requests)
        padded = requests + [requests[-1]] * (self._batch - count)
        with self._stage("encode"), torch.no_grad():
            condition = model.conditioner([(each.category, each.prompt) for each in padded]).to(self._device)
            first = self._first_frames(padded)
        with self._stage("denoise"), self._autocast():
            latents = sample_videos(
                model.network,
                condition,
                model.schedule,
                shape=model.latent_shape,
                seeds=[each.seed for each in padded],
                steps=padded[0].steps,
                guidance=padded[0].guidance,
                first_frames=first,
                on_step=tell,
            )
        with self._stage("decode"), torch.no_grad():
            return decode_clips(model.codec, latents[:count])

    def _first_frames(self, requests: list[ClipRequest]) -> Tensor | None:
        """Latents `(B, C, h, w)` of given first pictures; a batch has them for all or for none."""
        if requests[0].first_frame is None:
            return None
        pictures = [fitted(each.first_frame, self.spec) for each in requests if each.first_frame is not None]
        return self._model.codec.encode(to_pixels(np.stack(pictures), self._device))

    def _autocast(self) -> torch.autocast:
        fast = self._device.type == "cuda" or (cpu_has_bf16() and self.card.recipe.bf16 != "never")
        return torch.autocast(self._device.type, torch.bfloat16, enabled=fast)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._stage_s[name] += time.perf_counter() - began_s


def _check(request: ClipRequest) -> None:
    """Refuse what cannot be computed.

    Raises:
        GenerationError: Naming the field.
    """
    name = f"clip of {request.category}, seed {request.seed}"
    if not 1 <= request.steps <= MAX_STEPS:
        raise GenerationError(name, f"steps is {request.steps}", f"choose 1 to {MAX_STEPS}")
    if not 0 <= request.guidance <= MAX_GUIDANCE:
        raise GenerationError(name, f"guidance is {request.guidance}", f"choose 0 to {MAX_GUIDANCE:g}")
    if not 0 <= request.seed < 2**63:
        raise GenerationError(name, "its seed is out of range", "choose 0 to 2^63 - 1")
    picture = request.first_frame
    if picture is not None and (picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8):
        problem = f"first_frame is {picture.shape} {picture.dtype}"
        raise GenerationError(name, problem, "give (H, W, 3) uint8")


def _groups(requests: Sequence[ClipRequest], batch: int) -> list[list[int]]:
    """Places of requests that can be computed together, at most `batch` in each."""
    alike: dict[tuple[int, float, bool], list[int]] = {}
    for place, request in enumerate(requests):
        key = (request.steps, request.guidance, request.first_frame is not None)
        alike.setdefault(key, []).append(place)
    return [
        places[first : first + batch] for places in alike.values() for first in range(0, len(places), batch)
    ]


def _good_batch(model: VideoModel, device: torch.device) -> int:
    if device.type == "cpu":
        return 1
    size = int(np.prod(model.latent_shape))
    return max(1, min(64, _GPU_BATCH_BYTES // size))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise JobError(f"device {name}", "there is no GPU", "choose cpu or auto")
    return device
