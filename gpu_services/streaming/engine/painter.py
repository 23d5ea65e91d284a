"""The engine: takes the next chunk of some sessions and paints it.

A chunk is one latent frame: 1 video frame at a stream's start, then 4. It is encoded, mixed with noise,
denoised in a few steps over the session's memory, and decoded. The transformer works on all sessions at once;
the codecs, whose pictures fill a GPU alone, on one after another. Between the frames' arrival and their
way back to the host nothing waits for the device.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpu_services.errors import JobError
from gpu_services.streaming.engine.codec import Decoder, Encoder, download, from_bytes, to_bytes, upload
from gpu_services.streaming.engine.config import FRAMES_PER_LATENT, EngineConfig
from gpu_services.streaming.engine.denoiser import Denoiser
from gpu_services.streaming.engine.graphs import Graphs
from gpu_services.streaming.engine.prompts import PromptCache
from gpu_services.streaming.engine.ring import Ring, Total, begin_frame, empty_ring, watch_sinks
from gpu_services.streaming.engine.schedule import (
    NoiseLevel,
    cleaned,
    first_timestep,
    mixed,
    motion,
    next_scale,
    step_timesteps,
)
from gpu_services.streaming.engine.session import Session, move

Flow = Callable[..., Tensor]


class PaintError(JobError):
    """A chunk that cannot be painted."""


class Painter:
    """Paints chunks of sessions.

    Attributes:
        config: What it was built with.
        steps: Denoising steps per chunk; may be changed between chunks.
        device: Where it computes.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        denoiser: Denoiser,
        encoder: Encoder,
        decoder: Decoder,
        prompts: PromptCache,
        total: Total = torch.clone,
    ) -> None:
        self.config = config
        self.steps = config.steps
        self.device = denoiser.device
        self.denoiser, self._encoder, self._decoder, self._prompts = denoiser, encoder, decoder, prompts
        self._total = total
        self._graphs = Graphs(denoiser.flow) if config.cuda_graphs else None
        self._flow: Flow = self._graphs.run if self._graphs else denoiser.flow

    def chunk_frames(self, session: Session) -> int:
        """How many frames the session's next chunk takes."""
        return FRAMES_PER_LATENT if session.chunks else 1

    @torch.inference_mode()
    def open(self, prompt: str, *, seed: int = 0) -> Session:
        """A new stream. Its pictures depend on prompt, seed and frames, and on nothing else."""
        return Session(
            prompt=prompt,
            seed=seed,
            generator=torch.Generator(self.device).manual_seed(seed),
            ring=self._new_ring(),
            prompt_memory=self.denoiser.prompt_memory(self._prompts.embed(prompt)),
            noise=self._new_noise(),
        )

    @torch.inference_mode()
    def reset(self, session: Session) -> None:
        """Forget everything but the prompt, as if the stream began now."""
        self.close(session)
        if session.suspended:
            self.resume(session)
        session.generator.manual_seed(session.seed)
        session.ring, session.noise, session.chunks = self._new_ring(), self._new_noise(), 0
        session.encoder_memory, session.decoder_memory = [], []

    def set_prompt(self, session: Session, prompt: str) -> None:
        """Paint this from the next chunk on. The embedding of a new prompt is computed now."""
        self._prompts.embed(prompt)
        session.next_prompt = prompt

    def suspend(self, session: Session) -> None:
        """Move a session's memory to the host; it wakes by itself when it is painted."""
        self.close(session)
        move(session, torch.device("cpu"))
        session.suspended = True

    @torch.inference_mode()
    def resume(self, session: Session) -> None:
        """Move a session's memory back to the device."""
        move(session, self.device)
        session.suspended = False

    def close(self, session: Session) -> None:
        """Drop what the engine itself holds of a session: recorded graphs. The rest is the session's."""
        if self._graphs:
            self._graphs.forget(session.ring)

    @torch.inference_mode()
    def paint(
        self, sessions: Sequence[Session], chunks: Sequence[NDArray[np.uint8]]
    ) -> list[NDArray[np.uint8]]:
        """Paint the next chunk of some sessions, all with the same number of frames.

        Args:
            sessions: Different ones.
            chunks: `(T, H, W, 3) uint8` RGB of each; T is what `chunk_frames` says.

        Returns:
            Painted frames of the same shapes.

        Raises:
            PaintError: For chunks of a wrong shape, or a session named twice.
        """
        self._check(sessions, chunks)
        for session in sessions:
            self._prepare(session)
        frames = [upload(chunk, self.device) for chunk in chunks]
        pictures = [from_bytes(one, self.denoiser.dtype) for one in frames]
        scales = torch.stack([self._noise_scale(s, p) for s, p in zip(sessions, pictures, strict=True)])
        painted = self._denoise(sessions, self._encoded(sessions, pictures), scales)
        videos = self._decoded(sessions, painted)
        for session in sessions:
            self._finish(session)
        return download(videos)

    def _check(self, sessions: Sequence[Session], chunks: Sequence[NDArray[np.uint8]]) -> None:
        if len({id(session) for session in sessions}) != len(sessions) or len(sessions) != len(chunks):
            raise PaintError(
                "paint",
                f"{len(sessions)} sessions, {len(chunks)} chunks",
                "give each session once, with a chunk",
            )
        config = self.config
        wanted = {(self.chunk_frames(s), config.height_px, config.width_px, 3) for s in sessions}
        if len(wanted) > 1:
            raise PaintError("paint", f"chunks of {sorted(wanted)} together", "paint new streams apart")
        for chunk in chunks:
            if chunk.shape not in wanted or chunk.dtype != np.uint8:
                problem = f"it is {chunk.shape} {chunk.dtype}, not {wanted.pop()} uint8"
                raise PaintError("chunk", problem, "ask chunk_frames how many frames it takes")

    def _prepare(self, session: Session) -> None:
        if session.suspended:
            self.resume(session)
        if session.next_prompt is not None:
            memory = self.denoiser.prompt_memory(self._prompts.embed(session.next_prompt))
            for old, new in zip(session.prompt_memory, memory, strict=True):
                old[0].copy_(new[0])
                old[1].copy_(new[1])
            session.prompt, session.next_prompt = session.next_prompt, None
        begin_frame(session.ring, window=self.config.window, sinks=self.config.sinks)

    def _noise_scale(self, session: Session, pictures: Tensor) -> Tensor:
        """The part of noise of this chunk; remembers it and the last picture `(3, H, W)`."""
        noise = session.noise
        if noise.last_frame is not None:
            moved = motion(pictures, noise.last_frame, full_rms=self.config.motion_rms)
            noise.scale = next_scale(moved, noise.scale, initial=self.config.noise)
        noise.last_frame = pictures[-1].clone()
        return noise.scale

    def _encoded(self, sessions: Sequence[Session], pictures: Sequence[Tensor]) -> Tensor:
        videos = [one.transpose(0, 1)[None] for one in pictures]  # (1, 3, T, H, W)
        pairs = zip(videos, sessions, strict=True)
        return torch.cat([self._encoder.encode(video, session.encoder_memory) for video, session in pairs])

    def _decoded(self, sessions: Sequence[Session], latents: Tensor) -> list[Tensor]:
        pairs = zip(torch.split(latents, 1), sessions, strict=True)
        return [to_bytes(self._decoder.decode(latent, session.decoder_memory)) for latent, session in pairs]

    def _denoise(self, sessions: Sequence[Session], clean: Tensor, scales: Tensor) -> Tensor:
        """The painted latents: as many steps as are set, from the input mixed with noise."""
        rings, prompts = [s.ring for s in sessions], [s.prompt_memory for s in sessions]
        noisy = mixed(clean, self._noise(sessions, clean), scales)
        planned = step_timesteps(self.config.timesteps, self.steps, self.config.timestep_shift)
        steps = [torch.full_like(scales, timestep) for timestep in planned]
        if sessions[0].chunks:
            steps[0] = first_timestep(scales)
        for now, following in zip(steps, [*steps[1:], None], strict=True):
            clean = cleaned(noisy, self._flow(rings, prompts, noisy, now), now)
            if following is not None:
                noisy = mixed(clean, self._noise(sessions, clean), following / 1000)
        if self.config.clean_pass:
            self._flow(rings, prompts, clean, torch.zeros_like(scales))
        return clean

    def _noise(self, sessions: Sequence[Session], like: Tensor) -> Tensor:
        shape = (1, *like.shape[1:])
        drawn = [
            torch.randn(shape, generator=s.generator, device=like.device, dtype=like.dtype) for s in sessions
        ]
        return torch.cat(drawn)

    def _finish(self, session: Session) -> None:
        session.chunks += 1
        config = self.config
        if config.sink_rule == "adaptive":
            watch_sinks(
                session.ring,
                window=config.window,
                sinks=config.sinks,
                tokens=config.tokens_per_frame,
                threshold=config.sink_threshold,
                total=self._total,
            )

    def _new_ring(self) -> Ring:
        dtype = self.denoiser.dtype
        return empty_ring(self.config, heads=self.denoiser.heads, device=self.device, dtype=dtype)

    def _new_noise(self) -> NoiseLevel:
        return NoiseLevel(scale=torch.full((), self.config.noise, dtype=torch.float64, device=self.device))
