"""The stack of the conditional GAN family: Keras's own training moves what it should."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_round_trip
from keras import layers

from kerasgen.cgan import (
    ConditionalGAN,
    build_cgan,
    build_discriminator,
    build_generator,
    build_original_discriminator,
    build_original_generator,
)

SHAPE = (8, 8, 1)
CLASSES = 3
LATENT = 6
ROWS = 8


def small_generator(**changes):
    options = {"latent_size": LATENT, "embedding_size": 4, "widths": (4, 4), **changes}
    return build_generator(SHAPE, CLASSES, **options)


def small_discriminator(**changes):
    return build_discriminator(SHAPE, CLASSES, **{"widths": (4, 4), **changes})


def original_pair():
    """The original's layers at the smallest size: they include Dropout."""
    generator = build_original_generator(SHAPE, CLASSES, latent_size=LATENT, embedding_size=4)
    return generator, build_original_discriminator(SHAPE, CLASSES, embedding_size=4)


def seed_judge():
    return original_pair()[1]


def small_pair():
    return small_generator(), small_discriminator(class_head=False)


def batch_normalized_discriminator(name="statistics"):
    images, label = keras.Input(SHAPE), keras.Input((), dtype="int32")
    x = layers.Conv2D(4, 3, strides=2)(images)
    x = layers.BatchNormalization(name=name)(x)
    x = layers.Concatenate()([layers.Flatten()(x), layers.Embedding(CLASSES, 2)(label)])
    return keras.Model([images, label], layers.Dense(1)(x), name="discriminator")


def batch(rows=ROWS):
    """Images, labels (every class occurs) and latents."""
    numbers = np.random.default_rng(0)
    images = numbers.uniform(-1, 1, (rows, *SHAPE)).astype(np.float32)
    labels = (np.arange(rows) % CLASSES).astype(np.int32)
    return images, labels, numbers.normal(size=(rows, LATENT)).astype(np.float32)


def latent_and_label(generator, rows=4):
    latents = tf.random.stateless_normal([rows, generator.inputs[0].shape[1]], [1, 2])
    return [latents, tf.range(rows) % CLASSES]


def values(model):
    return [weight.numpy() for weight in model.weights]


def moved(before, model):
    """Whether each weight moved, moving statistics included."""
    pairs = zip(before, model.weights, strict=True)
    return [not np.array_equal(old, new.numpy()) for old, new in pairs]


def all_learned(before, model):
    pairs = zip(moved(before, model), model.weights, strict=True)
    return all(has_moved for has_moved, weight in pairs if weight.trainable)


def test_the_stack_judges_what_the_generator_makes():
    generator, discriminator = small_generator(), small_discriminator()
    stack = build_cgan(generator, discriminator)
    inputs = latent_and_label(generator)
    expected = discriminator([generator(inputs), inputs[1]])
    for got, direct in zip(stack(inputs), expected, strict=True):
        np.testing.assert_array_equal(got, direct)
    assert stack.generator is generator
    assert stack.discriminator is discriminator


def test_the_stack_moves_the_generator_only():
    stack = build_cgan()
    assert stack.generator.count_params() == 1_169_336
    assert stack.discriminator.count_params() == 196_773
    expected = {id(variable) for variable in stack.generator.trainable_variables}
    judge = {id(variable) for variable in stack.discriminator.weights}
    for names in ("variables", "weights"):
        trained = getattr(stack, f"trainable_{names}")
        others = getattr(stack, f"non_trainable_{names}")
        assert len(trained) == len(expected)
        assert {id(variable) for variable in trained} == expected
        assert judge <= {id(variable) for variable in others}
        assert len(trained) + len(others) == len(getattr(stack, names))
    assert len(stack.discriminator.trainable_variables) == len(judge)


@pytest.mark.parametrize(
    ("generator", "discriminator"),
    [
        (lambda: None, small_discriminator),
        (small_generator, lambda: None),
        (small_generator, lambda: build_original_discriminator((8, 12, 1), CLASSES)),
        (small_generator, lambda: build_original_discriminator((8, 8, 3), CLASSES)),
        (lambda: keras.Sequential([keras.Input((64,)), layers.Reshape(SHAPE)]), seed_judge),
        (small_generator, lambda: keras.Sequential([keras.Input(SHAPE), layers.Flatten()])),
        (small_discriminator, small_generator),
    ],
    ids=["no generator", "no discriminator", "size", "channels", "no label", "no label there",
         "swapped"],
)  # fmt: skip
def test_pairs_that_do_not_fit_are_refused(generator, discriminator):
    with pytest.raises(ValueError, match=r"Received: (generator=|generator: )"):
        build_cgan(generator(), discriminator())


def compiled(model):
    """As the tutorial compiles it."""
    model.compile(
        keras.optimizers.Adam(0.01, beta_1=0.5),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def learn(model, inputs, targets, how):
    if how == "fit":
        model.fit(inputs, targets, epochs=1, verbose=0)
    else:
        model.train_on_batch(inputs, targets)


def play(stack, how="train_on_batch"):
    """Two rounds of the tutorial's training loop, and which network moved in each turn."""
    generator, discriminator = stack.generator, stack.discriminator
    images, labels, latents = batch()
    for _ in range(2):
        before = values(generator), values(discriminator)
        learn(discriminator, [images, labels], np.ones((ROWS, 1)), how)
        fakes = generator([latents, labels]).numpy()
        learn(discriminator, [fakes, labels], np.zeros((ROWS, 1)), how)
        assert all_learned(before[1], discriminator), "the discriminator does not learn"
        assert not any(moved(before[0], generator))
        before = values(generator), values(discriminator)
        learn(stack, [latents, labels], np.ones((ROWS, 1)), how)
        assert all_learned(before[0], generator), "the generator does not learn"
        assert not any(moved(before[1], discriminator)), "the stack moved the discriminator"


def test_the_tutorials_own_stack_never_moves_its_discriminator_in_keras_3():
    """The fault that ``build_cgan`` is there for: compile, freeze, compile the stack."""
    generator, discriminator = original_pair()
    compiled(discriminator)
    discriminator.trainable = False
    latent, label = keras.Input((LATENT,)), keras.Input((), dtype="int32")
    stack = compiled(
        keras.Model([latent, label], discriminator([generator([latent, label]), label]))
    )
    images, labels, latents = batch()
    before = values(generator), values(discriminator)
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        discriminator.train_on_batch([images, labels], np.ones((ROWS, 1)))
    stack.train_on_batch([latents, labels], np.ones((ROWS, 1)))
    discriminator.train_on_batch([images, labels], np.ones((ROWS, 1)))  # Not a word this time.
    assert all_learned(before[0], generator)
    assert not any(moved(before[1], discriminator))


def frozen(model):
    model.trainable = False


def frozen_layer_by_layer(model):
    for layer in model.layers:
        layer.trainable = False


def already_found_not_to_learn(model):
    """The tutorial was tried before, in the same notebook: Keras keeps what it traced."""
    frozen(model)
    images, labels, _ = batch()
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        model.train_on_batch([images, labels], np.ones((ROWS, 1)))


@pytest.mark.parametrize(
    "before",
    [lambda model: None, frozen, already_found_not_to_learn],
    ids=["free", "frozen", "already tried"],
)
def test_both_learn_if_the_discriminator_is_compiled_first(before):
    generator, discriminator = small_pair()
    compiled(discriminator)
    before(discriminator)
    play(compiled(build_cgan(generator, discriminator)))


@pytest.mark.parametrize("how", ["train_on_batch", "fit"])
def test_both_learn_if_the_discriminator_is_compiled_last(how):
    stack = compiled(build_cgan(*original_pair()))
    compiled(stack.discriminator)
    play(stack, how)


@pytest.mark.parametrize(
    "make",
    [
        batch_normalized_discriminator,
        lambda: batch_normalized_discriminator(name="seed_statistics"),
        lambda: small_discriminator(spectral=True, class_head=False),
    ],
    ids=["batch", "called seed", "spectral"],
)
def test_the_stack_leaves_moving_statistics_alone(make):
    discriminator = make()
    stack = build_cgan(small_generator(), discriminator)
    inputs, before = latent_and_label(stack.generator), values(discriminator)
    stack(inputs, training=True)
    assert not any(moved(before, discriminator))
    discriminator([stack.generator(inputs), inputs[1]], training=True)
    assert any(moved(before, discriminator))


def test_dropout_stays_on_in_the_stack_however_the_discriminator_was_used():
    generator, discriminator = original_pair()
    images, labels, _ = batch()
    compiled(discriminator).train_on_batch([images, labels], np.ones((ROWS, 1)))
    stack, inputs = build_cgan(generator, discriminator), latent_and_label(generator)
    first, second = stack(inputs, training=True), stack(inputs, training=True)
    assert np.abs(first - second).max() > 1e-6


def test_a_discriminator_frozen_layer_by_layer_is_unfrozen():
    discriminator = small_discriminator()
    frozen_layer_by_layer(discriminator)
    assert not discriminator.trainable_variables
    build_cgan(small_generator(), discriminator)
    assert len(discriminator.trainable_variables) == len(discriminator.weights)


def test_a_partly_frozen_discriminator_stays_as_it_is():
    discriminator = small_discriminator()
    discriminator.layers[1].trainable = False
    build_cgan(small_generator(), discriminator)
    assert [variable.trainable for variable in discriminator.layers[1].weights] == [False, False]
    assert discriminator.trainable_variables


@pytest.mark.parametrize(
    ("freeze", "rounds", "how"),
    [
        (frozen, 0, "train_on_batch"),
        (frozen, 1, "fit"),
        (frozen_layer_by_layer, 1, "train_on_batch"),
    ],
)
def test_freezing_by_hand_after_stacking_is_an_error(freeze, rounds, how):
    """Also once the stack has trained: a traced train step is not run again as Python."""
    stack = compiled(build_cgan(*small_pair()))
    _, labels, latents = batch()
    for _ in range(rounds):
        learn(stack, [latents, labels], np.ones((ROWS, 1)), how)
    freeze(stack.discriminator)
    with pytest.raises(ValueError, match=r"frozen.*`trainable`.*Received"):
        learn(stack, [latents, labels], np.ones((ROWS, 1)), how)


@pytest.mark.parametrize(
    "pair", [original_pair, lambda: (small_generator(), small_discriminator(spectral=True))]
)
def test_the_stack_is_a_keras_file_like_any_other(pair, tmp_path):
    stack = build_cgan(*pair())
    check_round_trip(stack, latent_and_label(stack.generator), tmp_path)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is ConditionalGAN
    assert [loaded.generator.name, loaded.discriminator.name] == ["generator", "discriminator"]
    trained = [id(variable) for variable in loaded.trainable_variables]
    assert trained == [id(variable) for variable in loaded.generator.trainable_variables]
    assert len(trained) == len(stack.trainable_variables) > 0


def test_a_stack_saved_while_training_goes_on_after_loading(tmp_path):
    stack = build_cgan(small_generator(), batch_normalized_discriminator())
    compiled(stack.discriminator)
    play(compiled(stack))
    stack.save(tmp_path / "stack.keras")
    loaded = keras.models.load_model(tmp_path / "stack.keras")
    assert loaded.optimizer.iterations.numpy() == stack.optimizer.iterations.numpy() == 2
    compiled(loaded.discriminator)
    play(loaded)
