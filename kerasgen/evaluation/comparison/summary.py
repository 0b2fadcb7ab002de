"""What a comparison found, in a few sentences."""

from __future__ import annotations

from typing import Any

from kerasgen.evaluation.comparison.distances import LEVEL
from kerasgen.evaluation.metrics import holm_adjusted


def summary(
    comparison: dict[str, dict[str, Any]],
    looks: dict[str, Any],
    network: dict[str, Any] | None = None,
    copies: dict[str, Any] | None = None,
) -> str:
    """What came out, in two or three sentences.

    Args:
        comparison: By the name of each feature space, what ``compare_features`` gave.
        looks: What ``compare_appearance`` gave.
        network: The numbers of ``discrimination.discriminate``; None if nothing was trained.
        copies: ``share``, ``null`` and ``exact``, see ``comparing.compare_sets``; None if nobody
            looked.
    """
    told = [*_copied(copies), _told(comparison), *_learned(network), _differing(looks)]
    return " ".join(told)


def _copied(copies: dict[str, Any] | None) -> list[str]:
    """What would make all other numbers look good."""
    if copies is None:
        return []
    if copies["exact"]:
        return [f"Beware: {copies['exact']:,} synthetic picture(s) are real ones, pixel by pixel."]
    share, null = copies["share"], copies["null"]
    if share["low"] <= null["high"]:
        return []
    return [
        f"Beware: {share['value']:.0%} of the synthetic pictures are suspiciously near a real one "
        f"({null['value']:.0%} of other real ones are): they may be copies."
    ]


def _told(comparison: dict[str, dict[str, Any]]) -> str:
    tested = holm_adjusted(
        {
            name: found["two_sample_p"]["synthetic"]
            for name, found in comparison.items()
            if found["two_sample_p"]["synthetic"] is not None
        }
    )
    told = {
        name: comparison[name]["two_sample_area"]["synthetic"]["value"]
        for name, adjusted in tested.items()
        if adjusted <= LEVEL
    }
    if not tested:
        return "There are too few sources to test whether the synthetic pictures can be told apart."
    if told:
        name = max(told, key=lambda each: told[each])
        return (
            "The synthetic pictures can be told from the real ones: area under ROC "
            f"{told[name]:.2f} on {name} (0.5 is chance), on {len(told)} of {len(tested)} "
            "feature space(s)."
        )
    return (
        "No feature space tells the synthetic pictures from the real ones "
        f"(p > {LEVEL:g} on {len(tested)})."
    )


def _learned(network: dict[str, Any] | None) -> list[str]:
    if network is None:
        return []
    area, null = (network["area_under_roc"][arm] for arm in ("synthetic", "null"))
    # Both must hold: an interval is that of one training, and the null that of another.
    tells = area["low"] > 0.5 and area["value"] > null["high"]
    learned = "learns to tell" if tells else "does not learn to tell"
    return [
        f"A network trained for it {learned} unseen ones apart: {area['value']:.2f} "
        f"(null {null['value']:.2f})."
    ]


def _differing(looks: dict[str, Any]) -> str:
    differing = [name for name, found in looks.items() if found["shown"]]
    if not differing:
        return "Light, colour, sharpness and noise do not differ beyond chance."
    furthest = sorted(differing, key=lambda name: -_times(looks[name]))[:3]
    listed = ", ".join(name.replace("_", " ") for name in furthest)
    return f"In plain numbers they differ most in {listed}."


def _times(difference: dict[str, Any]) -> float:
    """How many times what chance gives."""
    return float(difference["distance"]["value"]) / max(float(difference["null_95"]), 1e-12)
