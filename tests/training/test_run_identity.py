"""A run is continued with the same batches, classes and schedules only."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from counting import counting_batches

import kerasgen.training.run_identity
from kerasgen.data.pipeline import Pictures, labelled, unpaired
from kerasgen.training.run_identity import run_identity
from kerasgen.training.step import Player, Step
from kerasgen.training.trainer import Trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8)
LABELS = np.arange(6) % 2


class Fit(Step):
    def __init__(self, rate=1e-3, **options):
        super().__init__()
        self.model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 4)])
        self.player = Player(self.model, keras.optimizers.Adam(rate, **options))

    def update(self, images, labels):
        loss = self.player.minimize(lambda: tf.reduce_mean(tf.square(self.model(images) - 1.0)))
        return {"loss": loss}


def batches(images=IMAGES, labels=LABELS, names=("shirt", "shoe"), size=2, seed=0):
    return labelled(Pictures.from_array(images, labels, class_names=names), size, seed=seed)


def falling(steps):
    return keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.1)


def test_a_run_of_another_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(kerasgen.training.run_identity, "SCHEMA", 1)
    Trainer(tmp_path).run(Fit(), batches(), 2)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="begun by another version of kerasgen.*there: 1"):
        Trainer(tmp_path).run(Fit(), batches(), 3)


def test_the_same_run_goes_on_and_its_length_does_not_matter(tmp_path):
    for steps in (2, 3):
        assert Trainer(tmp_path).run(Fit(), batches(), steps) == steps


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 3}, "batch_size=3, there: 2"),
        (
            {"names": ("boot", "shirt")},
            r"class_names=\['boot', 'shirt'\], there: \['shirt', 'shoe'",
        ),
        ({"images": IMAGES[::-1]}, "pictures="),
        ({"labels": 1 - LABELS}, "pictures="),
        ({"seed": 1}, "batch_seed=1, there: 0"),
    ],
)
def test_other_batches_are_refused_and_named(changed, message, tmp_path):
    Trainer(tmp_path).run(Fit(), batches(), 2)
    with pytest.raises(ValueError, match=message):
        Trainer(tmp_path).run(Fit(), batches(**changed), 3)
    # A run without a checkpoint is no run: a wrong setting can be corrected.
    assert Trainer(tmp_path / "other").run(Fit(), batches(**changed), 1) == 1


def test_a_longer_schedule_is_refused_since_the_learning_rate_would_jump(tmp_path):
    Trainer(tmp_path).run(Fit(falling(4)), batches(), 4)
    with pytest.raises(ValueError, match=r"player.learning_rate.decay_steps=8, there: 4"):
        Trainer(tmp_path).run(Fit(falling(8)), batches(), 8)


def test_the_identity_knows_paths_by_what_is_in_them(tmp_path):
    target = Pictures.from_array(IMAGES)

    def of(folder):
        pictures = Pictures.from_folder(folder, 4, channels=1, memory_limit=0)
        return run_identity(Fit(), unpaired(pictures, target, 2, seed=0))

    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        keras.utils.save_img(tmp_path / name / "a.png", IMAGES[0], scale=False)
    assert of(tmp_path / "here") == of(tmp_path / "there")
    keras.utils.save_img(tmp_path / "there" / "b.png", IMAGES[1], scale=False)
    assert of(tmp_path / "here") != of(tmp_path / "there")


def test_a_folder_from_before_there_were_identities_is_taken_as_it_is(tmp_path, caplog):
    Trainer(tmp_path).run(Fit(), batches(), 2)
    (tmp_path / "train" / "run.json").unlink()
    assert Trainer(tmp_path).run(Fit(), batches(), 3) == 3
    assert "has no run.json" in caplog.text
    assert (tmp_path / "train" / "run.json").exists()


def test_a_dataset_is_refused_since_it_cannot_be_resumed(tmp_path):
    data = tf.data.Dataset.from_tensors((IMAGES, LABELS))
    with pytest.raises(ValueError, match=r"`batches` must come from.*Received: batches=<_Tensor"):
        Trainer(tmp_path).run(Fit(), data, 2)
    assert not (tmp_path / "train").exists()


def test_check_compares_before_anything_is_trained(tmp_path):
    trainer = Trainer(tmp_path)
    trainer.check(Fit(), batches())
    trainer.run(Fit(), batches(), 2)
    trainer.check(Fit(), batches())
    with pytest.raises(ValueError, match="batch_size=4, there: 2"):
        trainer.check(Fit(), batches(size=4))
    assert run_identity(Fit(), counting_batches())["batch_size"] == 2
