"""A small detector of vehicles for pictures of about 64 px, and its average precision.

Four convolutions to a quarter of the side; each cell says whether a box's centre lies in it, where in
it, and the box's size (as in CenterNet, Zhou et al. 2019, without its backbone). About 30,000 parameters: a
thousand pictures a second on one core. Whoever has a better one passes it as `MakeDetector`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gpu_services.generation.clips import Clips
from gpu_services.generation.codec import to_pixels

Boxes = npt.NDArray[np.float64]
"""`(n, 4)`: left, top, right, bottom in px."""
_STRIDE = 4
_BATCH = 64
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a detector sees in one picture.

    Attributes:
        boxes: `(n, 4)` px.
        scores: `(n,)`, 0 to 1.
    """

    boxes: Boxes
    scores: npt.NDArray[np.float64]


class SmallDetector(nn.Module):
    """`(B, 3, H, W)` in [-1, 1] to `(B, 5, H/4, W/4)`: centre, offset, logarithm of the size."""

    name = "small-centre-v1"

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=2, dilation=2), nn.ReLU(),
            nn.Conv2d(2 * width, 5, 3, padding=1),
        )  # fmt: skip
        # Most cells are empty: begin by saying so.
        nn.init.constant_(self.layers[-1].bias[0], -3.0)  # type: ignore[index]

    def forward(self, pixels: Tensor) -> Tensor:
        """Say what is where."""
        said: Tensor = self.layers(pixels)
        return said


MakeDetector = Callable[[], SmallDetector]


def detection_loss(said: Tensor, boxes: Sequence[Boxes]) -> Tensor:
    """Cross entropy of the centres, and absolute error of offset and size where there is one."""
    wanted, has = _targets(said, boxes)
    centres = functional.binary_cross_entropy_with_logits(
        said[:, 0], has, pos_weight=said.new_tensor(5.0), reduction="mean"
    )
    error = ((said[:, 1:] - wanted).abs().sum(1) * has).sum() / has.sum().clamp(min=1)
    return 10.0 * centres + error


def _targets(said: Tensor, boxes: Sequence[Boxes]) -> tuple[Tensor, Tensor]:
    batch, _, height, width = said.shape
    wanted, has = said.new_zeros(batch, 4, height, width), said.new_zeros(batch, height, width)
    for row, each in enumerate(boxes):
        for left, top, right, bottom in each.tolist():
            x, y = (left + right) / 2 / _STRIDE, (top + bottom) / 2 / _STRIDE
            column, line = min(int(x), width - 1), min(int(y), height - 1)
            size = np.log(np.maximum((right - left, bottom - top), 1.0) / _STRIDE)
            has[row, line, column] = 1.0
            wanted[row, :, line, column] = said.new_tensor([x - column, y - line, *size])
    return wanted, has


@torch.no_grad()
def detect(detector: nn.Module, pictures: Clips) -> list[Found]:
    """Boxes of `(N, H, W, 3) uint8` pictures; of neighbouring centres the surest counts."""
    detector.eval()
    found: list[Found] = []
    for first in range(0, len(pictures), _BATCH):
        said = detector(to_pixels(pictures[first : first + _BATCH]))
        score = said[:, 0].sigmoid()
        peak = score * (functional.max_pool2d(score, 3, stride=1, padding=1) == score)
        found += [_decoded(one, heat) for one, heat in zip(said, peak, strict=True)]
    return found


def _decoded(said: Tensor, heat: Tensor) -> Found:
    scores, places = heat.flatten().topk(min(_MOST, heat.numel()))
    line, column = places // heat.shape[1], places % heat.shape[1]
    offset_x, offset_y, wide, high = said[1:, line, column]
    x, y = (column + offset_x) * _STRIDE, (line + offset_y) * _STRIDE
    half_x, half_y = wide.clamp(max=5).exp() * _STRIDE / 2, high.clamp(max=5).exp() * _STRIDE / 2
    boxes = torch.stack([x - half_x, y - half_y, x + half_x, y + half_y], 1).double().numpy()
    return Found(boxes=boxes, scores=scores.double().numpy())


def average_precision(found: Sequence[Found], truth: Sequence[Boxes], *, iou: float = 0.5) -> float:
    """Area under precision over recall (all points, precision made monotone), of all pictures together.

    A box is right where it overlaps a true one, not found by a surer box, by at least `iou`.

    Raises:
        ValueError: Where there is nothing to be found.
    """
    total = sum(len(boxes) for boxes in truth)
    if not total:
        raise ValueError(f"{len(truth)} pictures have no true box; draw pictures with vehicles")
    said = [(each.scores, row) for row, each in enumerate(found)]
    order = sorted(
        ((float(score), row, place) for scores, row in said for place, score in enumerate(scores)),
        reverse=True,
    )
    taken = [np.zeros(len(boxes), bool) for boxes in truth]
    right = np.zeros(len(order))
    for rank, (_, row, place) in enumerate(order):
        if not len(truth[row]):
            continue
        overlaps = np.where(taken[row], 0.0, overlap(found[row].boxes[place], truth[row]))
        best = int(overlaps.argmax())
        if overlaps[best] >= iou:
            taken[row][best], right[rank] = True, 1.0
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(order) + 1))[::-1])[::-1]
    return float((precision * right).sum() / total)


def overlap(box: Boxes, others: Boxes) -> npt.NDArray[np.float64]:
    """Intersection over union of a box `(4,)` with others `(n, 4)`."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    area = (box[2:] - box[:2]).clip(0).prod() + (others[:, 2:] - others[:, :2]).clip(0).prod(1)
    return np.asarray(common / np.maximum(area - common, 1e-9))
