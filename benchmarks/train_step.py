"""Speed of one refiner step, compared with alternating ``train_on_batch`` calls in Keras.

    python benchmarks/train_step.py

Both sides train the same networks on the same batches, in alternating blocks, so that a drift of
the machine affects both. The alternation is the original refiner's loop
(https://github.com/ToddBodnar/appl-eye-gan), corrected so that it works in Keras 3 (``trainable``
toggled) and so that the discriminator sees refined pictures: refine, train the discriminator, train
the frozen stack, train the pass-through, each in a call of its own. kerasgen has one traced step:
one forward pass of the refiner and one of the discriminator serve both players and the
self-regularisation, and the next batch is prepared meanwhile.

kerasgen is timed twice: with the alternation's losses, and with its defaults: history,
augmentation, styles, the structure term and averaged weights, which the alternation does not have.
Printed: ratios of pictures per second, and the share of the step's time spent waiting for data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from kerasgen import refiner
from kerasgen.data import Augmentation, Pictures, unpaired
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.training import Player, pixel_l1
from kerasgen.training.colour_moments import colour_moments

FLAGS = flags.FLAGS
flags.DEFINE_integer("batch_size", 8, "Pictures in a batch.", 1)
flags.DEFINE_integer("block", 10, "Steps in a timed block.", 1)
flags.DEFINE_integer("pairs", 15, "Rounds of blocks.", 1)

Batch = tuple[tf.Tensor, ...]
NOISE = refiner.NOISE_CHANNELS


def networks() -> tuple[keras.Model, keras.Model]:
    """The family's default pair, from the same weights each time."""
    keras.utils.set_random_seed(0)
    return refiner.build_refiner(), refiner.build_discriminator()


def batches() -> Iterator[Batch]:
    """Endless batches of drawn eyes."""
    rendered = Pictures.from_array(rendered_eyes(200, 0).images)
    real = Pictures.from_array(camera_eyes(200, 1).images)
    geometry = Augmentation(rotation=10, shift=0.08, zoom=0.15)
    pairs = unpaired(rendered, real, FLAGS.batch_size, seed=0, augmentation=geometry)
    return iter(pairs.dataset())


def default_step() -> Callable[..., object]:
    """The traced step with its defaults."""
    _, step = refiner.build_steps(*networks(), batch_size=FLAGS.batch_size)
    return tf.function(lambda *batch: step(*batch))


def equal_work() -> Callable[..., object]:
    """The traced step with the losses of the alternation only."""
    pair = networks()
    players = [Player(network, _adam()) for network in pair]
    step = refiner.RefinerStep(*pair, *players, regularisation=pixel_l1, style_weight=0.0)
    return tf.function(lambda *batch: step(*batch))


def alternation() -> Callable[..., object]:
    """The original's loop with Keras's ``train_on_batch``."""
    network, judge = networks()
    judge.compile(optimizer=_adam(), loss=_logit_loss())
    judge.trainable = False
    stack = keras.Model(network.inputs, judge(network.output))
    stack.compile(optimizer=_adam(), loss=_logit_loss())
    network.compile(optimizer=_adam(), loss="mae")
    generator = np.random.default_rng(0)

    def step(rendered: tf.Tensor, real: tf.Tensor) -> None:
        noise = generator.standard_normal((*rendered.shape[:3], NOISE), np.float32)
        inputs = [rendered.numpy(), colour_moments(real).numpy(), noise]
        refined = network.predict_on_batch(inputs)
        shown = np.concatenate([real.numpy(), refined])
        targets = [np.ones([len(shown), *head.shape[1:]], np.float32) for head in judge.outputs]
        for target in targets:
            target[len(refined) :] = 0.0
        # Keras 3 reads `trainable` when it first traces: each train function needs its own state.
        judge.trainable = True
        judge.train_on_batch(shown, targets)
        judge.trainable = False
        stack.train_on_batch(inputs, [target[: len(refined)] for target in targets])
        network.train_on_batch(inputs, rendered.numpy())

    return step


def _adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def _logit_loss() -> list[keras.losses.Loss]:
    return [keras.losses.BinaryCrossentropy(from_logits=True) for _ in range(2)]


def timed(step: Callable[..., object], source: Iterator[Batch]) -> tuple[float, float]:
    """Seconds for one block, and those of them spent waiting for batches."""
    waited, start = 0.0, time.perf_counter()
    for _ in range(FLAGS.block):
        before = time.perf_counter()
        batch = next(source)
        waited += time.perf_counter() - before
        tf.nest.map_structure(np.asarray, step(*batch))
    return time.perf_counter() - start, waited


def main(arguments: list[str]) -> None:
    """Times rounds of blocks and prints the ratios."""
    del arguments
    sides = {"same losses": equal_work(), "default": default_step(), "alternation": alternation()}
    sources = {name: batches() for name in sides}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    waits: list[float] = []
    for pair in range(-1, FLAGS.pairs):
        for name, step in sides.items():
            total, waited = timed(step, sources[name])
            # The first pair traces and warms up.
            if pair >= 0:
                seconds[name].append(total)
                if name == "default":
                    waits.append(waited / total)
    print(
        f"pictures per second over the alternation's ({FLAGS.pairs} rounds of {FLAGS.block} steps,"
    )
    print(f"batch {FLAGS.batch_size}; median [quartiles])")
    for name in ("same losses", "default"):
        ratios = np.divide(seconds["alternation"], seconds[name])
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        print(f"  our step, {name}: {middle:.2f} [{low:.2f}, {high:.2f}]")
    print(f"share of our default step spent waiting for data: {np.median(waits):.2%}")


if __name__ == "__main__":
    app.run(main)
