"""What a network is told: labels of a small vocabulary, or tokens of a text encoder.

Labels: a clip's category and the known words of its caption, `(B, K) int64` with -1 for nothing; the
embedding is their mean, so that `night` and `roundabout` compose. The case study's one label per clip
is `(B,)`. Tokens: `(B, L, D)`, 77 x 768 for CLIP ViT-L/14.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

NULL_LABEL = -1
_IDLE_WORDS = frozenset(
    {"a", "an", "and", "at", "dashcam", "during", "in", "of", "on", "the", "through", "to", "view", "with"}
)


class LabelEmbedding(nn.Module):
    """The mean of the labels' vectors; a vector of its own where there is no label."""

    def __init__(self, labels: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Embedding(labels + 1, channels)
        nn.init.normal_(self.table.weight, std=0.5)

    def forward(self, labels: Tensor) -> Tensor:
        """`(B,)` or `(B, K)` labels, -1 for none, to `(B, channels)`."""
        labels = labels[:, None] if labels.dim() == 1 else labels
        known = (labels >= 0).to(self.table.weight.dtype)[..., None]
        mean = (self.table(labels.clamp(min=0) + 1) * known).sum(1) / known.sum(1).clamp(min=1)
        nothing = known.sum(1) == 0
        return torch.where(nothing, self.table.weight[0], mean)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The terms that a model with labels knows.

    Attributes:
        terms: Categories first, then words; the place is the label.
        categories: How many of them are categories.
        slots: Most labels of one prompt.
    """

    terms: tuple[str, ...]
    categories: int
    slots: int = 12

    @classmethod
    def of(cls, clips: Sequence[tuple[str, str]]) -> "Vocabulary":
        """The vocabulary of (category, caption) pairs."""
        categories = sorted({category for category, _ in clips})
        words = sorted({word for _, caption in clips for word in words_of(caption)})
        most = max((len(set(words_of(caption))) for _, caption in clips), default=0)
        return cls(
            terms=(*categories, *(f"word:{word}" for word in words)),
            categories=len(categories),
            slots=most + 1,
        )

    def labels(self, prompts: Sequence[tuple[str, str]]) -> Tensor:
        """Labels `(B, slots)` of (category, caption) pairs; what is not known is left out."""
        place = {term: number for number, term in enumerate(self.terms)}
        table = torch.full((len(prompts), self.slots), NULL_LABEL)
        for row, (category, caption) in enumerate(prompts):
            terms = [category, *(f"word:{word}" for word in dict.fromkeys(words_of(caption)))]
            known = [place[term] for term in terms if term in place][: self.slots]
            table[row, : len(known)] = torch.tensor(known, dtype=torch.int64)
        return table


def words_of(caption: str) -> list[str]:
    """The words of a caption that say something."""
    return [word for word in re.findall(r"[a-z0-9]+", caption.lower()) if word not in _IDLE_WORDS]


def drop_condition(condition: Tensor, dropped: Tensor, null: Tensor | None = None) -> Tensor:
    """Make conditions null.

    Args:
        condition: Labels `(B,)` or `(B, K)`, or tokens `(B, L, D)`.
        dropped: `(B,)` bool.
        null: `(L, D)` tokens of the empty prompt, for tokens.
    """
    mask = dropped.reshape(-1, *[1] * (condition.dim() - 1))
    if not condition.is_floating_point():
        return torch.where(mask, torch.full_like(condition, NULL_LABEL), condition)
    if null is None:
        raise ValueError("tokens are dropped to those of the empty prompt; pass them as null")
    return torch.where(mask, null.to(condition), condition)
