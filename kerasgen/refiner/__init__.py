"""Refiner: takes a rendered picture and makes it look real, without moving what is in it.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training"
(2017), and a DCGAN-derived variant (Radford et al. 2016) with a convolutional encoder in place of
the noise vector.
"""

from kerasgen.refiner.builders import (
    NOISE_CHANNELS,
    SEED_REFINER,
    build_discriminator,
    build_refiner,
    build_residual_refiner,
    build_small_convnet,
    refiner_inputs,
    takes,
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
    "SEED_REFINER",
    "PrefitStep",
    "RefinerStep",
    "build_discriminator",
    "build_refiner",
    "build_residual_refiner",
    "build_small_convnet",
    "build_steps",
    "refiner_inputs",
    "takes",
]
