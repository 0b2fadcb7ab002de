"""Player and Step: who learns, and that two replicas learn what one does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.step import Player, Step, Stream
from kerasgen.training.trainer import make_strategy

INPUTS = tf.random.stateless_normal([4, 2], [0, 1])


def dense(units=1, **options):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, **options)])


def weights(model):
    return [np.array(value) for value in model.get_weights()]


def moved(model, before):
    return [not np.array_equal(*pair) for pair in zip(weights(model), before, strict=True)]


def on_both(strategy, tensor):
    """The first half for the first replica, the second half for the second."""
    halves = np.split(np.asarray(tensor), 2)
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(halves[context.replica_id_in_sync_group])
    )


def trained(strategy_name, make, inputs, steps=3):
    """A model's weights after some steps; ``make() -> (model, function of a batch)``."""
    strategy = make_strategy(strategy_name)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model, update = make()
    two = strategy.num_replicas_in_sync == 2
    batch = on_both(strategy, inputs) if two else tf.constant(inputs)
    run = tf.function(lambda part: strategy.run(update, args=(part,)))
    for _ in range(steps):
        run(batch)
    return weights(model)


def assert_one_equals_two(make, inputs=INPUTS, tolerance=1e-6):
    one, two = (trained(name, make, inputs) for name in ("default", "mirrored"))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, atol=tolerance, rtol=0)
    keras.utils.set_random_seed(0)
    assert any(moved(make()[0], one))


# Keras 3


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_keras_3_itself_a_discriminator_frozen_after_compile_never_learns():
    """Why Player exists: what every Keras 2 GAN did, and what Keras 3 silently makes of it."""
    generator, discriminator = dense(2), dense()
    discriminator.compile(keras.optimizers.SGD(0.1), "mse")
    discriminator.trainable = False
    keras.Sequential([keras.Input((2,)), generator, discriminator]).compile("sgd", "mse")
    before = weights(discriminator)
    discriminator.train_on_batch(INPUTS, tf.ones([4, 1]))
    assert not any(moved(discriminator, before))


def test_a_player_trains_what_is_frozen_later():
    model = dense()
    player = Player(model, keras.optimizers.SGD(0.1))
    model.trainable = False
    before = weights(model)
    player.minimize(lambda: tf.reduce_mean(tf.square(model(INPUTS) - 1.0)))
    assert all(moved(model, before))


def test_a_player_leaves_alone_what_was_frozen_before():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.layers[0].trainable = False
    before = weights(model)
    player = Player(model, keras.optimizers.SGD(0.1))
    player.minimize(lambda: tf.reduce_mean(tf.square(model(INPUTS) - 1.0)))
    assert moved(model, before) == [False, False, True, True]


# What a player refuses


def test_a_player_with_nothing_to_move_is_refused():
    model = dense()
    model.trainable = False
    with pytest.raises(ValueError, match=f"before it is frozen.*{model.name}"):
        Player(model, keras.optimizers.SGD())


@pytest.mark.parametrize(
    "options",
    [
        {"clipnorm": 1.0},
        {"global_clipnorm": 1.0},
        {"clipvalue": 1.0},
        {"gradient_accumulation_steps": 2},
    ],
)
def test_optimizer_options_that_differ_on_two_replicas_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"Received.*{name}"):
        Player(dense(), keras.optimizers.SGD(**options))


@pytest.mark.parametrize(
    "layer", [keras.layers.GaussianNoise(0.1), keras.layers.SpatialDropout1D(0.5)]
)
def test_layers_that_draw_alike_on_two_replicas_are_refused(layer):
    model = keras.Sequential([keras.Input((2, 2)), layer, keras.layers.Dense(1)])
    with make_strategy("mirrored").scope():
        with pytest.raises(ValueError, match=f"only `keras.layers.Dropout`.*{layer.name}"):
            Player(model, keras.optimizers.SGD())
    Player(model, keras.optimizers.SGD())


def test_clipping_scaled_gradients_is_refused():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="clip_norm=1.0"):
        Player(dense(), optimizer, clip_norm=1.0)


def test_a_loss_that_does_not_depend_on_the_weights_is_refused():
    model, other = dense(), dense()
    player = Player(model, keras.optimizers.SGD())
    with pytest.raises(ValueError, match="does not depend.*kernel"):
        player.minimize(lambda: tf.reduce_mean(other(INPUTS)))


# What a player does


def test_one_step_down_the_gradient_by_hand():
    # Mean of (w x + b)^2 / ... kept linear: the loss is the mean output, its slopes mean x and 1.
    model = dense(kernel_initializer="zeros")
    player = Player(model, keras.optimizers.SGD(0.5))
    loss = player.minimize(lambda: tf.reduce_mean(model(INPUTS)))
    assert float(loss) == 0.0
    kernel, bias = weights(model)
    np.testing.assert_allclose(kernel[:, 0], -0.5 * np.mean(INPUTS, axis=0), atol=1e-7)
    np.testing.assert_allclose(bias, [-0.5])


def test_several_models_can_be_one_player():
    first, second = dense(), dense()
    before = weights(first), weights(second)
    player = Player([first, second], keras.optimizers.SGD(0.1))
    player.minimize(lambda: tf.reduce_mean(first(INPUTS) * second(INPUTS) + first(INPUTS)))
    assert moved(first, before[0]) == [True, True] == moved(second, before[1])


def test_weights_that_the_loss_does_not_reach_stay():
    first, second = dense(), dense()
    before = weights(second)
    Player([first, second], keras.optimizers.SGD(0.1)).minimize(
        lambda: tf.reduce_mean(first(INPUTS))
    )
    assert not any(moved(second, before))


def test_clip_norm_limits_the_global_norm_of_all_gradients():
    # Slopes of the loss 3 b0 + 4 b1 are 3 and 4: norm 5, clipped to 1: 0.6 and 0.8.
    model = dense(2, bias_initializer="zeros")
    player = Player(model, keras.optimizers.SGD(1.0), clip_norm=1.0)
    player.minimize(lambda: tf.reduce_sum(model(tf.zeros([1, 2])) * [3.0, 4.0]))
    np.testing.assert_allclose(weights(model)[1], [-0.6, -0.8], atol=1e-6)
    player.minimize(lambda: tf.reduce_sum(model(tf.zeros([1, 2])) * [0.3, 0.4]))
    np.testing.assert_allclose(weights(model)[1], [-0.9, -1.2], atol=1e-6)


def test_two_players_on_one_persistent_tape_move_as_with_tapes_of_their_own():
    def run(shared):
        keras.utils.set_random_seed(0)
        generator, discriminator = dense(2), dense()
        players = [Player(m, keras.optimizers.SGD(0.1)) for m in (generator, discriminator)]

        def losses():
            logits = discriminator(generator(INPUTS))
            return tf.reduce_mean(tf.nn.softplus(-logits)), tf.reduce_mean(tf.nn.softplus(logits))

        tapes = [tf.GradientTape(persistent=True)] * 2 if shared else None
        if shared:
            with tapes[0]:
                found = losses()
        else:
            # Both passes before either player moves, as on the shared tape.
            with tf.GradientTape() as first:
                generator_loss = losses()[0]
            with tf.GradientTape() as second:
                discriminator_loss = losses()[1]
            tapes, found = [first, second], (generator_loss, discriminator_loss)
        before = weights(generator) + weights(discriminator)
        for player, tape, loss in zip(players, tapes, found, strict=True):
            player.descend(tape, loss)
        after = weights(generator) + weights(discriminator)
        assert all(not np.array_equal(*pair) for pair in zip(before, after, strict=True))
        return after

    for first, second in zip(run(shared=True), run(shared=False), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-7)


# One replica and two


@pytest.mark.parametrize("clip_norm", [None, 0.05, 100.0])
def test_two_replicas_move_as_one_also_when_clipped(clip_norm):
    def make():
        model = dense(3)
        player = Player(model, keras.optimizers.SGD(0.5), clip_norm=clip_norm)
        return model, lambda x: player.minimize(lambda: tf.reduce_mean(tf.square(model(x) - 1.0)))

    assert_one_equals_two(make)


@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_sparse_gradients_work_on_two_replicas_also_when_clipped(clip_norm):
    def make():
        layers = [keras.layers.Embedding(5, 3), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((1,), dtype="int32"), *layers])
        player = Player(model, keras.optimizers.SGD(0.5), clip_norm=clip_norm)
        return model, lambda x: player.minimize(lambda: tf.reduce_mean(tf.square(model(x) - 1.0)))

    # The row 1 comes twice on one replica and once on the other.
    assert_one_equals_two(make, np.int32([[1], [1], [1], [3]]))


# Step


class Draw(Step):
    """Gives back its random numbers."""

    def update(self, rows):
        return {"numbers": self.random(rows.shape[0], [3], stream=Stream.OTHER)}


def test_the_rows_of_two_replicas_joined_are_those_of_one():
    strategy = make_strategy("mirrored")
    one = Draw(seed=4)
    with strategy.scope():
        two = Draw(seed=4)
    run = tf.function(lambda part: strategy.run(two, args=(part,)))
    for _ in range(2):
        whole = one(tf.zeros([4, 1]))["numbers"]
        halves = run(on_both(strategy, np.zeros([4, 1])))["numbers"]
        joined = np.concatenate(strategy.experimental_local_results(halves))
        np.testing.assert_array_equal(joined, whole)


def test_random_numbers_depend_on_seed_update_and_stream_and_on_nothing_else():
    step = Draw(seed=4)
    first = step.random(4, [3], stream=Stream.OTHER)
    np.testing.assert_array_equal(first, step.random(4, [3], stream=Stream.OTHER))
    others = [
        step.random(4, [3], stream=Stream.OTHER + 1),
        Draw(seed=5).random(4, [3], stream=Stream.OTHER),
    ]
    step(tf.zeros([4, 1]))
    others.append(step.random(4, [3], stream=Stream.OTHER))
    assert all(np.abs(first - other).max() > 0.1 for other in others)
    assert 0.0 <= np.min(first) and np.max(first) < 1.0 and first.shape == (4, 3)


def test_calling_a_step_counts_its_updates():
    step = Draw()
    step(tf.zeros([1, 1])), step(tf.zeros([1, 1]))
    assert int(step.updates) == 2 and list(step.state()) == ["updates-0"]


def test_networks_hidden_in_a_list_are_refused():
    class Hiding(Step):
        def __init__(self):
            super().__init__()
            self.networks = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])]

        def update(self, *batch):
            return {}

    with pytest.raises(ValueError, match="attributes of their own"):
        Hiding().state()
