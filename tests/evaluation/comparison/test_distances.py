"""Real against synthetic: differences are reported, chance is not, and sources stay together."""

import json

import numpy as np
import pytest

from kerasgen.evaluation.comparison.distances import (
    compare_appearance,
    compare_features,
    compared_sets,
    grouped_test,
)
from kerasgen.evaluation.comparison.summary import summary
from kerasgen.evaluation.features.extractors import FeatureExtractor, pixel_features
from kerasgen.procedural.eyes import camera_eyes


def pictures(count, seed, level=110, spread=30, side=16):
    """Smooth patches of light: low frequencies that differ from picture to picture."""
    generator = np.random.default_rng(seed)
    coarse = generator.normal(level, spread, (count, 4, 4, 3)).repeat(side // 4, 1)
    fine = coarse.repeat(side // 4, 2) + generator.normal(0, 6, (count, side, side, 3))
    return np.clip(np.rint(fine), 0, 255).astype(np.uint8)


def compared(real, synthetic, **options):
    sets = compared_sets(real, synthetic, **options)
    return compare_features(sets, pixel_features(4)), compare_appearance(sets), sets


def test_real_against_real_is_no_difference():
    found, statistics, sets = compared(pictures(120, 0), pictures(90, 1))
    assert found["two_sample_p"]["synthetic"] > 0.05
    low, high = (found["kernel_distance"]["synthetic"][end] for end in ("low", "high"))
    assert low < 0 < high
    assert (
        abs(found["coverage"]["synthetic"]["value"] - found["coverage"]["baseline"]["value"]) < 0.2
    )
    text = summary({"pixels": found}, statistics)
    assert text.startswith("A linear classifier does not distinguish the synthetic")
    assert len(sets.baseline) == len(sets.synthetic) == 60 and len(sets.reference) == 60


@pytest.mark.slow
def test_chance_alone_is_not_reported_among_many_numbers():
    reported = 0
    for seed in range(30):
        both = pictures(80, seed)
        sets = compared_sets(both[:48], both[48:], seed=seed)
        reported += any(
            each["significant"] for each in compare_appearance(sets, seed=seed).values()
        )
    assert reported <= 5


def test_several_spaces_are_several_chances():
    """One of five has p = 0.02: alone that would be reported."""

    def space(p):
        area = {"value": 0.6, "low": 0.5, "high": 0.7, "count": 9}
        return {"two_sample_p": {"synthetic": p}, "two_sample_area": {"synthetic": area}}

    statistics = {"brightness": {"significant": False}}
    five = {f"space {n}": space(p) for n, p in enumerate((0.02, 0.5, 0.6, 0.7, 0.9))}
    assert summary(five, statistics).startswith(
        "A linear classifier does not distinguish the synthetic"
    )
    assert "can distinguish" in summary({"one": space(0.02)}, statistics)
    assert "can distinguish" in summary({"one": space(0.0)}, statistics)
    assert "too few sources" in summary({"one": space(None)}, statistics)


def test_copies_are_reported_first():
    statistics, space = {"brightness": {"significant": False}}, {"two_sample_p": {"synthetic": 0.5}}
    rare, often = ({"value": v, "low": v - 0.02, "high": v + 0.02} for v in (0.02, 0.3))

    def text_of(share, baseline, exact):
        copies = {"share": share, "baseline": baseline, "exact": exact}
        return summary({"one": space}, statistics, None, copies)

    assert text_of(often, rare, 0).startswith("Warning: 30% of the synthetic pictures")
    assert text_of(rare, rare, 3).startswith("Warning: 3 synthetic picture(s) are identical to")
    assert text_of(rare, rare, 0).startswith("A linear classifier does not distinguish")


def test_a_darker_set_is_detected_and_named():
    found, statistics, _ = compared(pictures(120, 0), pictures(120, 1, level=70))
    assert found["two_sample_p"] == {"synthetic": 0.005, "baseline": pytest.approx(0.5, abs=0.45)}
    for name in ("kernel_distance", "frechet_distance", "sliced_wasserstein"):
        assert found[name]["synthetic"]["low"] > found[name]["baseline"]["high"], name
    assert statistics["brightness"]["distance"]["low"] > statistics["brightness"]["baseline_95"]
    assert statistics["brightness"]["real"] - statistics["brightness"]["synthetic"] > 0.1
    assert 30 < statistics["grey_histogram"]["distance"]["value"] < 50
    text = summary({"pixels": found}, statistics)
    assert text.startswith("A linear classifier can distinguish the synthetic pictures from the")
    assert "brightness" in text or "grey histogram" in text
    json.dumps([found, statistics])


def test_a_set_without_variety_loses_recall_and_coverage_only():
    few = pictures(3, 1)
    found, _, _ = compared(pictures(200, 0), np.repeat(few, 40, axis=0))
    assert found["coverage"]["synthetic"]["value"] < 0.3 < found["coverage"]["baseline"]["value"]
    assert found["recall"]["synthetic"]["value"] < 0.3 < found["recall"]["baseline"]["value"]


def test_real_against_real_is_rejected_at_its_level_and_a_shift_always():
    """At 5 % more than 4 of 20 independent tests reject with a probability of 0.26 %."""
    real = camera_eyes(160, 0, 32).images
    shifted = np.clip(real.astype(int) + 40, 0, 255).astype(np.uint8)
    space, p_values, shifts = pixel_features(4), [], []
    for seed in range(20):
        order = np.random.default_rng([7, seed]).permutation(len(real))
        some, others = order[:80], order[80:]
        for found, synthetic in ((p_values, real[others]), (shifts, shifted[others])):
            sets = compared_sets(real[some], synthetic, seed=seed)
            pair = space(sets.reference), space(sets.synthetic)
            groups = sets.reference_groups, sets.synthetic_groups
            found.append(grouped_test(*pair, groups, seed).p_value)
    assert sum(p <= 0.05 for p in p_values) <= 4, p_values
    # Nor are they all large, which would be another wrong level.
    assert 0.25 < np.mean(p_values) < 0.75
    assert max(shifts) <= 0.05, shifts


def test_recordings_are_split_whole_and_count_once():
    recordings = [pictures(1, seed).repeat(10, axis=0) for seed in range(24)]
    real, synthetic = np.concatenate(recordings[:12]), np.concatenate(recordings[12:])
    names = np.repeat(np.arange(12), 10).tolist()
    sets = compared_sets(real, synthetic, real_groups=names, synthetic_groups=names)
    assert not set(sets.reference_groups) & set(sets.baseline_groups)
    assert not set(sets.reference_groups) & set(sets.synthetic_groups)
    grouped = compare_features(sets, pixel_features(4))["two_sample_p"]["synthetic"]
    alone = compare_features(compared_sets(real, synthetic), pixel_features(4))
    assert alone["two_sample_p"]["synthetic"] < 0.05 < grouped


def test_few_pictures_of_many_features_are_remarked_on():
    sets = compared_sets(pictures(20, 0), pictures(20, 1))
    found = compare_features(
        sets, FeatureExtractor("raw", lambda images: images.reshape(len(images), -1))
    )
    assert any("10 samples of 768 features" in remark for remark in found["remarks"])


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        compared_sets(pictures(9, 0), pictures(9, 0)[:, :8])
    with pytest.raises(ValueError, match="9 real and 7 synthetic"):
        compared_sets(pictures(9, 0), pictures(7, 1))
    with pytest.raises(ValueError):
        compared_sets(pictures(9, 0), pictures(9, 1), real_groups=["one"] * 9)
    with pytest.raises(ValueError, match="more sources. Received: halves of 1 and 8 pictures"):
        compared_sets(pictures(9, 0), pictures(9, 1), real_groups=["one"] * 8 + ["two"])
