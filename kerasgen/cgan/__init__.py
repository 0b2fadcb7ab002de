"""The conditional GAN family: pictures of a class that is asked for.

Mirza & Osindero (2014), "Conditional Generative Adversarial Nets". Two pairs of networks: the
widely copied one of the clothing write-up (``build_generator``, ``build_discriminator``), and the
one to use (``build_modulated_generator``, ``build_projection_discriminator``); and two steps to
train either. ``build_cgan`` stacks a pair.
"""

from kerasgen.cgan.builders import (
    LATENT_SIZE,
    build_discriminator,
    build_generator,
    build_modulated_generator,
    build_projection_discriminator,
)
from kerasgen.cgan.stack import ConditionalGAN, build_cgan
from kerasgen.cgan.steps import AlternatingCGANStep, CGANStep, build_step

__all__ = [
    "LATENT_SIZE",
    "AlternatingCGANStep",
    "CGANStep",
    "ConditionalGAN",
    "build_cgan",
    "build_discriminator",
    "build_generator",
    "build_modulated_generator",
    "build_projection_discriminator",
    "build_step",
]
