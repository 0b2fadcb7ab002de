"""Class by class: what a whole hides, and classes that cannot be compared."""

import json

import numpy as np
import pytest

from kerasgen.evaluation.comparison.by_class import LabelledFeatures, check_classes, compare_classes


def features(count, seed, shift=0.0, size=6):
    return np.random.default_rng(seed).normal(shift, 1.0, (count, size)).astype(np.float32)


def labelled(parts, prefix="p"):
    """From class to its features; each sample is a source of its own."""
    labels = [label for label, own in parts.items() for _ in own]
    names = [f"{prefix}{index}" for index in range(len(labels))]
    return LabelledFeatures(np.concatenate(list(parts.values())), labels, names)


def test_classes_that_are_swapped_are_seen_though_the_whole_is_right():
    real = labelled({"bag": features(80, 0), "shoe": features(80, 1, 3.0)})
    right = labelled({"bag": features(60, 2), "shoe": features(60, 3, 3.0)}, "s")
    swapped = LabelledFeatures(right.features, ["shoe"] * 60 + ["bag"] * 60, right.groups)
    for found in compare_classes(real, right).values():
        assert found["two_sample_p"]["synthetic"] > 0.05 and not found["too_few"]
        distance = found["kernel_distance"]["synthetic"]
        assert distance["low"] < 0 < distance["high"]
    for found in compare_classes(real, swapped).values():
        assert found["two_sample_p"] == {
            "synthetic": 0.005,
            "baseline": pytest.approx(0.5, abs=0.45),
        }
        distance = found["kernel_distance"]
        assert distance["synthetic"]["low"] > distance["baseline"]["high"]
    json.dumps(compare_classes(real, swapped))


def test_a_class_that_collapsed_is_less_diverse_and_the_others_are_not():
    real = labelled({"a": features(60, 0), "b": features(60, 1)})
    few = np.repeat(features(3, 2), 20, axis=0) + 0.01 * features(60, 3)
    found = compare_classes(real, labelled({"a": features(60, 4), "b": few}, "s"))
    assert found["b"]["diversity"]["synthetic"]["high"] < found["b"]["diversity"]["real"]["low"]
    healthy = found["a"]["diversity"]
    assert healthy["synthetic"]["value"] == pytest.approx(healthy["real"]["value"], rel=0.1)
    # Mean distance of two draws from a Gaussian of six dimensions: 2 Gamma(3.5) / Gamma(3).
    assert healthy["real"]["value"] == pytest.approx(3.323, rel=0.05)


@pytest.mark.parametrize(
    ("real", "synthetic", "few"), [(7, 30, True), (30, 7, True), (8, 8, False)]
)
def test_small_classes_are_listed_not_dropped(real, synthetic, few):
    sets = (
        labelled({"small": features(count, seed), "zebra": features(40, seed + 2)})
        for seed, count in enumerate((real, synthetic))
    )
    found = compare_classes(*sets)
    assert list(found) == ["small", "zebra"]
    assert (found["small"]["real"], found["small"]["synthetic"]) == (real, synthetic)
    assert found["small"]["too_few"] == few
    assert ("kernel_distance" in found["small"]) != few
    assert found["zebra"]["two_sample_p"]["synthetic"] is not None


def test_recordings_are_sources_and_few_of_them_give_no_test():
    names = np.repeat(np.arange(8), 5).tolist()
    real = LabelledFeatures(features(40, 0), ["a"] * 40, names)
    synthetic = LabelledFeatures(features(40, 1), ["a"] * 40, names)
    found = compare_classes(real, synthetic)["a"]
    # Half of eight recordings are four.
    assert (
        found["two_sample_area"] == found["two_sample_p"] == {"synthetic": None, "baseline": None}
    )
    assert found["kernel_distance"]["synthetic"]["count"] == 20
    one = LabelledFeatures(features(40, 0), ["a"] * 40, ["same"] * 40)
    assert compare_classes(one, synthetic)["a"] == {"real": 40, "synthetic": 40, "too_few": True}
    # A recording cannot be parted: one half would have three pictures.
    uneven = LabelledFeatures(features(40, 0), ["a"] * 40, ["long"] * 37 + ["short"] * 3)
    assert compare_classes(uneven, synthetic)["a"]["too_few"]


def test_labels_of_one_set_only_are_refused_with_the_classes_that_miss():
    check_classes(None, None)
    check_classes(["a", "b"], ["b", "a", "a"])
    for real, synthetic, message in (
        (["bag", "coat"], None, "the synthetic set has none of bag, coat$"),
        (None, ["bag"], "the real set has none of bag$"),
        (["bag", "a"], ["a", "Bag"], "real set has none of Bag; the synthetic set has none of bag"),
    ):
        with pytest.raises(ValueError, match=message):
            check_classes(real, synthetic)
