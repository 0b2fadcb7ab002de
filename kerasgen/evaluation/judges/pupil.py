"""Locate the pupil in a small picture of an eye, and measure how far a model has moved it.

A refiner may change the appearance of an eye, but not its gaze. Without ground truth this is
checked by locating the pupil before and after.

Candidates are the points that gradients point away from, after Timm and Barth 2011, "Accurate Eye
Centre Localisation by Means of Gradients", section 2 (https://doi.org/10.5220/0003326101250130).
Differs: edges to the right, to the left and below vote separately and the votes are multiplied,
which excludes brows, lashes and lid shadows (dark, but long); edges above do not vote, because of
the upper lid; votes come only from within the radii of pupil and iris; and a parabola through the
best votes gives subpixel positions. Large dark discs without a lid above are located up to 2 pixels
too low; a shift between two states does not have this bias.
"""

import dataclasses
import functools

import numpy as np

from kerasgen.io.channels import luminance

# Lengths are in pixels of a picture whose shorter side has 64, and grow with it.
_RADII = (1.5, 9.0)  # of the edges that vote: small pupil to large iris
_MARGIN = 6.0  # closer to the border than this, no iris fits into the picture
_RIVAL = 9.0  # candidates further than this from the best one are rivals
_FLOOR = (2.5, 1.5)  # gradients below a + b * (noise sigma) have little weight, grey levels
_SCORE = 0.2  # votes that a pupil needs; camera eyes have 0.3 to 0.6, white noise below 0.1
_LEAD = 0.15  # share by which the best candidate must lead its rival
_CHUNK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class PupilDetections:
    """N pupils; coordinates in pixels, (0, 0) is the top-left corner of the picture."""

    centres: np.ndarray  # [N, 2] float64 (x, y), nan where not found
    confidence: np.ndarray  # [N] float64 in [0, 1]; found from 0.5
    found: np.ndarray  # [N] bool


@dataclasses.dataclass(frozen=True)
class PupilShift:
    """How far N pupils moved, over the ``used`` pictures; nan where undetermined."""

    median: float  # pixels
    percentile_95: float  # pixels
    share_beyond: float  # share of the used that moved by more than `limit`
    limit: float  # pixels
    correlation_x: float  # Pearson's, before and after, from 3 pictures on
    correlation_y: float  # the same, down
    used: int  # found in both states
    not_found: int  # missing in one of the two states or in both
    lost: int  # of those not found, found before but not after

    @property
    def coverage(self) -> float:
        """Share of the pictures that are used; nan without pictures."""
        return self.used / (self.used + self.not_found or float("nan"))


def find_pupils(images: np.ndarray) -> PupilDetections:
    """Finds the pupil in pictures of one eye each, the eye half to two thirds of the width.

    Args:
        images: ``[N, H, W, 3]`` uint8, both sides at least 32; tuned for 64.

    Returns:
        N detections, each independent of the others; none in flat, dark or noisy pictures.

    Raises:
        ValueError: If the shape or dtype of ``images`` is wrong.
    """
    shape = images.shape
    if len(shape) != 4 or shape[3] != 3 or min(shape[1:3]) < 32 or images.dtype != np.uint8:
        received = f"images of shape={shape}, dtype={images.dtype}"
        raise ValueError(f"`images` must be [N, H >= 32, W >= 32, 3] uint8. Received: {received}")
    centres, confidence = np.empty((len(images), 2)), np.empty(len(images))
    for start in range(0, len(images), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        centres[chunk], confidence[chunk] = _found(images[chunk])
    found = confidence >= 0.5
    return PupilDetections(np.where(found[:, None], centres, np.nan), confidence, found)


def known_pupils(centres: np.ndarray) -> PupilDetections:
    """Wraps true centres ``[N, 2]`` (x, y), in pixels, for ``pupil_shift``; nan is not found."""
    found = np.isfinite(centres).all(axis=1)
    return PupilDetections(np.asarray(centres, np.float64), found.astype(np.float64), found)


def pupil_shift(before: PupilDetections, after: PupilDetections, limit: float = 3.0) -> PupilShift:
    """Compares the pupils of the same pictures in two states, or truth and detections.

    Args:
        before: N detections, or ``known_pupils``.
        after: N detections in the same order.
        limit: Pixels beyond which a pupil counts as moved.

    Returns:
        Statistics of the distances, and numbers of pictures.

    Raises:
        ValueError: If the counts differ.
    """
    if len(before.found) != len(after.found):
        lengths = len(before.found), len(after.found)
        raise ValueError(f"`before` and `after` must have one length. Received: lengths={lengths}")
    both = before.found & after.found
    first, second, used = before.centres[both], after.centres[both], int(both.sum())
    distance = np.hypot(*(second - first).T) if used else np.array([np.nan])
    return PupilShift(
        median=float(np.median(distance)),
        percentile_95=float(np.percentile(distance, 95)),
        share_beyond=float(np.mean(distance > limit)) if used else float("nan"),
        limit=limit,
        correlation_x=_correlation(first[:, 0], second[:, 0]),
        correlation_y=_correlation(first[:, 1], second[:, 1]),
        used=used,
        not_found=len(both) - used,
        lost=int((before.found & ~after.found).sum()),
    )


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _found(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    raw = luminance(images)
    scale = min(raw.shape[1:]) / 64
    # A grey opening removes highlights on the pupil and moves no edge.
    light = _smoothed(_opened(raw, max(1, round(2 * scale))), max(1, round(scale**2)))
    # For white noise of sigma 1, the median of what smoothing removes is 0.54.
    noise = np.median(np.abs(raw - _smoothed(raw, 1)), axis=(1, 2)) / 0.54
    floor = (_FLOOR[0] + _FLOOR[1] * noise) / scale
    low, high = np.percentile(light, [1, 90], axis=(1, 2))[:, :, None, None]
    dark = np.clip((high - light) / np.maximum(high - low, 1), 0, 1)
    score = np.cbrt(np.prod(_votes(light, floor, scale), axis=0)) * dark
    edge = round(_MARGIN * scale)
    inner = np.pad(score[:, edge:-edge, edge:-edge], ((0, 0), (edge, edge), (edge, edge)))
    row, column, best = _peak(inner)
    ys, xs = np.ogrid[: raw.shape[1], : raw.shape[2]]
    away = np.hypot(ys - row[:, None, None], xs - column[:, None, None]) > _RIVAL * scale
    lead = 1 - _peak(inner * away)[2] / np.maximum(best, 1e-6)
    confidence = np.clip(0.5 * np.minimum(best / _SCORE, lead / _LEAD), 0, 1)
    return _subpixel(score, row, column), confidence


def _opened(light: np.ndarray, reach: int) -> np.ndarray:
    for pick in (np.minimum, np.maximum):
        for axis in (1, 2):
            light = functools.reduce(pick, _shifts(light, reach, axis))
    return light


def _smoothed(light: np.ndarray, times: int) -> np.ndarray:
    for axis in (1, 2) * times:
        left, middle, right = _shifts(light, 1, axis)
        light = 0.25 * left + 0.5 * middle + 0.25 * right
    return light


def _shifts(light: np.ndarray, reach: int, axis: int) -> list[np.ndarray]:
    pad = [(reach, reach) if k == axis else (0, 0) for k in range(3)]
    padded, length = np.pad(light, pad, "edge"), light.shape[axis]
    return [padded[(slice(None),) * axis + (slice(k, k + length),)] for k in range(2 * reach + 1)]


def _votes(light: np.ndarray, floor: np.ndarray, scale: float) -> np.ndarray:
    # [3, N, H, W] in [0, 1]: mean outwardness of the edges to the right, to the left and below.
    down, right = np.gradient(light, axis=(1, 2))
    length = np.hypot(down, right) + floor[:, None, None].astype(np.float32)
    reach = int(np.ceil(_RADII[1] * scale))
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    radius = np.hypot(ys, xs)
    ring = (radius > _RADII[0] * scale - 0.5) & (radius < _RADII[1] * scale + 0.5)
    weight = ring / np.maximum(radius, 1) ** 2  # each circle has one vote, however long it is
    height, width = light.shape[1:]
    shape, votes = (-(-(height + reach) // 16) * 16, -(-(width + reach) // 16) * 16), []
    for gradient, outward in ((right, xs), (-right, -xs), (down, ys)):
        kernel = np.maximum(outward, 0) * weight
        edges = np.fft.rfft2(np.maximum(gradient, 0) / length, shape, axes=(1, 2))
        edges *= np.conj(np.fft.rfft2(kernel / kernel.sum(), shape))
        sums = np.roll(np.fft.irfft2(edges, shape, axes=(1, 2)), (reach, reach), axis=(1, 2))
        votes.append(np.maximum(sums[:, :height, :width], 0))
    return np.stack(votes)


def _peak(score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row, column = np.divmod(score.reshape(len(score), -1).argmax(axis=1), score.shape[2])
    return row, column, score.max(axis=(1, 2))


def _subpixel(score: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    # The summit of a parabola through the logarithms of three neighbours, for each axis.
    k = np.arange(len(score))
    centres = []
    for middle, right, down in ((column, 1, 0), (row, 0, 1)):
        ends = [score[k, row + side * down, column + side * right] for side in (-1, 0, 1)]
        before, summit, after = np.log(np.maximum(ends, 1e-6))
        bend = np.maximum(2 * summit - before - after, 1e-6)
        centres.append(middle + 0.5 + np.clip((after - before) / (2 * bend), -0.7, 0.7))
    return np.stack(centres, axis=1)
