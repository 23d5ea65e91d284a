"""What is put into the stock model's attention: over the ring in `attn1`, over the prompt's cache in `attn2`.

Neither keeps anything of a session. Before a forward they are bound to the sessions of the batch: references
to their tensors, no copies. Attention is computed per session over its own memory, so the products that mix
tokens never see two sessions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from gpu_services.streaming.engine.ring import Ring, age_ranks, slot_tokens
from gpu_services.streaming.engine.rope import Turns, turned

PromptMemory = list[tuple[Tensor, Tensor]]
"""Keys and values of a prompt, one pair per layer, `(1, text tokens, heads, head_width)`."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where the sessions of one forward stand; lists have one entry per session.

    Attributes:
        rows: Rows of the memory that the frame is written to.
        used: Rows of the memory that are read.
        query_turns: Turns of the frame's own positions.
        key_turns: Turns of the memory's rows.
    """

    rows: list[Tensor]
    used: list[int]
    query_turns: list[tuple[Tensor, Tensor]]
    key_turns: list[tuple[Tensor, Tensor]]


def moment_of(rings: Sequence[Ring], turns: Turns) -> Moment:
    """Where rings stand after `begin_frame`; computed on the device."""
    window, tokens = turns.cos.shape[:2]
    filled = [ring.filled(window) for ring in rings]
    ranks = [age_ranks(ring, used) for ring, used in zip(rings, filled, strict=True)]
    return Moment(
        rows=[slot_tokens(ring, tokens) for ring in rings],
        used=[used * tokens for used in filled],
        query_turns=[turns.rows(used - 1) for used in filled],
        key_turns=[turns.of(rank) for rank in ranks],
    )


class RingAttention:
    """Self-attention of a new frame over its session's memory, which it writes first."""

    def __init__(self) -> None:
        self.moment = Moment(rows=[], used=[], query_turns=[], key_turns=[])
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def bind(self, moment: Moment, rings: Sequence[Ring], layer: int) -> None:
        """Look at the sessions of the next forward."""
        self.moment = moment
        self.keys = [ring.keys[layer] for ring in rings]
        self.values = [ring.values[layer] for ring in rings]

    def __call__(self, attn: Any, hidden_states: Tensor, *_unused: object) -> Tensor:
        """Attention of `(sessions, tokens, width)`; mask, text and the stock positions are not used."""
        query, key, value = attn.to_qkv(hidden_states).chunk(3, dim=-1)
        parts = (attn.norm_q(query), attn.norm_k(key), value)
        query, key, value = (part.unflatten(2, (attn.heads, -1)) for part in parts)
        mixed = [
            self._one(i, query[i : i + 1], key[i : i + 1], value[i : i + 1]) for i in range(len(self.keys))
        ]
        return cast(Tensor, attn.to_out[0](torch.cat(mixed)))

    def _one(self, i: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys, values, used = self.keys[i], self.values[i], self.moment.used[i]
        keys.index_copy_(1, self.moment.rows[i], key)
        values.index_copy_(1, self.moment.rows[i], value)
        query = turned(query, *self.moment.query_turns[i])
        key = turned(keys[:, :used], *self.moment.key_turns[i])
        return attend(query, key, values[:, :used])


class PromptAttention:
    """Cross-attention over the prompt's keys and values, which were computed when the prompt was set."""

    def __init__(self) -> None:
        self.memory: list[tuple[Tensor, Tensor]] = []

    def bind(self, prompts: Sequence[PromptMemory], layer: int) -> None:
        """Look at the sessions of the next forward."""
        self.memory = [prompt[layer] for prompt in prompts]

    def __call__(self, attn: Any, hidden_states: Tensor, *_unused: object) -> Tensor:
        """Attention of `(sessions, tokens, width)`; the text that the model passes is not used."""
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        mixed = [attend(query[i : i + 1], key, value) for i, (key, value) in enumerate(self.memory)]
        return cast(Tensor, attn.to_out[0](torch.cat(mixed)))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention of `(1, tokens, heads, head_width)`; `(1, tokens, width)`."""
    mixed = scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
    return mixed.transpose(1, 2).flatten(2)
