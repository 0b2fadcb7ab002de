"""A network trained on real against synthetic finds a planted difference, and no other."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from kerasgen.evaluation.classifiers.detector import DETECTOR_CONFIG, Detector
from kerasgen.evaluation.comparison import real_fake_classifier
from kerasgen.evaluation.comparison.distances import compared_sets
from kerasgen.evaluation.comparison.real_fake_classifier import (
    Network,
    discriminate,
    held_out_accuracy,
    network_by_name,
)
from kerasgen.evaluation.metrics import share_interval

SIZE = 16
QUICK = Network(
    config=replace(
        DETECTOR_CONFIG, steps=60, validate_every=30, patience=2, batch_size=16, learning_rate=3e-3
    )
)


def noise(count, seed, size=SIZE):
    return np.random.default_rng(seed).integers(60, 190, (count, size, size, 3), np.uint8)


def with_fingerprint(images, strength=40):
    """What a generator may leave: a grid. No linear classifier on reduced pixels sees it."""
    signs = 2 * (np.indices(images.shape[1:3]).sum(axis=0) % 2) - 1
    return (images + strength * signs[..., None]).astype(np.uint8)


def quiet(text):
    pass


def discriminated(sets, folder, network=QUICK, **options):
    return discriminate(sets, network, folder, report=quiet, **options)


class Watched:
    """Notes what is learned from and what is tested on."""

    def __init__(self, monkeypatch, fit=real_fake_classifier.fit_detector):
        self.folders, self.known, self.tested = [], [], []
        measure = real_fake_classifier.measure_detection

        def noting_fit(trainer, data, *rest, **options):
            self.folders.append(trainer.workdir.name)
            self.known.append(data)
            return fit(trainer, data, *rest, **options)

        def noting_measure(score, data, **options):
            self.tested.append(data)
            return measure(score, data, **options)

        monkeypatch.setattr(real_fake_classifier, "fit_detector", noting_fit)
        monkeypatch.setattr(real_fake_classifier, "measure_detection", noting_measure)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A training whose answer is known."""
    sets = compared_sets(noise(160, 0), with_fingerprint(noise(80, 1)))
    folder = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as monkeypatch:
        watched = Watched(monkeypatch)
        found = discriminated(sets, folder)
    return sets, folder, found, watched


@pytest.fixture
def untrained(monkeypatch):
    """Nothing is learned: a guess by the light."""

    def fit(trainer, data, *rest, **options):
        return Detector(lambda images: images.mean(axis=(1, 2, 3)), keras.Sequential(), {})

    return Watched(monkeypatch, fit)


def test_what_is_there_is_found_and_the_baseline_stays_at_chance(learned):
    sets, _, found, _ = learned
    area, accuracy = found.numbers["area_under_roc"], found.numbers["accuracy"]
    assert area["synthetic"]["value"] > 0.95 and accuracy["synthetic"]["value"] > 0.85
    assert area["baseline"]["low"] < 0.5 < area["baseline"]["high"]
    assert area["synthetic"]["count"] == area["baseline"]["count"] == 24
    assert found.numbers["pixels"] == "16x16"


def test_what_is_tested_or_shown_was_not_learned_from(learned):
    sets, _, found, watched = learned
    for arm, own in enumerate((sets.synthetic, sets.baseline)):
        shown = {image.tobytes() for image in watched.known[arm].images}
        assert len(shown) == 160 - 48
        assert not shown & {image.tobytes() for image in watched.tested[arm].images}
        # What is positive is the arm.
        assert watched.known[arm].present.sum() == 56
        positive = watched.known[arm].images[watched.known[arm].present]
        assert {image.tobytes() for image in positive} < {image.tobytes() for image in own}
    shown = {image.tobytes() for image in watched.known[0].images}
    unseen = [*sets.baseline, *sets.synthetic[found.unseen]]
    assert len(found.unseen) == 24 and not shown & {image.tobytes() for image in unseen}


def test_what_was_learned_is_not_learned_again(learned, capsys):
    sets, folder, found, _ = learned
    assert discriminated(sets, folder).numbers == found.numbers
    assert "train" not in capsys.readouterr().out


def test_other_pictures_configs_and_seeds_are_other_trainings(tmp_path, untrained):
    sets, others = (compared_sets(noise(80, 0), noise(60, seed)) for seed in (1, 2))
    discriminated(sets, tmp_path)
    discriminated(sets, tmp_path)
    discriminated(others, tmp_path)
    discriminated(sets, tmp_path, Network())
    discriminated(sets, tmp_path, seed=1)
    same, again, *rest = (
        untrained.folders[index : index + 2] for index in range(0, len(untrained.folders), 2)
    )
    assert same == again and same[0] != same[1]
    # The baseline beside other synthetic pictures is the same one.
    assert rest[0][1] == same[1]
    found = [*same, rest[0][0], *rest[1], *rest[2]]
    assert len(set(found)) == len(found) == 7


def test_sources_are_on_one_side_only(tmp_path, untrained):
    names = np.repeat(np.arange(20), 4).tolist()
    sets = compared_sets(noise(80, 0), noise(80, 1), real_groups=names, synthetic_groups=names)
    discriminated(sets, tmp_path)
    assert len(untrained.known) == len(untrained.tested) == 2
    for known, tested in zip(untrained.known, untrained.tested, strict=True):
        assert not set(known.sources) & set(tested.sources)
        assert len(set(tested.sources)) < len(tested.sources)


def test_large_or_odd_pictures_are_reduced(tmp_path, untrained):
    sets = compared_sets(noise(60, 0, 83), noise(60, 1, 83))
    assert discriminated(sets, tmp_path).numbers["pixels"] == "64x64"
    assert untrained.known[0].images.shape[1:] == (64, 64, 3)


def test_a_backbone_is_frozen_and_its_own_maps_are_shown(tmp_path, monkeypatch):
    keras.utils.set_random_seed(1)
    images = keras.Input((24, 24, 3))
    x = layers.Conv2D(16, 3, activation="relu", name="edges")(images)
    body = keras.Model(images, layers.GlobalAveragePooling2D()(x))
    before = body.get_weights()
    monkeypatch.setattr(real_fake_classifier, "application", lambda name, weights: body)
    sets = compared_sets(noise(160, 0), with_fingerprint(noise(80, 1)))
    found = discriminated(sets, tmp_path, Network("vgg16", None, QUICK.config))
    assert found.network is body and found.numbers["pixels"] == "24x24"
    assert all(np.array_equal(*pair) for pair in zip(before, body.get_weights(), strict=True))
    assert found.numbers["area_under_roc"]["synthetic"]["value"] > 0.8
    assert found.numbers["network"] == "vgg16 with random weights, its head trained here"


@pytest.mark.parametrize(
    ("count", "sources", "message"),
    [(30, 30, "reference has 15 pictures of 15"), (80, 8, "reference has 40 pictures of 4 source")],
)
def test_too_little_is_said_and_nothing_trained(count, sources, message, tmp_path):
    names = (np.arange(count) % sources).tolist()
    sets = compared_sets(noise(count, 0), noise(60, 1), real_groups=names)
    answer = discriminated(sets, tmp_path)
    assert isinstance(answer, str) and message in answer
    assert not list(tmp_path.iterdir())


def test_networks_have_names(tmp_path):
    weights = tmp_path / "mine.weights.h5"
    weights.touch()
    assert network_by_name("small") == Network()
    assert network_by_name(f"vgg16:{weights}").description == (
        "vgg16 with the weights of mine.weights.h5, its head trained here"
    )
    assert network_by_name("inception_v3").weights == "imagenet"
    for text, message in (
        ("vgg19", "must be among small, resnet50:FILE.*Received: 'vgg19'"),
        ("small:file", "no such weights file"),
        (f"small:{weights}", "must be among"),
        ("vgg16:nowhere.h5", "no such weights file. Received: 'vgg16:nowhere.h5'"),
    ):
        with pytest.raises(ValueError, match=message):
            network_by_name(text)


@pytest.mark.parametrize(("side", "seen"), [(16, 16), (28, 32), (64, 64), (65, 64), (300, 64)])
def test_small_pictures_are_not_reduced_for_the_network(side, seen):
    assert real_fake_classifier._size(np.zeros((1, side, side, 3))) == (seen, seen)


# The same network on given test pictures


def levels(count, seed, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (count, SIZE, SIZE, 3), np.uint8)


def accuracy_of(train, test, **changes):
    return held_out_accuracy(train, test, config=replace(QUICK.config, width=8), **changes)


def test_sets_that_differ_are_told_apart():
    train = levels(40, 0, high=160), levels(40, 1, low=96)
    accuracy = accuracy_of(train, (levels(60, 2, high=160), levels(50, 3, low=96)))
    assert accuracy.value > 0.95 and accuracy.count == 50
    assert accuracy.low <= accuracy.value <= accuracy.high <= 1.0


@pytest.mark.slow
def test_two_draws_of_one_set_are_not_told_apart():
    intervals = []
    for seed in range(4):
        sets = [levels(60, 100 * seed + index) for index in range(4)]
        accuracy = accuracy_of(tuple(sets[:2]), tuple(sets[2:]), seed=seed)
        intervals.append(accuracy.low <= 0.5 <= accuracy.high)
    # Each interval misses one time in twenty.
    assert sum(intervals) >= 3, intervals


def test_all_right_is_not_certainty():
    train = levels(10, 0, high=20), levels(10, 1, low=230)
    accuracy = accuracy_of(train, (levels(12, 2, high=20), levels(12, 3, low=230)))
    assert accuracy.value == 1.0 and accuracy.high == pytest.approx(1.0)
    # Two such sets, of 12 right answers each, are halved and joined.
    assert accuracy.low == pytest.approx(1 - (1 - share_interval(1.0, 12)[0]) / 2**0.5)


def test_nothing_is_learned_from_the_test_pictures():
    bright, dark = levels(30, 0, low=96), levels(30, 1, high=160)
    # What training calls real is called synthetic in the test: right learning is all wrong there.
    assert accuracy_of((bright, dark), (dark[::-1], bright[::-1])).value < 0.05


def test_the_same_seed_gives_the_same_accuracy():
    train, test = (levels(20, 0), levels(20, 1, high=200)), (levels(30, 2), levels(30, 3, high=200))
    first, second = (accuracy_of(train, test, seed=5) for _ in range(2))
    assert first == second


def test_what_says_when_to_stop_is_of_other_sources(monkeypatch):
    train = levels(20, 0), levels(20, 1)
    sources = [("real", index // 2) for index in range(20)], [index // 4 for index in range(20)]
    watched = Watched(
        monkeypatch,
        lambda *_, **__: Detector(lambda images: np.ones(len(images)), keras.Sequential(), {}),
    )
    found = accuracy_of(train, train, sources=sources)
    assert watched.known[0].sources == [*sources[0], *sources[1]] and found.value == 0.5
    assert watched.known[0].present.tolist() == [False] * 20 + [True] * 20
