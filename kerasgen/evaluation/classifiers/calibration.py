"""The threshold of a detector for a false-alarm rate, from clean pictures of one's own camera.

How a detector orders pictures holds on other cameras more often than the score at which the object
begins: that is measured again on the camera, without any label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Threshold:
    """A threshold for a detector's score, and what it promises.

    Attributes:
        log_odds: The object is detected where the score is above.
        false_alarms: Expected share of false alarms among new clean pictures, averaged over the
            choice of the pictures that it was set with.
        at_most: Share that is not exceeded for 95 % of such choices.
        count: Number of pictures that it was set with.
    """

    log_odds: float
    false_alarms: float
    at_most: float
    count: int

    def __str__(self) -> str:
        """The promise in words."""
        return (
            f"detected above log-odds of {self.log_odds:.2f}: {self.false_alarms:.1%} false alarms "
            f"expected, at most {self.at_most:.1%} with 95 % confidence (from {self.count} clean "
            "pictures, if they and new ones are like independent draws)"
        )


def calibrated_threshold(scores: np.ndarray, false_alarms: float) -> Threshold:
    """Sets a threshold so that new clean pictures exceed it with at most a stated probability.

    Split conformal prediction: among the scores of n pictures and a new one, each rank is equally
    likely for the new one (Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World",
    chapter 4; Angelopoulos & Bates 2021, arXiv:2107.07511). So the threshold is the score of rank
    ``ceil((n + 1) (1 - false_alarms))``, which holds for any detector and any n, and no rate below
    ``1 / (n + 1)`` can be promised. For the pictures at hand the rate follows a beta distribution.

    Args:
        scores: ``[N]``, of pictures without the object, from the camera and times that matter.
            Frames that follow each other are nearly one picture and count as one.
        false_alarms: The probability, above 0 and below 1.

    Returns:
        The threshold.

    Raises:
        ValueError: If the rate is out of range, too few scores can promise it, or one is not
            finite.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"`scores` must be [N], finite. Received: shape={scores.shape}")
    rank = _rank(len(scores), false_alarms)
    above = len(scores) + 1 - rank
    return Threshold(
        float(np.sort(scores)[rank - 1]),
        above / (len(scores) + 1),
        float(stats.beta.ppf(0.95, above, rank)),
        len(scores),
    )


def check_promise(count: int, false_alarms: float) -> None:
    """Checks that so many clean pictures can promise a false-alarm rate.

    Args:
        count: Number of clean pictures.
        false_alarms: The rate, above 0 and below 1.

    Raises:
        ValueError: If they cannot; the message says how many could.
    """
    _rank(count, false_alarms)


def _rank(count: int, false_alarms: float) -> int:
    """Rank of the threshold among the scores, from 1."""
    if not 0.0 < false_alarms < 1.0:
        raise ValueError(f"`false_alarms` must be in (0, 1). Received: false_alarms={false_alarms}")
    # Without rounding, 0.05 of 20 would need 21.
    rank = math.ceil((count + 1) * (1.0 - false_alarms) - 1e-9)
    if rank > count:
        needed = math.ceil(1.0 / false_alarms - 1e-9) - 1
        raise ValueError(
            f"{needed} clean pictures or more are needed for {false_alarms:.3g} false alarms; "
            f"with these, {1 / (count + 1):.3g} can be promised. "
            f"Received: {count} pictures, false_alarms={false_alarms}"
        )
    return max(rank, 1)
