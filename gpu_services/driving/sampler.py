"""Which frames a step sees: balanced by command, steering, speed and its change; standing ones capped.

Frames in which the speed is about to change are few and are those that teach: with them as cells of
their own, 62.9 instead of 54.3 on `minitown-12` (one training each; docs/LOG.md). Wen et al. 2021
("Keyframe-Focused Visual Imitation Learning") weigh such frames likewise.

A batch is a function of (seed, step) alone, so a run that was killed goes on with the very batches it
would have had, and no position needs to be stored.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from scalediff_contract.driving import Recipe

IDLE_MPS = 0.5
STEER_EDGES = (0.05, 0.15, 0.4)
SPEED_EDGES_MPS = (IDLE_MPS, 3.0, 6.0, 9.0)
CHANGE_EDGES_MPS = (-1.0, 1.0)
Rows = npt.NDArray[np.int64]


class Sampler:
    """Draws batches with replacement."""

    def __init__(self, index: pl.DataFrame, rows: Rows, recipe: Recipe) -> None:
        """Weigh the frames.

        Args:
            index: Of a `FrameStore`.
            rows: Its rows that may be drawn.
            recipe: Balance and seed.
        """
        self._rows, self._seed = rows, recipe.seed
        weights = sample_weights(index[rows], recipe)
        self._edges = np.cumsum(weights / weights.sum())

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> Rows:
        """The rows of a step; with several processes each takes its own part of the batch."""
        rng = np.random.default_rng([self._seed, step])
        drawn = np.searchsorted(self._edges, rng.random(size), side="right").clip(max=len(self._rows) - 1)
        chosen: Rows = self._rows[drawn[rank::world]]
        return chosen


def sample_weights(index: pl.DataFrame, recipe: Recipe) -> npt.NDArray[np.float64]:
    """Weight of each row; equal ones where the recipe does not balance.

    A cell (command, |steer|, speed, its change) of n frames is drawn as often as the root of n: rare
    cells are seen often, without a cell of three frames making up a batch.
    """
    weights = np.ones(index.height)
    speed = np.nan_to_num(index["speed_mps"].to_numpy())
    if recipe.balanced:
        steer = np.abs(np.nan_to_num(index["steer"].to_numpy()))
        change = np.nan_to_num(index["target_mps"].to_numpy() - speed)
        cell = index["command"].to_numpy().astype(np.int64) * 1000
        cell += np.digitize(change, CHANGE_EDGES_MPS) * 100
        cell += np.digitize(steer, STEER_EDGES) * 10 + np.digitize(speed, SPEED_EDGES_MPS)
        _, place, count = np.unique(cell, return_inverse=True, return_counts=True)
        weights = 1.0 / np.sqrt(count[place])
    idle = speed < IDLE_MPS
    idle_weight, rest = weights[idle].sum(), weights[~idle].sum()
    if rest > 0 and idle_weight > recipe.idle_share * (idle_weight + rest):
        weights[idle] *= recipe.idle_share * rest / max(1e-12, (1 - recipe.idle_share) * idle_weight)
    return weights
