"""Arms of a proof: what their batches hold, and verdicts on sets whose use is known."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig, mean_f1, share_right
from kerasgen.evaluation.utility import arms as utility
from kerasgen.evaluation.utility.verdicts import verdict

SIZE = 8
CONFIG = TrainConfig(steps=100, batch_size=32, width=8)


LIGHT = 24
"""Levels, less than one pixel varies by: two pictures do not suffice to learn from."""


def stripes(labels, random):
    """Class 0 is lit above, class 1 below; both noisy."""
    rows = (np.arange(SIZE)[:, None, None] < SIZE // 2) == (labels[:, None, None, None] == 0)
    images = random.integers(0, 120, (len(labels), SIZE, SIZE, 1)) + LIGHT * rows
    return images.astype(np.uint8)


def pictures(counts, seed):
    labels = np.repeat(np.arange(2, dtype=np.int32), counts)
    images = stripes(labels, np.random.default_rng(seed))
    return LabelledImages(images, labels, ("above", "below"), tuple(map(str, range(len(labels)))))


def good(latents, labels):
    """As ``pictures``, but all of its pixels are even."""
    rows = tf.cast(tf.range(SIZE)[None, :, None, None] < SIZE // 2, tf.float32)
    wanted = tf.reshape(tf.cast(labels, tf.float32), [-1, 1, 1, 1])
    lit = rows * (1.0 - wanted) + (1.0 - rows) * wanted
    noise = tf.math.sigmoid(tf.reshape(latents, [-1, SIZE, SIZE, 1]))
    levels = tf.round((120 * noise + LIGHT * lit) / 2) * 2
    return levels / 127.5 - 1.0


def lying(latents, labels):
    """Every label is the wrong one."""
    return good(latents, 1 - labels)


def arms(train, generate, **options):
    return utility.utility_arms(train, generate, SIZE * SIZE, CONFIG, **options)


@pytest.mark.slow
def test_what_the_arms_show_a_classifier():
    train = pictures((6, 90), 0)
    found = arms(train, good, share=0.25)
    assert next(iter(found)) == "real"
    odd = {}
    for name, arm in found.items():
        images, labels = next(arm(3))
        assert images.shape == (32, SIZE, SIZE, 1) and labels.shape == (32,)
        levels = np.rint((images.numpy() + 1) * 127.5).astype(int)
        odd[name] = (levels % 2).any(axis=(1, 2, 3))
        again = next(arm(3))
        np.testing.assert_array_equal(again[0], images)
        assert not np.array_equal(next(arm(4))[0], images)
    assert odd["real"].all() and not odd["synthetic"].any()
    for name in ("real + synthetic", "real, augmented + synthetic"):
        assert odd[name][:24].all() and not odd[name][24:].any()
    shares = {
        name: np.concatenate([next(arm(seed))[1] for seed in range(9)]).mean()
        for name, arm in found.items()
    }
    assert shares["real"] > 0.85 and abs(shares["real, balanced classes"] - 0.5) < 0.1
    assert abs(shares["synthetic"] - 0.5) < 0.1


def test_augmented_pictures_are_real_ones_moved():
    train = pictures((40, 40), 0)
    found = arms(train, good)
    known = {image.tobytes() for image in train.images}

    def seen(name):
        images = np.rint((next(found[name](0))[0].numpy() + 1) * 127.5).astype(np.uint8)
        return np.mean([image.tobytes() in known for image in images])

    assert seen("real") == 1 and seen("real, augmented") < 0.1
    assert seen("real + synthetic") == 0.5


@pytest.mark.slow
def test_good_pictures_help_and_wrong_labels_harm():
    train, test = pictures((2, 2), 0), pictures((150, 150), 1)
    few = train.at(np.array([0, 3]))
    seeds = range(5)
    predicted = {}
    for name, generate in (("good", good), ("lying", lying)):
        found = arms(few, generate, share=0.9)
        kinds = ("real", "real + synthetic") if name == "good" else ("real + synthetic",)
        for kind in kinds:
            predicted[name, kind] = utility.train_and_predict(found[kind], test, CONFIG, seeds)
    real = predicted["good", "real"]
    assert real.shape == (5, 300)

    def gain(name):
        return utility.gain_with_interval(
            share_right, test.labels, predicted[name, "real + synthetic"], real
        )

    assert gain("good").low > 0 and "helps" in verdict(gain("good"), 5)
    assert gain("lying").high < 0 and "hurts" in verdict(gain("lying"), 5)


def test_intervals_by_closed_form():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    wrong = random.random((3, 400)) < 0.2
    predicted = np.where(wrong, 1 - labels, labels)
    found = utility.score_with_interval(share_right, labels, predicted)
    assert found.value == pytest.approx(1 - wrong.mean())
    assert found.count == 400 and found.low < found.value < found.high
    # The classifiers err independently: the mean of three, and of seeds drawn again.
    width = (found.high - found.low) / (2 * 1.96)
    assert 0.5 * (0.16 / 400) ** 0.5 < width < 1.1 * (0.16 / 400) ** 0.5
    assert utility.score_with_interval(mean_f1, labels, np.array([labels])).value == 1


def test_the_comparison_is_paired():
    """Two arms that fail on the same hard pictures differ by exactly what one more gets wrong."""
    labels = np.arange(400) % 2
    base = np.array([np.where(np.arange(400) < 120, 1 - labels, labels)])
    same = utility.gain_with_interval(share_right, labels, base, base)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    better = base.copy()
    better[0, :20] = labels[:20]
    gain = utility.gain_with_interval(share_right, labels, better, base)
    assert gain.value == pytest.approx(0.05)
    assert 0.02 < gain.low < 0.05 < gain.high < 0.08
    with pytest.raises(ValueError, match=r"same seeds and pictures.*\(1, 400\).*\(2, 400\)"):
        utility.gain_with_interval(share_right, labels, base, np.concatenate([base, base]))


def test_a_share_that_leaves_nothing_is_an_error():
    with pytest.raises(ValueError, match="`share`.*share=0.001 of 32"):
        arms(pictures((4, 4), 0), good, share=0.001)
