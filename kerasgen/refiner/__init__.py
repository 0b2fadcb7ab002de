"""The refiner family: makes rendered pictures look real, with their content in place.

Shrivastava et al. (2017), "Learning from Simulated and Unsupervised Images through Adversarial
Training", arXiv:1612.07828, and a variant derived from DCGAN (Radford et al. 2016,
arXiv:1511.06434) with a convolutional encoder instead of a latent: ``build_refiner``, and the
original one, ``build_original_refiner``.
"""

from kerasgen.refiner.builders import (
    NOISE_CHANNELS,
    build_discriminator,
    build_original_discriminator,
    build_original_refiner,
    build_refiner,
    build_residual_refiner,
    has_input,
    refiner_inputs,
)
from kerasgen.refiner.steps import (
    PASS_THROUGH_WEIGHTS,
    PrefitStep,
    RefinerStep,
    build_steps,
)

__all__ = [
    "NOISE_CHANNELS",
    "PASS_THROUGH_WEIGHTS",
    "PrefitStep",
    "RefinerStep",
    "build_discriminator",
    "build_original_discriminator",
    "build_original_refiner",
    "build_refiner",
    "build_residual_refiner",
    "build_steps",
    "has_input",
    "refiner_inputs",
]
