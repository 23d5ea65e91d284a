"""Everything that the engine knows of one stream, in one object.

Nothing of a stream lives anywhere else: two sessions cannot leak into each other, and to end one is to drop
the object. A session that pauses can be moved to the host's memory and back; its pictures do not change.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gpu_services.streaming.engine.attention import PromptMemory
from gpu_services.streaming.engine.codec import CodecMemory
from gpu_services.streaming.engine.ring import Ring
from gpu_services.streaming.engine.schedule import NoiseLevel


@dataclass(kw_only=True)
class Session:
    """The state of one stream.

    Attributes:
        prompt: What is painted.
        next_prompt: What is painted from the next chunk on, where that changed.
        seed: Of its noise.
        generator: Its noise.
        ring: Memory of the transformer.
        prompt_memory: Keys and values of the prompt.
        encoder_memory: What the encoder remembers.
        decoder_memory: What the decoder remembers.
        noise: How noisy its next chunk begins.
        chunks: Chunks painted so far.
        suspended: Whether its memory is on the host.
    """

    prompt: str
    next_prompt: str | None = None
    seed: int
    generator: torch.Generator
    ring: Ring
    prompt_memory: PromptMemory
    encoder_memory: CodecMemory = field(default_factory=list)
    decoder_memory: CodecMemory = field(default_factory=list)
    noise: NoiseLevel
    chunks: int = 0
    suspended: bool = False


def move(session: Session, device: torch.device) -> None:
    """Put all tensors of a session somewhere else; those that are already there stay."""
    ring, noise = session.ring, session.noise
    ring.keys, ring.values = _moved(ring.keys, device), _moved(ring.values, device)
    for name in ("next_frame", "slot", "replace", "frame_of_slot"):
        setattr(ring, name, _moved(getattr(ring, name), device))
    session.prompt_memory = _moved(session.prompt_memory, device)
    session.encoder_memory = _moved(session.encoder_memory, device)
    session.decoder_memory = _moved(session.decoder_memory, device)
    noise.scale, noise.last_frame = _moved(noise.scale, device), _moved(noise.last_frame, device)


def device_bytes(session: Session, device: torch.device) -> int:
    """How many bytes of a session lie on a device."""
    parts = (session.ring.keys, session.ring.values, session.prompt_memory)
    everything = (*parts, session.encoder_memory, session.decoder_memory, session.noise.last_frame)
    return sum(tensor.nbytes for tensor in _tensors(everything) if tensor.device == device)


def _tensors(part: Any) -> list[Tensor]:
    if isinstance(part, Tensor):
        return [part]
    return [tensor for one in part for tensor in _tensors(one)] if isinstance(part, list | tuple) else []


def _moved(part: Any, device: torch.device) -> Any:
    if isinstance(part, Tensor):
        return part.to(device)
    if isinstance(part, list | tuple):
        return type(part)(_moved(one, device) for one in part)
    return part
