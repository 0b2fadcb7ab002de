"""The autoencoder family: a bottleneck that is a feature space of one's own pictures.

No weights from elsewhere are needed. Fit *one* on all sets that are to be compared, or on the real
one, and encode every set with it: the codes of two autoencoders have nothing to do with each other.
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
