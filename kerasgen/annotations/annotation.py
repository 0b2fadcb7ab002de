"""What is known about a picture, and 3x3 matrices that move all of it.

Coordinates are pixels, x to the right, y down, and (0, 0) is the top-left *corner* of the picture,
so the centre of the first pixel is (0.5, 0.5), as in COCO (Lin et al. 2014, arXiv:1405.0312).

Matrices map homogeneous source points to destination points and compose with `@`, right-most
first: `translation(5, 0) @ rotation(90, (8, 8))` rotates and then shifts.
"""

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as masks

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Annotation:
    """Label, box, mask and keypoints of one picture; each may be missing.

    Attributes:
        label: Class index, or `None`.
        box: `(x0, y0, x1, y1)` in pixels with `x0 <= x1` and `y0 <= y1`, or `None`.
        mask: `[H, W]` bool, True on the object, or `None`.
        keypoints: Name to `(x, y)` in pixels; may be empty, points may be outside the frame.

    Raises:
        ValueError: If the box is not ordered or the mask is not `[H, W]` bool.
    """

    label: int | None = None
    box: Box | None = None
    mask: np.ndarray | None = None
    keypoints: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({})
    )

    def __post_init__(self) -> None:
        """Checks the box and the mask."""
        x0, y0, x1, y1 = self.box or (0, 0, 0, 0)
        if not (x0 <= x1 and y0 <= y1):
            raise ValueError(f"`box` must be (x0, y0, x1, y1), ordered. Received: box={self.box}")
        if self.mask is not None:
            _check_mask(self.mask)

    def transformed(self, matrix: np.ndarray, size: tuple[int, int]) -> "Annotation":
        """Transforms everything by one matrix.

        Keypoints move exactly and keep their coordinates when they leave the frame. The mask is
        sampled at the nearest source pixel of each destination pixel centre. The box is the tight
        box of the moved mask if there is one (`None` if nothing of it is left in the frame), and
        otherwise the axis-aligned hull of the moved corners, not clipped to the frame.

        Args:
            matrix: `[3, 3]`, affine or projective, from source to destination coordinates.
            size: `(height, width)` of the destination picture.

        Returns:
            A new `Annotation`; `label` is unchanged.

        Raises:
            ValueError: If `matrix` is singular, not finite or not `[3, 3]`, if `size` is not
                positive, or if `matrix` sends a part of the annotation through infinity.
        """
        matrix = checked_matrix(matrix)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"`size` must be (height, width), positive. Received: size={size}")
        points = _move(matrix, np.array(list(self.keypoints.values()), float).reshape(-1, 2))
        keypoints = dict(zip(self.keypoints, map(tuple, points.tolist()), strict=True))
        if self.mask is not None:
            mask = _warp_mask(self.mask, matrix, size)
            return Annotation(self.label, tight_box(mask), mask, keypoints)
        if self.box is None:
            return Annotation(self.label, None, None, keypoints)
        corners = _move(matrix, _corners(*self.box))
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return Annotation(self.label, (x0, y0, x1, y1), None, keypoints)

    def clipped(self, size: tuple[int, int]) -> "Annotation":
        """Cuts the box off at the frame; `None` if nothing of it is inside.

        Args:
            size: `(height, width)` of the picture.
        """
        if self.box is None:
            return self
        x0, y0, x1, y1 = np.clip(self.box, 0, [size[1], size[0]] * 2).tolist()
        return dataclasses.replace(self, box=(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None)

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready dictionary; the mask becomes COCO's compressed run lengths."""
        return {
            "label": self.label,
            "box": None if self.box is None else list(self.box),
            "mask": None if self.mask is None else run_lengths(self.mask),
            "keypoints": {name: list(point) for name, point in self.keypoints.items()},
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Annotation":
        """Restores what `to_dict` returned, exactly.

        Raises:
            ValueError: If the run lengths do not fill the mask.
        """
        return cls(
            label=fields.get("label"),
            box=tuple(fields["box"]) if fields.get("box") else None,
            mask=mask_from_run_lengths(fields["mask"]) if fields.get("mask") else None,
            keypoints={name: (x, y) for name, (x, y) in (fields.get("keypoints") or {}).items()},
        )


def tight_box(mask: np.ndarray) -> Box | None:
    """Returns the smallest box `(x0, y0, x1, y1)` around the True pixels of `[H, W]`, else `None`.

    The box runs along pixel borders: a single pixel in row 2, column 3 has the box (3, 2, 4, 3).

    Raises:
        ValueError: If `mask` is not `[H, W]` bool.
    """
    _check_mask(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def rotation(degrees: float, centre: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Returns `[3, 3]`: rotates by `degrees` about `centre`, clockwise (from x towards y)."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return translation(*centre) @ turn @ translation(-centre[0], -centre[1])


def translation(x: float, y: float) -> np.ndarray:
    """Returns the `[3, 3]` matrix of a shift.

    Args:
        x: Pixels to the right.
        y: Pixels down.
    """
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(x: float, y: float) -> np.ndarray:
    """Returns the `[3, 3]` matrix of a scaling about the top-left corner.

    Args:
        x: Factor of the horizontal coordinate.
        y: Factor of the vertical coordinate.
    """
    return np.diag([float(x), float(y), 1.0])


def shear(x: float, y: float) -> np.ndarray:
    """Returns `[3, 3]`: adds `x` times y to x, and `y` times x to y, about the top-left corner."""
    return np.array([[1.0, x, 0.0], [y, 1.0, 0.0], [0.0, 0.0, 1.0]])


def flip_horizontal(width: float) -> np.ndarray:
    """Returns `[3, 3]`: mirrors left and right in a picture `width` pixels wide."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def _check_mask(mask: np.ndarray) -> None:
    if mask.ndim != 2 or mask.dtype != np.bool_:
        received = f"mask of shape={mask.shape}, dtype={mask.dtype}"
        raise ValueError(f"`mask` must be [H, W] bool. Received: {received}")


def checked_matrix(matrix: np.ndarray) -> np.ndarray:
    """Returns `matrix` as float64.

    Raises:
        ValueError: If it is singular, not finite or not `[3, 3]`.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError(f"`matrix` must be finite and [3, 3]. Received: matrix={matrix.tolist()}")
    if np.linalg.matrix_rank(matrix) < 3:
        raise ValueError(f"`matrix` must be invertible. Received: matrix={matrix.tolist()}")
    return matrix


def _corners(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def _move(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    weight = moved[:, 2:]
    if not ((weight > 0).all() or (weight < 0).all()):
        raise ValueError(f"`matrix` sends points to infinity. Received: matrix={matrix.tolist()}")
    return moved[:, :2] / weight


def _warp_mask(mask: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = mask.shape
    _move(matrix, _corners(0, 0, width, height))  # A horizon inside the frame has no inverse map.
    ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
    x, y, w = np.tensordot(np.linalg.inv(matrix), np.stack([xs, ys, np.ones_like(xs)]), axes=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.floor(x / w), np.floor(y / w)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    warped = np.zeros(size, bool)
    warped[inside] = mask[y[inside].astype(int), x[inside].astype(int)]
    return warped


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """Returns COCO's compressed run lengths of a `[H, W]` bool mask, JSON-ready."""
    encoded = masks.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode("ascii")}


def mask_from_run_lengths(encoded: Mapping[str, Any]) -> np.ndarray:
    """Returns the `[H, W]` bool mask of run lengths in COCO's format.

    Args:
        encoded: `size`, `[H, W]`, and `counts`: a string (compressed), or a list of the lengths of
            runs down the columns, starting with False pixels.

    Raises:
        ValueError: If the run lengths do not fill the mask.
    """
    (height, width), counts = encoded["size"], encoded["counts"]
    try:
        if not isinstance(counts, str):
            counts = _compressed(counts, height, width)
        mask = _decoded(counts, height, width)
        # pycocotools leaves pixels after the last run uninitialised: one pixel fewer must fail.
        filled = _decoded(counts, height * width - 1, 1) is None
    except (TypeError, OverflowError, ValueError):
        mask, filled = None, False
    if mask is None or not filled:
        raise ValueError(f"`counts` must fill height * width pixels. Received: mask={encoded}")
    return mask


def _compressed(counts: Sequence[int], height: int, width: int) -> str:
    # pycocotools would overflow with larger numbers.
    if not 0 <= min(counts) <= max(counts) <= height * width:
        raise ValueError
    plain = {"size": [height, width], "counts": counts}
    return str(masks.frPyObjects(plain, height, width)["counts"], "ascii")


def _decoded(counts: str, height: int, width: int) -> np.ndarray | None:
    """`[H, W]` bool, or None if the runs are invalid or have more pixels."""
    # pycocotools reads past the end of a string that stops within a number.
    if not re.fullmatch("[0-o]*[0-O]", counts):
        return None
    try:
        return np.asarray(masks.decode({"size": [height, width], "counts": counts}), bool)
    except ValueError:
        return None
