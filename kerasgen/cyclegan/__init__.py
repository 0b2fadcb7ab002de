"""The CycleGAN family: translates pictures of one domain into another, learned without pairs.

Zhu et al. (2017), "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", arXiv:1703.10593: ``CycleGANStep``. Park et al. (2020), "Contrastive Learning for
Unpaired Image-to-Image Translation", arXiv:2007.15651, in one direction only and lighter, with the
same networks: ``ContrastiveStep``.
"""

from kerasgen.cyclegan.builders import (
    blocks_for,
    build_discriminator,
    build_generator,
    receptive_field,
)
from kerasgen.cyclegan.contrastive import (
    ContrastiveStep,
    build_contrastive_step,
    build_encoder,
    build_patch_heads,
    feature_layers,
    patch_nce,
)
from kerasgen.cyclegan.steps import CycleGANStep, build_step
from kerasgen.cyclegan.translation import ConstantThenLinear

__all__ = [
    "ConstantThenLinear",
    "ContrastiveStep",
    "CycleGANStep",
    "blocks_for",
    "build_contrastive_step",
    "build_discriminator",
    "build_encoder",
    "build_generator",
    "build_patch_heads",
    "build_step",
    "feature_layers",
    "patch_nce",
    "receptive_field",
]
