"""A training that ends with its best weights: which, when, and after any stop."""

import json

import keras
import numpy as np
import pytest
from conformance import snapshot

from kerasgen.classifier import ClassifierStep, build_classifier, split_head
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.evaluation.classifiers.early_stopping import (
    FitResult,
    fit_classifier,
    log_likelihood,
)
from kerasgen.evaluation.classifiers.linear_head import feature_batches
from kerasgen.evaluation.features.extractors import keras_features
from kerasgen.training.checkpoints import NonFiniteState
from kerasgen.training.step import Player
from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy

CLASSES = 3
FEATURES = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
LABELS = np.arange(10) % CLASSES


class Sitting:
    """One start of the program: a new network, a new step, the same folder."""

    def __init__(self, folder, strategy="default", optimizer=None, units=4, dropout=0.5):
        keras.utils.set_random_seed(0)
        self.trainer = Trainer(folder, make_strategy(strategy), TrainerOptions(save_every=3))
        self.seen = []
        with self.trainer.scope():
            network = build_classifier((8, 8, 1), CLASSES, widths=(2,), units=units)
            self.head = split_head(network)[1]
            optimizer = optimizer or keras.optimizers.Adam(0.05)
            self.step = ClassifierStep(self.head, Player(self.head, optimizer))
        self.batches = feature_batches(FEATURES, LABELS, 4, seed=1)

    def fit(self, scores, **changes):
        """Trains with planted scores, and remembers the weights that each belongs to."""
        planted = iter(scores)

        def validate(network):
            self.seen.append(network.get_weights())
            score = next(planted)
            if isinstance(score, BaseException):
                raise score
            return score

        options = {"steps": 8, "validate_every": 2, "patience": 10, **changes}
        return fit_classifier(self.trainer, self.step, self.batches, validate, **options)


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("scores", "best"), [([0, 1, 3, 2, 1], 2), ([5, 4, 3, 2, 1], 0), ([0, 1, 1, 1, 1], 1)]
)
def test_the_best_weights_stay_not_the_last(scores, best, tmp_path):
    """The network as it was passed can be the best, and the first of equals is."""
    sitting = Sitting(tmp_path)
    result = sitting.fit(scores)
    assert result.scores == tuple(zip((0, 2, 4, 6, 8), map(float, scores), strict=True))
    assert (result.best_step, result.best_score) == (2 * best, scores[best])
    assert_same(sitting.head.get_weights(), sitting.seen[best])
    assert np.any(sitting.seen[best][0] != sitting.seen[-1][0])
    saved = keras.models.load_model(tmp_path / "train" / "best.keras")
    assert_same(saved.get_weights(), sitting.seen[best])
    record = json.loads((tmp_path / "train" / "best.json").read_text())
    assert (record["step"], record["score"]) == (2 * best, scores[best])
    assert sorted(path.name for path in (tmp_path / "train").glob("*best*")) == [
        "best.json",
        "best.keras",
    ]


def test_training_ends_when_patience_does(tmp_path):
    sitting = Sitting(tmp_path)
    result = sitting.fit([0, 2, 1, 2, 9], patience=2)
    assert [step for step, _ in result.scores] == [0, 2, 4, 6]
    assert (result.best_step, result.last_step, result.since_best) == (2, 6, 2)


def test_the_last_piece_is_as_long_as_what_is_left(tmp_path):
    result = Sitting(tmp_path).fit(range(9), steps=5)
    assert [step for step, _ in result.scores] == [0, 2, 4, 5]


def test_a_finished_run_returns_at_once_with_its_best_weights(tmp_path):
    first, again = Sitting(tmp_path), Sitting(tmp_path)
    results = [first.fit([0, 2, 1, 1], patience=2), again.fit([], patience=2)]
    assert results[0] == results[1] and not again.seen
    assert_same(first.head.get_weights(), again.head.get_weights())


def test_more_patience_or_steps_go_on_from_the_last_weights(tmp_path):
    whole = Sitting(tmp_path / "whole")
    whole.fit([0, 2, 1, 1, 5], patience=10)
    Sitting(tmp_path / "parts").fit([0, 2, 1], patience=1)
    Sitting(tmp_path / "parts").fit([1], patience=2)
    last = Sitting(tmp_path / "parts")
    assert last.fit([5], patience=10).best_step == 8
    assert_same(whole.head.get_weights(), last.head.get_weights())


@pytest.mark.parametrize(
    ("strategy", "scores", "stop", "within"),
    [
        ("default", [0, 1, 2, 4, 3], 2, False),
        ("default", [0, 1, 2, 4, 3], 2, True),
        ("mirrored", [0, 2, 1], 1, False),
    ],
)
def test_a_run_that_was_stopped_goes_on_exactly(strategy, scores, stop, within, tmp_path):
    """Stopped in a validation and, if ``within``, again between two."""
    steps = 2 * (len(scores) - 1)
    whole = Sitting(tmp_path / "whole", strategy)
    wanted = whole.fit(scores, steps=steps)
    with pytest.raises(KeyboardInterrupt):
        Sitting(tmp_path / "parts", strategy).fit([*scores[:stop], KeyboardInterrupt()])
    if within:
        Sitting(tmp_path / "parts", strategy).fit([scores[stop]], steps=2 * stop)
        other = Sitting(tmp_path / "parts", strategy)
        other.trainer.run(other.step, other.batches, 2 * stop + 1)
    last = Sitting(tmp_path / "parts", strategy)
    assert last.fit(scores[stop + within :], steps=steps) == wanted
    assert_same(whole.seen[-1], last.seen[-1])
    assert_same(whole.head.get_weights(), last.head.get_weights())
    # The state trained on, not only what was kept: dropout's seed and the optimizer's moments.
    for sitting in (whole, last):
        sitting.trainer.run(sitting.step, sitting.batches, steps)
    first, second = snapshot(whole.step), snapshot(last.step)
    assert_same([first[name] for name in sorted(first)], [second[name] for name in sorted(first)])


def test_averaged_weights_are_what_is_validated_and_kept(tmp_path):
    sitting = Sitting(tmp_path, optimizer=keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5))
    sitting.fit([0, 1, 2], steps=4)
    trained = Sitting(tmp_path, optimizer=keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5))
    trained.trainer.run(trained.step, trained.batches, 4)
    with trained.step.player.averaged():
        averages = trained.head.get_weights()
    assert_same(sitting.head.get_weights(), averages)
    assert np.any(trained.head.get_weights()[0] != averages[0])


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_stops_the_run(score, tmp_path):
    with pytest.raises(NonFiniteState, match=rf"score is {score} at step 2"):
        Sitting(tmp_path).fit([0, score])


@pytest.mark.parametrize("name", ["steps", "validate_every", "patience"])
def test_counts_below_one_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"Received: .*{name}=0"):
        Sitting(tmp_path).fit([], **{name: 0})


def test_a_folder_of_another_run_is_refused(tmp_path):
    Sitting(tmp_path).fit([0, 1], steps=2)
    with pytest.raises(ValueError, match=r"not a file of weights.*best\.keras"):
        Sitting(tmp_path, units=5).fit([], steps=2)
    (tmp_path / "train" / "best.keras").unlink()
    with pytest.raises(ValueError, match=r"no such file.*best\.keras"):
        Sitting(tmp_path).fit([], steps=2)
    for content in ('{"batch_size": 4}', '{"scores": [3]}', '{"scores": []}', "[1]", "{"):
        (tmp_path / "train" / "best.json").write_text(content)
        with pytest.raises(ValueError, match=r"Received: path=.*best\.json"):
            Sitting(tmp_path).fit([])


# The score


def test_log_likelihood_by_hand():
    """The network says the input: chances of 1/4 and 3/4, and of 1/2."""
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    features = np.array([[0, np.log(3)], [0, np.log(3)], [5, 5]], np.float32)
    labels = np.array([0, 1, 1])
    logs = np.log([1 / 4, 3 / 4, 1 / 2])
    options = {"batch_size": 2}
    assert log_likelihood(features, labels, **options)(network) == pytest.approx(
        logs.mean(), abs=1e-6
    )
    weighted = log_likelihood(features, labels, class_weights=[6.0, 0.5])(network)
    assert weighted == pytest.approx((np.array([6.0, 0.5, 0.5]) * logs).mean(), abs=1e-6)
    with pytest.raises(ValueError, match="Labels must be 0 to 1.*labels from 0 to 2"):
        log_likelihood(features, np.array([0, 1, 2]))(network)
    with pytest.raises(ValueError, match="`class_weights` must be 2"):
        log_likelihood(features, labels, class_weights=[1.0])(network)


def test_inputs_and_labels_must_belong_together():
    for labels in (LABELS[:9], LABELS[:0], LABELS[:, None]):
        with pytest.raises(ValueError, match="Received: .*shape"):
            log_likelihood(FEATURES, labels)
    with pytest.raises(ValueError, match="Received: 0 inputs"):
        log_likelihood(FEATURES[:0], LABELS[:0])


def test_a_head_learns_on_features_and_the_whole_goes_on_from_there(tmp_path):
    """Both parts of transfer learning: where is the bright half?"""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = generator.integers(0, 100, (60, 8, 8, 1), np.uint8)
    images[labels == 0, :4] += 120
    images[labels == 1, 4:] += 120
    train, held_out = slice(0, 40), slice(40, 60)
    classifier = build_classifier((8, 8, 1), 2, widths=(4,), units=16, dropout=0.2)
    features, head = split_head(classifier)
    known = keras_features(features, "backbone")(images)
    batches = feature_batches(known[train], labels[train], 20, seed=0)
    trainer = Trainer(tmp_path)
    step = ClassifierStep(head, Player(head, keras.optimizers.Adam(0.05)))
    validate = log_likelihood(known[held_out], labels[held_out])
    options = {"steps": 30, "validate_every": 10, "patience": 2}
    first = fit_classifier(trainer, step, batches, validate, phase="head", **options)
    assert first.best_score > first.scores[0][1] + 0.1

    whole = ClassifierStep(classifier, Player(classifier, keras.optimizers.Adam(1e-3)))
    pictures = labelled(Pictures.from_array(images[train], labels[train]), 20, seed=0)
    validate = log_likelihood(images[held_out], labels[held_out])
    second = fit_classifier(trainer, whole, pictures, validate, phase="all", **options)
    assert second.scores[0][1] == pytest.approx(first.best_score, abs=1e-5)
    assert second.best_score > first.best_score
    assert validate(classifier) == pytest.approx(second.best_score, abs=1e-9)


def test_a_result_says_where_it_stands():
    assert str(FitResult(((0, -1.0), (5, -0.25), (10, -0.5)))) == (
        "score -0.5 at step 10, best -0.25 at step 5"
    )


class Following(Trainer):
    """The second of two workers: what the chief sends is known beforehand."""

    sent: list

    @property
    def chief(self):
        return False

    def from_chief(self, numbers):
        return [float(number) for row in self.sent.pop(0) for number in row]


def test_another_worker_follows_the_chief_and_writes_nothing_of_its_own(tmp_path):
    chief = Sitting(tmp_path / "chief")
    result = chief.fit([0, 2, 1, 1], patience=2)
    other = Sitting(tmp_path / "other")
    other.trainer = Following(tmp_path / "other", make_strategy("default"))
    # First the chief's record, then the scores after each validation.
    other.trainer.sent = [(), *(result.scores[:count] for count in range(1, 5))]
    assert other.fit([], patience=2) == result
    assert not other.seen and not other.trainer.sent
    assert_same(other.head.get_weights(), chief.seen[-1])
    assert not list((tmp_path / "other" / "train").glob("best*"))
