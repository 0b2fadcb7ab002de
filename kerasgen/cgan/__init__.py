"""The conditional GAN family: pictures of a chosen class.

Mirza & Osindero (2014), "Conditional Generative Adversarial Nets", arXiv:1411.1784. Two pairs of
networks: the recommended one (``build_generator``, ``build_discriminator``) and the original one
(``build_original_generator``, ``build_original_discriminator``); and two steps that train either.
``build_cgan`` stacks a pair.
"""

from kerasgen.cgan.builders import (
    LATENT_SIZE,
    build_discriminator,
    build_generator,
    build_original_discriminator,
    build_original_generator,
)
from kerasgen.cgan.stack import ConditionalGAN, build_cgan
from kerasgen.cgan.steps import PHOTOGRAPHS, CGANStep, OriginalCGANStep, build_step

__all__ = [
    "LATENT_SIZE",
    "PHOTOGRAPHS",
    "CGANStep",
    "ConditionalGAN",
    "OriginalCGANStep",
    "build_cgan",
    "build_discriminator",
    "build_generator",
    "build_original_discriminator",
    "build_original_generator",
    "build_step",
]
