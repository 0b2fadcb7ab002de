"""A ratio of paired measurements, such as times of the same rounds."""

from __future__ import annotations

import numpy as np
from scipy import stats


def ratio_text(own: np.ndarray, other: np.ndarray) -> str:
    """The median of paired ratios, with a 95 % interval from the order statistics.

    Args:
        own: Measurements, at least 6, or the interval has no ends.
        other: Those of the same rounds.
    """
    ratios = own / other
    interval = stats.quantile_test(ratios, p=0.5).confidence_interval(0.95)
    return f"{np.median(ratios):.2f} [{interval.low:.2f}, {interval.high:.2f}]"
