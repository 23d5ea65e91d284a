"""The largest rectangle of built cells in a coarse grid, and the filling of its small gaps."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
_ENOUGH_NEIGHBOURS = 5


def filled(cells: Bools, *, rounds: int) -> Bools:
    """The grid with small gaps closed: a free cell with 5 of 8 neighbours built becomes built.

    Args:
        cells: `(rows, columns)`.
        rounds: How often; each closes the gaps by one cell from all sides.
    """
    rows, columns = cells.shape
    for _ in range(rounds):
        padded = np.pad(cells.astype(np.int8), 1)
        around = sum(
            padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3) if (i, j) != (1, 1)
        )
        cells = cells | (around >= _ENOUGH_NEIGHBOURS)
    return cells


def largest_rectangle(cells: Bools) -> tuple[int, int, int, int]:
    """The largest all-true rectangle, half-open (row0, column0, row1, column1).

    Row by row, the columns' heights of true cells above form a histogram, and a stack finds its
    largest rectangle; O(cells). Among equals the topmost, then leftmost, wins.
    """
    rows, columns = cells.shape
    heights = np.zeros(columns + 1, np.int64)
    best, best_area = (0, 0, 0, 0), 0
    for row in range(rows):
        heights[:columns] = np.where(cells[row], heights[:columns] + 1, 0)
        area, left, right, height = _under_histogram(heights.tolist())
        if area > best_area:
            best, best_area = (row + 1 - height, left, row + 1, right), area
    return best


def _under_histogram(heights: list[int]) -> tuple[int, int, int, int]:
    """Area, left, right and height of the largest rectangle; the last bar must be 0."""
    best = (0, 0, 0, 0)
    stack: list[int] = []
    for index, height in enumerate(heights):
        while stack and heights[stack[-1]] > height:
            tall = heights[stack.pop()]
            left = stack[-1] + 1 if stack else 0
            area = tall * (index - left)
            if area > best[0]:
                best = (area, left, index, tall)
        stack.append(index)
    return best
