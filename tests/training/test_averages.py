"""Moving-average weights: the right numbers, and the networks back as they were."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import snapshot

from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.adversarial_step import AdversarialStep
from kerasgen.training.losses import LEAST_SQUARES
from kerasgen.training.step import Player
from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy


def averaging(momentum=0.9):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=momentum)
    player = Player(model, optimizer)
    # The bias goes 0, -1, -2, ...
    return model, player, lambda: player.minimize(lambda: tf.reduce_sum(model(tf.zeros([1, 2]))))


def bias(model):
    return float(model.get_weights()[1][0])


def test_the_moving_average_by_hand_after_two_steps():
    model, player, step = averaging()
    step()
    with player.averaged():
        assert bias(model) == -1.0  # Keras starts the average at the first step's weights.
    step()
    with player.averaged():
        assert bias(model) == pytest.approx(0.9 * -1.0 + 0.1 * -2.0)
    assert bias(model) == -2.0


def test_before_the_first_step_the_average_is_the_network_itself():
    model, player, _ = averaging()
    model.layers[0].bias.assign([7.0])
    with player.averaged():
        assert bias(model) == 7.0


def test_averaged_weights_are_put_back_after_an_exception():
    model, player, step = averaging()
    step(), step()
    with pytest.raises(RuntimeError, match="inside"), player.averaged():
        assert bias(model) == pytest.approx(-1.1)
        raise RuntimeError("inside")
    assert bias(model) == -2.0


def test_without_an_average_the_weights_stay_as_they_are():
    model, _, _ = averaging()
    model.layers[0].bias.assign([7.0])
    with Player(model, keras.optimizers.SGD()).averaged():
        assert bias(model) == 7.0


def test_averages_are_the_same_on_two_replicas():
    with make_strategy("mirrored").scope():
        model, player, step = averaging()
    tf.function(lambda: make_strategy("mirrored").run(step))()
    tf.function(lambda: make_strategy("mirrored").run(step))()
    # The batch's loss is the mean of the two replicas' losses: the same slope as on one.
    with player.averaged():
        assert bias(model) == pytest.approx(-1.1)
    assert bias(model) == -2.0


class Adapting(AdversarialStep):
    """A generator with batch statistics and dropout; its rows tell what it was given."""

    def __init__(self, **options):
        x = latents = keras.Input((3,))
        for layer in (
            keras.layers.Dense(4, use_bias=False),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(4, use_bias=False),
            keras.layers.BatchNormalization(synchronized=True),
            keras.layers.Dense(3),
        ):
            x = layer(x)
        generator = keras.Model(latents, x)
        discriminator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        average = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9)
        players = Player(generator, average), Player(discriminator, keras.optimizers.SGD(0.1))
        super().__init__(generator, discriminator, *players, adversarial=LEAST_SQUARES, **options)

    def real(self, images, labels, latents):
        return tf.reshape(images, [-1, 48])[:, :3]

    def generate(self, images, labels, latents):
        return self.generator(latents, training=True)


def adapting_batches():
    images = np.random.default_rng(0).integers(0, 256, (11, 4, 4, 3), np.uint8)
    return labelled(Pictures.from_array(images, np.arange(11)), 8, seed=1, latent_size=3)


def trained(workdir, steps=6, actions=(), strategy="default"):
    trainer = Trainer(workdir, make_strategy(strategy), TrainerOptions(log_every=2, save_every=3))
    keras.utils.set_random_seed(0)
    with trainer.scope():
        step = Adapting()
    trainer.run(step, adapting_batches(), steps, actions=[each(step) for each in actions])
    return step


def updated():
    """A step after three updates."""
    step = Adapting()
    for batch in adapting_batches().dataset().take(3):
        step(*batch)
    return step


def test_averaged_weights_have_batch_statistics_of_their_own():
    step, batches = updated(), adapting_batches()
    dense, dropout, second, normal, _ = step.generator.layers[1:]
    dropout.rate = 0.0
    raw = normal.moving_mean.numpy(), normal.moving_variance.numpy()
    with step.averaged(batches, pictures=64):
        latents = np.concatenate([batch[2] for batch in batches.dataset().take(8)])
        given = latents @ dense.kernel.numpy() @ second.kernel.numpy()
        np.testing.assert_allclose(normal.moving_mean, given.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(normal.moving_variance, given.var(axis=0), rtol=1e-4)
        assert np.abs(raw[1] - given.var(axis=0)).max() > 0.1
    np.testing.assert_array_equal(normal.moving_mean, raw[0])
    np.testing.assert_array_equal(normal.moving_variance, raw[1])
    assert normal.momentum == 0.99


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_training_goes_on_as_if_nothing_had_been_measured(strategy, tmp_path):
    def measure(step):
        def action(number, logs):
            with step.averaged(adapting_batches(), pictures=16):
                step.generator(tf.zeros([1, 3]))

        return action

    first = snapshot(trained(tmp_path / "plain", strategy=strategy))
    second = snapshot(trained(tmp_path / "measured", actions=[measure], strategy=strategy))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_without_batches_batch_statistics_are_not_taken_for_those_of_the_averages():
    step = updated()
    with pytest.raises(ValueError, match="Received: no passes, batch normalisation"):
        with step.generator_player.averaged():
            pass
    # Layers that do not learn keep the statistics that they came with.
    for layer in step.generator.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    with step.generator_player.averaged():
        pass


def test_averages_are_used_under_loss_scaling():
    keras.mixed_precision.set_global_policy("mixed_float16")
    model, player, step = averaging()
    assert isinstance(player.optimizer, keras.optimizers.LossScaleOptimizer)
    step(), step()
    with player.averaged():
        assert bias(model) == pytest.approx(0.9 * -1.0 + 0.1 * -2.0)
    assert bias(model) == -2.0


def test_small_float16_gradients_are_not_lost():
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.layers[0].kernel.assign([[0.0]])
    player = Player(model, keras.optimizers.SGD(1e6))
    # A gradient of 1e-9 is 0 in float16.
    player.minimize(lambda: 1e-9 * tf.cast(tf.reduce_sum(model(tf.ones([1, 1]))), tf.float32))
    assert float(model.layers[0].kernel.numpy()[0, 0]) == pytest.approx(-1e-3, rel=0.01)


def test_float16_on_several_replicas_is_refused():
    keras.mixed_precision.set_global_policy("mixed_float16")
    with make_strategy("mirrored").scope():
        with pytest.raises(ValueError, match="Received: 2 replicas"):
            averaging()
