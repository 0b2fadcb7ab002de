"""The result of a comparison in a few sentences."""

from __future__ import annotations

from typing import Any

from kerasgen.evaluation.comparison.distances import LEVEL
from kerasgen.evaluation.metrics import holm_adjusted


def summary(
    comparison: dict[str, dict[str, Any]],
    statistics: dict[str, Any],
    network: dict[str, Any] | None = None,
    copies: dict[str, Any] | None = None,
) -> str:
    """The result in two to four sentences.

    Args:
        comparison: By name of feature space, the result of ``compare_features``.
        statistics: The result of ``compare_appearance``.
        network: ``Discrimination.numbers``; None if nothing was trained.
        copies: ``share``, ``baseline`` and ``exact``, see ``Comparison``; None if not measured.

    Returns:
        The sentences; warnings about copies come first.
    """
    sentences = [*_copied(copies), _tested(comparison), *_learned(network), _differing(statistics)]
    return " ".join(sentences)


def _copied(copies: dict[str, Any] | None) -> list[str]:
    """A warning about copies, which would make all other numbers look good."""
    if copies is None:
        return []
    if copies["exact"]:
        return [f"Warning: {copies['exact']:,} synthetic picture(s) are identical to real ones."]
    share, baseline = copies["share"], copies["baseline"]
    if share["low"] <= baseline["high"]:
        return []
    return [
        f"Warning: {share['value']:.0%} of the synthetic pictures are suspiciously close to a real "
        f"one ({baseline['value']:.0%} of other real pictures are), so they may be copies."
    ]


def _tested(comparison: dict[str, dict[str, Any]]) -> str:
    tested = holm_adjusted(
        {
            name: found["two_sample_p"]["synthetic"]
            for name, found in comparison.items()
            if found["two_sample_p"]["synthetic"] is not None
        }
    )
    distinguished = {
        name: comparison[name]["two_sample_area"]["synthetic"]["value"]
        for name, adjusted in tested.items()
        if adjusted <= LEVEL
    }
    if not tested:
        return "There are too few sources to test whether synthetic and real pictures differ."
    if distinguished:
        name = max(distinguished, key=lambda each: distinguished[each])
        return (
            "A linear classifier can distinguish the synthetic pictures from the real ones on "
            f"{len(distinguished)} of {len(tested)} feature space(s): area under ROC up to "
            f"{distinguished[name]:.2f}, on {name} (0.5 is chance)."
        )
    return (
        "A linear classifier does not distinguish the synthetic pictures from the real ones on any "
        f"of {len(tested)} feature space(s) (p > {LEVEL:g})."
    )


def _learned(network: dict[str, Any] | None) -> list[str]:
    if network is None:
        return []
    area, baseline = (network["area_under_roc"][arm] for arm in ("synthetic", "baseline"))
    # Both must hold: the interval covers one training, and the baseline is another.
    distinguishes = area["low"] > 0.5 and area["value"] > baseline["high"]
    found = "distinguishes" if distinguishes else "does not distinguish"
    return [
        f"A network trained on both sets {found} unseen pictures: area under ROC "
        f"{area['value']:.2f} (real-vs-real baseline {baseline['value']:.2f})."
    ]


def _differing(statistics: dict[str, Any]) -> str:
    differing = [name for name, found in statistics.items() if found["significant"]]
    if not differing:
        return "Light, colour, sharpness and noise do not differ significantly."
    furthest = sorted(differing, key=lambda name: -_times(statistics[name]))[:3]
    listed = ", ".join(name.replace("_", " ") for name in furthest)
    return f"These image statistics differ significantly, most of all: {listed}."


def _times(difference: dict[str, Any]) -> float:
    """The distance relative to what chance gives."""
    return float(difference["distance"]["value"]) / max(float(difference["baseline_95"]), 1e-12)
