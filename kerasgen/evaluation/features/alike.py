"""Training pictures that resemble test pictures: photographs of the same thing, taken again."""

from __future__ import annotations

import numpy as np

from kerasgen.evaluation.features.extractors import FeatureExtractor


def unlike_indices(
    pictures: np.ndarray, references: np.ndarray, extract: FeatureExtractor, drop: float
) -> np.ndarray:
    """Indices of the pictures that are left once those most like a reference are dropped.

    Likeness is the cosine of the angle between features. Nothing tells a twin from a picture that
    is merely alike: so a share is dropped, not what is above a limit.

    Args:
        pictures: ``[N, H, W, C]`` uint8.
        references: ``[M, H, W, C]`` uint8.
        extract: Features.
        drop: Share of the pictures to drop, in [0, 1].

    Returns:
        ``[N - round(drop * N)]`` integers, rising.

    Raises:
        ValueError: If ``drop`` is not in [0, 1].
    """
    if not 0 <= drop <= 1:
        raise ValueError(f"`drop` must be in [0, 1]. Received: drop={drop}")
    own, others = (_directions(extract(each)) for each in (pictures, references))
    order = np.argsort((own @ others.T).max(axis=1), kind="stable")
    return np.sort(order[: len(order) - round(drop * len(order))])


def _directions(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)
