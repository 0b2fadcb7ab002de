"""Speed of one CycleGAN update, compared with the same networks in PyTorch.

    pip install -e ".[bench]"
    python benchmarks/cyclegan_step.py

Both sides: two generators of 6 blocks, two 70x70 discriminators, least squares, cycle and identity
losses, histories of 50 fakes, Adam. PyTorch runs in four modes, eager or compiled, with either
order of the axes; the fastest counts. Each side is a process of its own that waits while another is
timed; blocks of updates alternate, so that a drift of the machine affects all.

Printed: ratios of pictures per second (medians and quartiles), the peak memory of each process, and
the share of the machine's measured matrix-product peak, with the operations of an update as
PyTorch's counter finds them in its convolutions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from absl import app, flags
from sides import Built, Side, seconds

FLAGS = flags.FLAGS
flags.DEFINE_list("sizes", ["64", "128"], "Sides of the pictures in pixels.")
flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Precisions of the convolutions.")
flags.DEFINE_integer("batch_size", 1, "Pictures of each domain in a batch.", 1)
flags.DEFINE_integer("width", 64, "Channels of the first feature maps.", 1)
flags.DEFINE_integer("block", 5, "Updates in a timed block.", 1)
flags.DEFINE_integer("rounds", 9, "Rounds of blocks.", 1)

BLOCKS, HALVINGS = 6, 3
OURS = "kerasgen"
PLAIN = {
    "eager": {"compiled": False, "channels_last": False},
    "eager, channels last": {"compiled": False, "channels_last": True},
    "compiled": {"compiled": True, "channels_last": False},
    "compiled, channels last": {"compiled": True, "channels_last": True},
}
WARM_UP, MATRIX = 4, 2048


@dataclass(frozen=True)
class Job:
    """The work of one side."""

    side: str
    size: int
    batch_size: int
    width: int
    precision: str


def pictures(job: Job) -> list[np.ndarray]:
    """Batches of noise, (source, target) four times."""
    shape = (4, 2, job.batch_size, job.size, job.size, 3)
    return list(np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32))


def our_side(job: Job) -> Built:
    """kerasgen, and a TensorFlow matrix product."""
    import keras
    import tensorflow as tf

    from kerasgen import cyclegan

    if job.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(0)
    generators = [
        cyclegan.build_generator(width=job.width, blocks=BLOCKS, name=name)
        for name in ("forward", "backward")
    ]
    judges = [
        cyclegan.build_discriminator(width=job.width, halvings=HALVINGS, name=name)
        for name in ("source_judge", "target_judge")
    ]
    step = cyclegan.build_step(
        *generators,
        *judges,
        steps=10_000,
        image_shape=(job.size, job.size, 3),
        batch_size=job.batch_size,
    )
    update = tf.function(lambda source, target: step(source, target))
    batches = _endless([tuple(map(tf.constant, pair)) for pair in pictures(job)])
    matrix = tf.random.normal([MATRIX, MATRIX])
    return lambda: update(*batches()), {
        "generator": generators[0].count_params(),
        "discriminator": judges[0].count_params(),
        "multiply": lambda: tf.matmul(matrix, matrix).numpy(),
    }


def plain_side(job: Job) -> Built:
    """PyTorch in one of its modes, the operations of an update, and a matrix product."""
    import plain_cyclegan
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    update, sizes = plain_cyclegan.make_step(
        width=job.width,
        blocks=BLOCKS,
        halvings=HALVINGS,
        bfloat16=job.precision == "bfloat16",
        **PLAIN[job.side],
    )
    pairs = [torch.from_numpy(pair).permute(0, 1, 4, 2, 3) for pair in pictures(job)]
    batches = _endless([(source.contiguous(), target.contiguous()) for source, target in pairs])
    facts: dict[str, Any] = dict(sizes)
    if job.side == "eager":
        with FlopCounterMode(display=False) as counter:
            update(*batches())
        facts["operations"] = counter.get_total_flops()
    matrix = torch.randn(MATRIX, MATRIX)
    return lambda: update(*batches()), {**facts, "multiply": lambda: torch.mm(matrix, matrix)}


def _endless(items: list[Any]) -> Callable[[], Any]:
    """A function that returns the next item at each call, in a cycle."""
    cycle = itertools.cycle([*items[1:], items[0]])
    return lambda: next(cycle)


def build(job: Job) -> Built:
    """One side after its warm-up, and its speed of matrix products."""
    update, facts = (our_side if job.side == OURS else plain_side)(job)
    multiply = facts.pop("multiply")
    seconds(update, WARM_UP)
    fastest = min(seconds(multiply) for _ in range(8))
    return update, {**facts, "peak": 2 * MATRIX**3 / fastest}


def compare(size: int, precision: str) -> None:
    """Times all sides at one size and prints the results."""
    jobs = [Job(name, size, FLAGS.batch_size, FLAGS.width, precision) for name in (OURS, *PLAIN)]
    # One after the other, since two sides must not compile at the same time.
    sides = {job.side: Side(build, job) for job in jobs}
    check_alike(sides)
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(FLAGS.rounds):
        for name, side in sides.items():
            taken[name].append(side.timed(FLAGS.block))
    peak = max(side.facts["peak"] for side in sides.values())
    work = sides["eager"].facts["operations"] * FLAGS.block
    fastest = min(PLAIN, key=lambda name: float(np.median(taken[name])))
    print(
        f"{size} pixels, batch {FLAGS.batch_size}, width {FLAGS.width}, {precision}: our pictures "
        f"per second over PyTorch's, {FLAGS.rounds} rounds of {FLAGS.block} updates"
    )
    for name, side in sides.items():
        low, middle, high = np.percentile(np.divide(taken[name], taken[OURS]), [25, 50, 75])
        share = work / float(np.median(taken[name])) / peak
        mark = "  <- the fastest of PyTorch's" if name == fastest else ""
        print(
            f"  {name}: {middle:.2f} [{low:.2f}, {high:.2f}], {side.end():.0f} MiB at most, "
            f"{share:.0%} of {peak / 1e9:.0f} GFLOP/s{mark}",
            flush=True,
        )


def check_alike(sides: dict[str, Side]) -> None:
    """Raises if the networks of the sides differ in size."""
    counts = {
        name: (side.facts["generator"], side.facts["discriminator"]) for name, side in sides.items()
    }
    if len(set(counts.values())) != 1:
        raise ValueError(f"These are not the same networks. Received: {counts}")


def main(arguments: list[str]) -> None:
    """Every size in every precision."""
    del arguments
    for precision in FLAGS.precisions:
        for size in FLAGS.sizes:
            compare(int(size), precision)


if __name__ == "__main__":
    app.run(main)
