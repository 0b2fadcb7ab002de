"""Moving-average weights: the right numbers, and the networks back as they were."""

import keras
import pytest
import tensorflow as tf

from kerasgen.training.step import Player
from kerasgen.training.trainer import make_strategy


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
