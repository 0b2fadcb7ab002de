"""Random placement: a matrix from pixels of the source picture to pixels of the scene."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from kerasgen.annotations import annotation
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.compositing.options import SceneOptions
from kerasgen.io.images import Pixels

_MARGIN = 4


@dataclass(frozen=True, eq=False)
class Patch:
    """A rectangle of the scene, reaching out of the frame where the object does.

    Attributes:
        alpha: ``[h, w]`` uint8, the object's soft mask.
        corner: ``(x, y)`` of the rectangle in the scene, pixels; may be negative.
        matrix: ``[3, 3]`` from pixels of the source picture to pixels of the scene.
    """

    alpha: Pixels
    corner: tuple[int, int]
    matrix: np.ndarray


def random_matrix(
    random: np.random.Generator,
    foreground: Foreground,
    size: tuple[int, int],
    options: SceneOptions,
    shrink: float = 1.0,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Draws the position of a foreground.

    Its upright box is mirrored, tilted (perspective), scaled, rotated about its centre and shifted.
    The resulting box lies in the frame except for ``options.max_truncation`` of each side.

    Args:
        random: Random generator; the number of draws is always the same.
        foreground: The foreground to place.
        size: (height, width) of the scene in pixels.
        options: The ranges.
        shrink: Factor on the scale.

    Returns:
        ``[3, 3]`` float64, and the drawn numbers, ready for JSON.
    """
    width, height = foreground.extent
    scale = random.uniform(*options.scale) * shrink
    aspect = math.exp(random.uniform(math.log(options.aspect[0]), math.log(options.aspect[1])))
    degrees = random.uniform(-options.rotation, options.rotation)
    tilt = random.uniform(-options.perspective, options.perspective, 2)
    is_flipped = bool(random.random() < options.flip)
    share = random.random(2)
    factor = scale * min(size) / max(width, height)
    centred = annotation.translation(
        -foreground.offset[0] - width / 2, -foreground.offset[1] - height / 2
    )
    tilted = np.array([[1.0, 0, 0], [0, 1, 0], [tilt[0] / width, tilt[1] / height, 1]])
    mirror = -1.0 if is_flipped else 1.0
    scaled = annotation.scaling(factor * math.sqrt(aspect) * mirror, factor / math.sqrt(aspect))
    matrix = annotation.rotation(degrees) @ scaled @ tilted @ centred
    corners = _moved_box(matrix, foreground)
    low, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    outside = options.max_truncation * extent
    # An object larger than the frame is centred: both ends of its range are equal.
    first = np.minimum(-outside, (size[::-1] - extent) / 2)
    last = np.maximum(size[::-1] - extent + outside, (size[::-1] - extent) / 2)
    shift = first + share * (last - first) - low
    draws = {
        "scale": scale,
        "aspect": aspect,
        "rotation": degrees,
        "perspective": tilt.tolist(),
        "flip": is_flipped,
    }
    return annotation.translation(*shift) @ matrix, draws


def warped_alpha(foreground: Foreground, matrix: np.ndarray) -> Patch:
    """Moves a foreground's soft mask into the scene.

    Args:
        foreground: The foreground to place.
        matrix: ``[3, 3]`` from pixels of the source picture to pixels of the scene.

    Returns:
        The rectangle around it, with a margin of 4 pixels.
    """
    corners = _moved_box(matrix, foreground)
    x0, y0 = (int(value) for value in np.floor(corners.min(axis=0)) - _MARGIN)
    x1, y1 = (int(value) for value in np.ceil(corners.max(axis=0)) + _MARGIN)
    plane = foreground.alpha
    alpha = _warped(plane, foreground, matrix, (x0, y0), (y1 - y0, x1 - x0), cv2.BORDER_CONSTANT)
    return Patch(alpha, (x0, y0), matrix)


def warped_image(
    foreground: Foreground, matrix: np.ndarray, corner: tuple[int, int], size: tuple[int, ...]
) -> Pixels:
    """Moves a foreground's colours into a rectangle of the scene.

    Args:
        foreground: The foreground to place.
        matrix: As for ``warped_alpha``.
        corner: ``(x, y)`` of the rectangle in the scene, pixels.
        size: (height, width) of the rectangle, pixels.

    Returns:
        ``[*size, 3]`` uint8; the object's colours are continued beyond its edge.
    """
    return _warped(foreground.image, foreground, matrix, corner, size, cv2.BORDER_REPLICATE)


def _moved_box(matrix: np.ndarray, foreground: Foreground) -> np.ndarray:
    (x, y), (width, height) = foreground.offset, foreground.extent
    corners = [[x, y, 1], [x + width, y, 1], [x + width, y + height, 1], [x, y + height, 1]]
    moved = np.array(corners) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def _warped(
    plane: Pixels,
    foreground: Foreground,
    matrix: np.ndarray,
    corner: tuple[int, int],
    size: tuple[int, ...],
    border: int,
) -> Pixels:
    height, width = foreground.alpha.shape
    grown = annotation.scaling(foreground.extent[0] / width, foreground.extent[1] / height)
    from_cut = matrix @ annotation.translation(*foreground.offset) @ grown
    plane, shrunk = _shrunk(plane, from_cut)
    # OpenCV counts from the centre of the first pixel, the annotations from its corner.
    to_patch = annotation.translation(-corner[0] - 0.5, -corner[1] - 0.5)
    whole = to_patch @ from_cut @ shrunk @ annotation.translation(0.5, 0.5)
    whole = whole / whole[2, 2]
    target = (size[1], size[0])
    if whole[2, 0] == 0 and whole[2, 1] == 0:
        warped = cv2.warpAffine(plane, whole[:2], target, flags=cv2.INTER_LINEAR, borderMode=border)
    else:
        warped = cv2.warpPerspective(
            plane, whole, target, flags=cv2.INTER_LINEAR, borderMode=border
        )
    return np.asarray(warped, np.uint8)


def _shrunk(plane: Pixels, matrix: np.ndarray) -> tuple[Pixels, np.ndarray]:
    """Shrinks by averaging what interpolation would skip; also returns the inverse matrix."""
    height, width = plane.shape[:2]
    x, y, weight = matrix @ (width / 2, height / 2, 1.0)
    # Length of one pixel to the right, and of one down, at the centre of the cut.
    steps = matrix[:2, :2] - np.outer((x / weight, y / weight), matrix[2, :2])
    across, down = np.minimum(1.0, np.linalg.norm(steps / weight, axis=0))
    small = (max(1, round(width * across)), max(1, round(height * down)))
    if small == (width, height):
        return plane, np.eye(3)
    averaged = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
    return np.asarray(averaged, np.uint8), annotation.scaling(width / small[0], height / small[1])
