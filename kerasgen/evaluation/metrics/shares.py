"""Shares, and other means in [0, 1], with intervals that have a width at 0 and 1, too."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from scipy import stats

from kerasgen.evaluation.metrics.intervals import NORMAL, Estimate, Groups, variance_of_mean


def share_with_interval(flags: np.ndarray, groups: Iterable[Hashable] | None = None) -> Estimate:
    """The share of true flags, with Agresti and Coull's interval.

    Args:
        flags: ``[N]`` bool.
        groups: Name or number of each flag's group: flags of one group are dependent. None if all
            are independent.

    Returns:
        The share with its 95 % interval, see ``share_from_variance``.

    Raises:
        ValueError: If there are no flags, or the number of groups is not N.
    """
    if flags.ndim != 1 or not len(flags):
        raise ValueError(f"`flags` must be [N] with N above 0. Received: shape={flags.shape}")
    share, grouped = float(np.mean(flags)), Groups(len(flags), groups)
    if len(grouped) == len(flags):
        return Estimate(share, *share_interval(share, len(flags)), len(flags))
    return share_from_variance(share, _variance_of_share(flags, grouped), len(grouped), len(flags))


def _variance_of_share(flags: np.ndarray, groups: Groups) -> float:
    """Variance of a share of grouped flags.

    How alike the flags of a group are shows in the groups that hold the rarer flag. Where these are
    few, the variance tends to that of groups whose flags are all alike.
    """
    share = float(np.mean(flags))
    spread = share * (1.0 - share)
    # Flags of a group are not less alike than independent ones: chance makes them seem so.
    found = max(variance_of_mean(flags.astype(np.float64), groups), spread / len(flags))
    rarer = flags if share < 0.5 else ~flags
    known = len(np.unique(groups.of_samples[rarer]))
    return (known * found + 2.0 * spread / len(groups)) / (known + 2)


def share_from_variance(
    share: float,
    variance: float,
    groups: int,
    count: int,
    *,
    most: float = np.inf,
    degrees: float | None = None,
) -> Estimate:
    """A share, or another mean in [0, 1], whose variance was estimated.

    Its interval is that of as many independent samples as have this variance, and fewer where the
    variance comes from few groups (Korn & Graubard 1998,
    https://www150.statcan.gc.ca/n1/pub/12-001-x/1998002/article/4356-eng.pdf). It has a width even
    where the estimated variance is 0.

    Args:
        share: The value, in [0, 1].
        variance: Its estimated variance.
        groups: Independent groups of samples; their number counts where the variance is 0.
        count: Number of samples, for the result.
        most: Largest effective number of independent samples.
        degrees: Degrees of freedom of the variance; None for the number of groups less one.

    Returns:
        The share with its 95 % interval, in [0, 1]; all of it with fewer than two groups.
    """
    if groups < 2:
        return Estimate(share, 0.0, 1.0, count)
    effective, spread = float(groups), share * (1.0 - share)
    if spread > 0.0 and variance > 0.0:
        few = NORMAL / float(stats.t.ppf(0.975, degrees or groups - 1))
        effective = min(most, spread / variance * few**2)
    return Estimate(share, *share_interval(share, effective), count)


def share_interval(share: float, count: float) -> tuple[float, float]:
    """Agresti and Coull's 95 % interval of a share; it has a width at 0 and 1.

    Agresti & Coull 1998, https://doi.org/10.1080/00031305.1998.10480550. It covers shares of 0.5 to
    0.99 with a probability of at least 0.934 from 40 samples on; Wilson's, with 0.911.

    Args:
        share: The observed share, in [0, 1].
        count: Number of independent samples, or the effective number that gives its variance.

    Returns:
        Lower and upper end, in [0, 1].
    """
    more = count + NORMAL**2
    middle = (share * count + NORMAL**2 / 2) / more
    margin = NORMAL * float(np.sqrt(max(0.0, middle * (1.0 - middle)) / more))
    return max(0.0, middle - margin), min(1.0, middle + margin)
