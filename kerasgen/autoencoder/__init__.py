"""The autoencoder family: a feature space learned from one's own pictures.

No pretrained weights are needed. Fit *one* on all sets that are to be compared, or on the real one,
and encode every set with it: the codes of two autoencoders are not comparable.
"""

from kerasgen.autoencoder.builders import (
    CODE,
    build_autoencoder,
    build_original_autoencoder,
    encoder_of,
)
from kerasgen.autoencoder.steps import AutoencoderStep

__all__ = [
    "CODE",
    "AutoencoderStep",
    "build_autoencoder",
    "build_original_autoencoder",
    "encoder_of",
]
