"""How well a clip shows its prompt: the mean cosine of CLIP's embeddings of pictures and text.

The cosine's scale depends on the backbone (about 0.28 is good for ViT-L/14), so the scorer has a name.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gpu_services.errors import JobError
from gpu_services.generation.clips import Clips
from scoring.clips.semantic import clip_score

Vectors = npt.NDArray[np.float64]


class ClipScorer:
    """A CLIP model of transformers."""

    def __init__(self, folder: str, device: torch.device | None = None) -> None:
        """Load model, tokenizer and picture processor of a folder.

        Raises:
            JobError: Where they cannot be loaded.
        """
        import transformers

        library: Any = transformers
        self._device = device or torch.device("cpu")
        try:
            self._model = library.CLIPModel.from_pretrained(folder).to(self._device).eval()
            self._tokenizer = library.CLIPTokenizer.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise JobError(
                f"CLIP {folder}", f"it cannot be loaded ({error})", "name a CLIP folder"
            ) from error
        # Without torchvision the plain class warns and falls back to this one.
        self._processor = library.CLIPImageProcessorPil(
            size={"shortest_edge": self._model.config.vision_config.image_size},
            crop_size=self._model.config.vision_config.image_size,
        )
        self.name = _name(self._model.config.vision_config)

    @torch.no_grad()
    def __call__(self, clip: Clips, prompt: str) -> float:
        """The raw cosine, not times 100."""
        pixels = self._processor(images=list(clip), return_tensors="pt").pixel_values.to(self._device)
        length = self._model.config.text_config.max_position_embeddings
        words = self._tokenizer([prompt], truncation=True, max_length=length, return_tensors="pt")
        pictures = self._model.get_image_features(pixel_values=pixels).pooler_output
        text = self._model.get_text_features(input_ids=words.input_ids.to(self._device)).pooler_output
        return clip_score(_plain(pictures), _plain(text)[0])


def _name(vision: Any) -> str:
    """What a score carries; the policies' limits belong to ViT-L/14's."""
    size = (vision.hidden_size, vision.num_hidden_layers, vision.patch_size)
    return "clip-vit-large-patch14" if size == (1024, 24, 14) else f"clip-{size[0]}x{size[1]}"


def _plain(tensor: Any) -> Vectors:
    values: Vectors = tensor.double().cpu().numpy()
    return values
