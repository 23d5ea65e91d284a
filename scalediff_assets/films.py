"""Reading films for pictures of them: the graph decodes a few clips for people, never for measures."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def decode_film(content: bytes) -> "npt.NDArray[np.uint8]":
    """The pictures of an MP4, `(T, H, W, 3) uint8` RGB."""
    import av
    import numpy as np

    with av.open(io.BytesIO(content), "r") as container:
        pictures = [
            np.asarray(each.to_ndarray(format="rgb24"), np.uint8) for each in container.decode(video=0)
        ]
        return np.stack(pictures)
