"""What a prompt means to the network: umT5's embeddings, kept for prompts that come again.

The published encoder has 5.7 billion parameters; a player changes between a few prompts, so embeddings are
kept, least recently used first to go.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from gpu_services.streaming.engine.config import NetworkShape

Tokenize = Callable[[str], list[int]]


class TextModel(Protocol):
    """A prompt to an embedding."""

    def embed(self, prompt: str) -> Tensor:
        """`(1, text tokens, text_width)`; rows behind the prompt's end are zero."""
        ...


class UmT5:
    """umT5's encoder, as Wan uses it: padded, and zero behind the end."""

    def __init__(self, model: Any, tokenize: Tokenize, shape: NetworkShape) -> None:
        self._model = model.eval().requires_grad_(False)
        self._tokenize = tokenize
        self._tokens = shape.text_tokens

    @torch.inference_mode()
    def embed(self, prompt: str) -> Tensor:
        """The encoder's last hidden state."""
        ids = self._tokenize(" ".join(prompt.split()))[: self._tokens]
        padding = self._tokens - len(ids)
        device = self._model.device
        padded = torch.tensor([ids + [0] * padding], device=device)
        mask = torch.tensor([[1] * len(ids) + [0] * padding], device=device)
        hidden: Tensor = self._model(padded, attention_mask=mask).last_hidden_state
        return hidden * mask[..., None].to(hidden.dtype)


class HashedPrompts:
    """Random rows made from the prompt's hash: in place of a text model where the weights are random too."""

    def __init__(self, shape: NetworkShape) -> None:
        self._shape = shape

    def embed(self, prompt: str) -> Tensor:
        """The same rows for the same prompt, as many as it has words."""
        seed = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big") >> 1
        rows = torch.randn(
            1,
            self._shape.text_tokens,
            self._shape.text_width,
            generator=torch.Generator().manual_seed(seed),
        )
        rows[:, len(prompt.split()) + 1 :] = 0
        return rows


class PromptCache:
    """Keeps the embeddings of the last prompts."""

    def __init__(self, model: TextModel, *, kept: int) -> None:
        self._model = model
        self._kept = kept
        self._embeddings: OrderedDict[str, Tensor] = OrderedDict()

    def embed(self, prompt: str) -> Tensor:
        """The embedding, from the cache where it is there."""
        if prompt in self._embeddings:
            self._embeddings.move_to_end(prompt)
        else:
            self._embeddings[prompt] = self._model.embed(prompt)
            while len(self._embeddings) > self._kept:
                self._embeddings.popitem(last=False)
        return self._embeddings[prompt]

    def __len__(self) -> int:
        return len(self._embeddings)


def published_text_model(folder: Path, shape: NetworkShape, device: torch.device, dtype: torch.dtype) -> UmT5:
    """The published encoder from a diffusers folder with `text_encoder` and `tokenizer`."""
    from transformers import AutoTokenizer, UMT5EncoderModel

    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    model = UMT5EncoderModel.from_pretrained(
        folder / "text_encoder", dtype=dtype, local_files_only=True, use_safetensors=True
    )
    return UmT5(model.to(device), lambda prompt: list(tokenizer(prompt).input_ids), shape)


def tiny_text_model(shape: NetworkShape, dtype: torch.dtype) -> UmT5:
    """A small random umT5 that reads bytes, on the current default device."""
    from transformers import UMT5Config, UMT5EncoderModel

    width = shape.text_width
    config = UMT5Config(
        vocab_size=260, d_model=width, d_kv=width // 4, d_ff=2 * width, num_layers=2, num_heads=4
    )
    model = UMT5EncoderModel(config).to(dtype)
    return UmT5(model, lambda prompt: [byte + 3 for byte in prompt.encode()] + [1], shape)
