"""Random changes of training pictures: stateless, with one matrix per picture.

The ranges are those of Keras's ``ImageDataGenerator``, which the original eye refiner used. Each
change of geometry is a 3x3 matrix, which can also move annotations (``Annotation.transformed``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

NUMBERS_PER_PICTURE = 7
"""Uniform random numbers that ``augment`` needs per picture."""


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random change of each picture; 0 turns a part off.

    Attributes:
        rotation: Largest rotation either way, in degrees.
        shift: Largest shift either way, as a share of width and height.
        shear: Largest shear angle either way, in degrees.
        zoom: Largest zoom either way, as a share; drawn separately for x and y.
        flip: Whether to mirror half of the pictures left to right.
        brightness: Largest change of brightness either way, as a share.
        contrast: Largest change of contrast about the picture's mean either way, as a share.
        one_of: Whether each picture gets one of these changes, or none, instead of all of them; the
            mirrored half stays. As in TrivialAugment (Müller & Hutter 2021, arXiv:2103.10158,
            algorithm 1). Differs: fewer operations, and strengths that are not in steps.

    Raises:
        ValueError: If a range is negative, ``zoom``, ``brightness`` or ``contrast`` is not below 1,
            or ``shear`` is not below 90.
    """

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    one_of: bool = False

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for name in ("rotation", "shift", "shear", "zoom", "brightness", "contrast"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"`{name}` must be 0 or more. Received: {getattr(self, name)}")
        if max(self.zoom, self.brightness, self.contrast) >= 1 or self.shear >= 90:
            raise ValueError(
                "`zoom`, `brightness` and `contrast` must be below 1 and `shear` below 90. "
                f"Received: zoom={self.zoom}, brightness={self.brightness}, "
                f"contrast={self.contrast}, shear={self.shear}"
            )


def augmentation_matrices(
    augmentation: Augmentation, random: tf.Tensor, size: tuple[int, int]
) -> tf.Tensor:
    """Computes one matrix per picture, from source to destination coordinates.

    Coordinates are pixels, x right, y down, (0, 0) the top-left corner of the picture, pixel
    centres at +0.5, as in ``kerasgen.annotations.annotation``. Zoom comes first, then shear,
    rotation, mirror (all about the centre) and shift.

    Args:
        augmentation: The ranges.
        random: ``[N, 7]`` uniform in [0, 1).
        size: (height, width) of the pictures in pixels.

    Returns:
        ``[N, 3, 3]`` float32.
    """
    height, width = size
    signed = _signed(augmentation, random)
    angle = signed[:, 0] * math.radians(augmentation.rotation)
    shear = signed[:, 3] * math.radians(augmentation.shear)
    zoom_x = 1.0 + signed[:, 4] * augmentation.zoom
    zoom_y = 1.0 + signed[:, 5] * augmentation.zoom
    mirror = tf.where(random[:, 6] < 0.5, -1.0, 1.0) if augmentation.flip else 1.0
    mirror = mirror * tf.ones_like(angle)
    # mirror . rotation . shear . zoom, multiplied out.
    xx = mirror * tf.cos(angle) * zoom_x
    xy = -mirror * tf.sin(angle + shear) * zoom_y
    yx = tf.sin(angle) * zoom_x
    yy = tf.cos(angle + shear) * zoom_y
    centre_x, centre_y = width / 2.0, height / 2.0
    move_x = signed[:, 1] * augmentation.shift * width
    move_y = signed[:, 2] * augmentation.shift * height
    x0 = centre_x + move_x - xx * centre_x - xy * centre_y
    y0 = centre_y + move_y - yx * centre_x - yy * centre_y
    zero, one = tf.zeros_like(angle), tf.ones_like(angle)
    rows = [[xx, xy, x0], [yx, yy, y0], [zero, zero, one]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


_OPERATIONS = ((0,), (1,), (2,), (3,), (4, 5), (7,), (8,), ())
"""Numbers of ``_signed`` that each operation of ``one_of`` uses; the last changes nothing."""


def _signed(augmentation: Augmentation, random: tf.Tensor) -> tf.Tensor:
    """Numbers ``[N, 9]`` in [-1, 1) that scale the ranges: of ``random``, and two of light."""
    # Light reuses the numbers of zoom: adding some would change all pictures drawn before.
    signed = tf.concat([2.0 * random - 1.0, 2.0 * random[:, 4:6] - 1.0], axis=1)
    if not augmentation.one_of:
        return signed
    # The half of [0, 1) decides on mirroring, the position within the half on the operation.
    within = (2.0 * random[:, 6]) % 1.0
    chosen = tf.cast(within * len(_OPERATIONS), tf.int32)
    kept = [[float(number in each) for number in range(9)] for each in _OPERATIONS]
    return signed * tf.gather(tf.constant(kept), chosen)


def _relit(images: tf.Tensor, augmentation: Augmentation, random: tf.Tensor) -> tf.Tensor:
    """Changes brightness and contrast; the range of values is that of the dtype."""
    black, white = (0.0, 255.0) if images.dtype == tf.uint8 else (-1.0, 1.0)
    signed = _signed(augmentation, random)[:, :, None, None, None]
    values = tf.cast(images, tf.float32)
    values = black + (values - black) * (1.0 + augmentation.brightness * signed[:, 7])
    middle = tf.reduce_mean(values, axis=[1, 2, 3], keepdims=True)
    values = middle + (values - middle) * (1.0 + augmentation.contrast * signed[:, 8])
    values = tf.clip_by_value(values, black, white)
    return tf.cast(tf.round(values) if images.dtype == tf.uint8 else values, images.dtype)


def warp(images: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """Transforms pictures by matrices; pixels from outside repeat the nearest edge pixel.

    Args:
        images: ``[N, H, W, C]`` uint8 or float32.
        matrices: ``[N, 3, 3]`` float32, source to destination, as from
            ``augmentation_matrices``.

    Returns:
        ``[N, H, W, C]`` of the same dtype, bilinear.
    """
    # The op takes destination -> source, in pixel indices, where centres are whole numbers.
    to_corner = tf.constant([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    inverse = tf.linalg.inv(to_corner) @ tf.linalg.inv(matrices) @ to_corner
    inverse = inverse / inverse[:, 2:, 2:]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.reshape(inverse, [-1, 9])[:, :8],
        output_shape=tf.shape(images)[1:3],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )


def augment(images: tf.Tensor, augmentation: Augmentation, random: tf.Tensor) -> tf.Tensor:
    """Changes each picture at random within the ranges.

    Args:
        images: ``[N, H, W, C]`` uint8, or float32 in [-1, 1].
        augmentation: The ranges.
        random: ``[N, 7]`` uniform in [0, 1).

    Returns:
        ``[N, H, W, C]`` of the same dtype.
    """
    size = (images.shape[1], images.shape[2])
    moved = warp(images, augmentation_matrices(augmentation, random, size))
    if augmentation.brightness or augmentation.contrast:
        return _relit(moved, augmentation, random)
    return moved
