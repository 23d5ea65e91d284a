"""Prompts to conditions: labels of the training clips' vocabulary, or tokens of CLIP's text encoder."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from gpu_services.errors import CheckpointError
from gpu_services.generation.conditions import Vocabulary
from scalediff_contract.video_models import VideoArchitecture

Prompts = Sequence[tuple[str, str]]
"""(category, caption) pairs."""


class Conditioner(Protocol):
    """Makes what a network is told of prompts."""

    @property
    def null_tokens(self) -> Tensor | None:
        """`(L, D)` tokens of the empty prompt; None for labels."""
        ...

    def __call__(self, prompts: Prompts) -> Tensor:
        """Labels `(B, K)` or tokens `(B, L, D)`, on the CPU."""
        ...


class LabelConditioner:
    """Labels of a vocabulary."""

    null_tokens = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __call__(self, prompts: Prompts) -> Tensor:
        """Labels `(B, K)`."""
        return self.vocabulary.labels(prompts)


class ClipTextEncoder:
    """CLIP's text encoder: 77 tokens of 768 channels with ViT-L/14. The category is not told apart."""

    def __init__(self, encoder: Any, tokenizer: Any) -> None:
        self._encoder, self._tokenizer = encoder.eval(), tokenizer
        self.null_tokens: Tensor | None = self([("", "")])[0]

    @classmethod
    def load(cls, folder: str) -> "ClipTextEncoder":
        """Load encoder and tokenizer of a folder.

        Raises:
            CheckpointError: Where they cannot be loaded.
        """
        from transformers import CLIPTextModel, CLIPTokenizer

        model: Any = CLIPTextModel
        try:
            return cls(model.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder))
        except (OSError, ValueError) as error:
            mend = "name a folder with a CLIP text encoder and its tokenizer"
            raise CheckpointError(f"text encoder {folder}", str(error), mend) from error

    @torch.no_grad()
    def __call__(self, prompts: Prompts) -> Tensor:
        """Tokens `(B, 77, D)`."""
        length = self._encoder.config.max_position_embeddings
        read = self._tokenizer(
            [caption for _, caption in prompts],
            padding="max_length",
            max_length=length,
            truncation=True,
            return_tensors="pt",
        )
        tokens: Tensor = self._encoder(input_ids=read.input_ids).last_hidden_state
        return tokens


def make_conditioner(architecture: VideoArchitecture, vocabulary: Vocabulary) -> Conditioner:
    """The conditioner of an architecture.

    Raises:
        CheckpointError: For `clip` without an encoder.
    """
    if architecture.text == "labels":
        return LabelConditioner(vocabulary)
    if architecture.text_encoder_url is None:
        raise CheckpointError("architecture", "text is clip without text_encoder_url", "name its folder")
    return ClipTextEncoder.load(architecture.text_encoder_url)
