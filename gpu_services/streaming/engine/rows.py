"""Matrix products whose bits do not depend on who else is in the batch.

A library picks a kernel by the product's shape, and two kernels may add in another order. Measured on one
CPU: products of 24 rows and more gave the same bits for 1 to 4 sessions, products of one row (the timestep's
embedding) did not. So each session gets a product of its own, of one shape for ever; what works number by
number or row by row (norms, activations, residuals) stays batched.
"""

from typing import cast

import torch
from torch import Tensor, nn


class SessionBySession(nn.Module):
    """Runs a layer on one session at a time; the first axis is the session."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """The layer's result for each session, side by side."""
        if x.shape[0] == 1:
            return cast(Tensor, self.inner(x))
        return torch.cat([self.inner(one) for one in torch.split(x, 1)])


def keep_sessions_apart(model: nn.Module, *, many_rows: bool) -> None:
    """Put `SessionBySession` around the layers that multiply matrices.

    Args:
        model: Is changed in place.
        many_rows: Also the products with a row per token; False leaves those folded into one.
    """
    for name, child in list(model.named_children()):
        one_row = name in {"time_embedder", "time_proj"}
        if one_row or (many_rows and isinstance(child, nn.Linear | nn.Conv3d)):
            setattr(model, name, SessionBySession(child))
        elif not isinstance(child, SessionBySession):
            keep_sessions_apart(child, many_rows=many_rows)
