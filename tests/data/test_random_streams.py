"""Streams of random numbers: no two uses of one seed draw the same numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen import cgan, cyclegan, refiner
from kerasgen.data.augmentation import Augmentation
from kerasgen.data.pipeline import Pictures, labelled, unpaired
from kerasgen.data.random_streams import (
    STREAMS,
    DrawingStream,
    LabelStream,
    ServedStream,
    Stream,
    stream_key,
)
from kerasgen.training.step import Player, Step

SHAPE = (16, 16, 3)
POLICY = ("colour", "translation", "cutout")


@pytest.mark.parametrize("streams", [Stream, DrawingStream, LabelStream, ServedStream])
def test_every_stream_of_a_key_space_has_a_number_of_its_own(streams):
    # Members with one number would be one member of two names.
    assert list(streams.__members__) == [stream.name for stream in streams]


def test_blocks_of_streams_do_not_overlap():
    blocks = {Stream.SOURCE: 5, Stream.TARGET: 5, Stream.OTHER: 8, Stream.PATCHES: 20}
    numbers = [first + index for first in Stream for index in range(blocks.get(first, 1))]
    assert len(set(numbers)) == len(numbers) and max(numbers) < STREAMS


def test_what_was_drawn_or_served_with_a_number_keeps_it():
    assert [stream.value for stream in DrawingStream] == list(range(7))
    assert [stream.value for stream in ServedStream] == [0, 1]
    orders = Stream.FIRST_ORDER, Stream.SECOND_ORDER
    assert [stream_key(0, order) for order in orders] == [0, 2]


def test_keys_of_different_seeds_and_streams_differ():
    keys = {stream_key(seed, stream) for seed in range(4) for stream in range(STREAMS)}
    assert len(keys) == 4 * STREAMS
    for stream in (-1, STREAMS):
        with pytest.raises(ValueError, match="Received: stream="):
            stream_key(0, stream)


class Idle(Step):
    def update(self, *batch):
        return {}


@pytest.mark.parametrize("stream", [Stream.BATCH_LATENTS, STREAMS])
def test_a_step_draws_neither_what_batches_draw_nor_what_another_seed_does(stream):
    assert Idle().random(2, [3], Stream.OTHER).shape == (2, 3)
    with pytest.raises(ValueError, match="Received: stream="):
        Idle().random(2, [3], stream)


def recorded(monkeypatch, draw):
    """The keys of all that is drawn, in order."""
    keys = []

    def recording(original):
        def drawing(shape, seed, **options):
            keys.append(tuple(np.asarray(seed).tolist()))
            return original(shape, seed, **options)

        return drawing

    with monkeypatch.context() as patch:
        for name in ("stateless_uniform", "stateless_normal"):
            patch.setattr(tf.random, name, recording(getattr(tf.random, name)))
        draw()
    return keys


def pictures(count):
    images = np.random.default_rng(count).integers(0, 256, (count, *SHAPE), np.uint8)
    return Pictures.from_array(images, np.arange(count) % 3)


def batch(batches, number):
    return batches.make(tf.constant(number, tf.int64), tf.constant(0, tf.int64), 4)


def pairs_of_domains():
    both = Augmentation(rotation=10), Augmentation(shift=0.1)
    options = {"seed": 0, "augmentation": both[0], "target_augmentation": both[1]}
    return unpaired(pictures(5), pictures(7), 4, **options)


def pictures_of_classes(latent_size):
    options = {"seed": 0, "augmentation": Augmentation(zoom=0.1), "latent_size": latent_size}
    return labelled(pictures(7), 4, **options)


def sgd():
    return keras.optimizers.SGD(1e-3)


def refiner_step():
    network = refiner.build_refiner(SHAPE, encoder_widths=(4, 4), decoder_widths=(4,))
    judge = refiner.build_discriminator(SHAPE, widths=(4, 4), units=4)
    step = refiner.build_steps(network, judge, batch_size=4, policy=POLICY)[1]
    return step, pairs_of_domains()


def cgan_step():
    networks = cgan.build_generator(SHAPE, 3, widths=(4, 4)), cgan.build_discriminator(SHAPE, 3)
    step = cgan.build_step(*networks, num_classes=3, steps=2, batch_size=4, policy=POLICY)
    return step, pictures_of_classes(cgan.LATENT_SIZE)


def original_cgan_step():
    # The original pair draws for its Dropout, too.
    networks = cgan.build_original_generator(SHAPE, 3), cgan.build_original_discriminator(SHAPE, 3)
    players = [Player(network, sgd()) for network in networks]
    return cgan.OriginalCGANStep(*networks, *players, num_classes=3), pictures_of_classes(0)


def cyclegan_step():
    generators = [cyclegan.build_generator(width=2, blocks=1, name=name) for name in "ab"]
    judges = [cyclegan.build_discriminator(width=2, halvings=1) for _ in range(2)]
    options = {"steps": 2, "image_shape": SHAPE, "batch_size": 4, "policy": POLICY}
    return cyclegan.build_step(*generators, *judges, **options), pairs_of_domains()


def contrastive_step():
    networks = (
        cyclegan.build_generator(width=2, blocks=1),
        cyclegan.build_discriminator(width=2, halvings=1),
    )
    options = {"steps": 2, "batch_size": 4, "units": 4, "patches": 8, "policy": POLICY}
    return cyclegan.build_contrastive_step(*networks, **options), pairs_of_domains()


@pytest.mark.parametrize(
    "make", [refiner_step, cgan_step, original_cgan_step, cyclegan_step, contrastive_step]
)
def test_nothing_in_a_batch_or_in_an_update_is_drawn_twice(make, monkeypatch):
    """Once the target's augmentation and DiffAugment of the fakes drew the same numbers."""
    step, batches = make()
    parts = [batch(batches, number) for number in range(2)]
    in_batches = recorded(monkeypatch, lambda: [batch(batches, number) for number in range(2)])
    in_updates = recorded(monkeypatch, lambda: [step(*part) for part in parts])
    keys = [*in_batches, *in_updates]
    assert in_batches and in_updates and len(set(keys)) == len(keys)
