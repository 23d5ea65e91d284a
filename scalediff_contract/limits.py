"""What a bundle may measure: the upload API refuses and the parser rejects beyond it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BundleLimits:
    """Bounds of one bundle, all inclusive.

    Attributes:
        video_bytes: Largest video.
        json_bytes: Largest inputs, camera or latency file.
        meta_bytes: Largest meta file.
        json_depth: Deepest nesting of arrays and objects.
        input_events: Most rows of the inputs.
        camera_samples: Most rows of the camera log.
        rtt_samples: Most round trips.
        duration_ms: Longest session, by the meta and by the video's last PTS.
        prompt_chars: Longest prompt.
        min_side_px: Smallest width and height.
        max_width_px: Largest width.
        max_height_px: Largest height.
        min_frames: Fewest packets of the video.
        max_frames: Most packets of the video.
    """

    video_bytes: int = 64_000_000
    json_bytes: int = 8_000_000
    meta_bytes: int = 64_000
    json_depth: int = 8
    input_events: int = 50_000
    camera_samples: int = 20_000
    rtt_samples: int = 10_000
    duration_ms: int = 180_000
    prompt_chars: int = 2_000
    min_side_px: int = 64
    max_width_px: int = 1920
    max_height_px: int = 1280
    min_frames: int = 2
    max_frames: int = 15_000
