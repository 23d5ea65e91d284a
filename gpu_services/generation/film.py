"""Reading films back: what the worker wrote as H.264, as pictures again."""

import io

import av
import numpy as np

from gpu_services.generation.clips import Clips
from gpu_services.generation.errors import ClipDataError


def decode_mp4(content: bytes) -> Clips:
    """The pictures of a film, `(T, H, W, 3) uint8` RGB.

    Raises:
        ClipDataError: For what is no film.
    """
    try:
        with av.open(io.BytesIO(content), "r") as container:
            found = [each.to_ndarray(format="rgb24") for each in container.decode(video=0)]
            return np.stack([np.asarray(picture, np.uint8) for picture in found])
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise ClipDataError("film", f"it cannot be decoded ({error})", "make the clip again") from error
