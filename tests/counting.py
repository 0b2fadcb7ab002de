"""The smallest step there is: it counts. What the loop does shows without any network."""

import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.training.step import Step
from kerasgen.training.trainer import Trainer, TrainerOptions

NEVER = -1


class Count(Step):
    """Its loss is the number of the step that its batch says, its total the number of updates."""

    def __init__(self, *, bad_loss=NEVER, bad_weight=NEVER, bad_other=NEVER, shape=()):
        super().__init__()
        self.bad_loss, self.bad_weight, self.bad_other = bad_loss, bad_weight, bad_other
        self.total = tf.Variable(tf.zeros(shape), trainable=False)

    def update(self, numbers):
        number = tf.reduce_mean(tf.cast(numbers, tf.float32))
        self.total.assign_add(tf.ones_like(self.total))
        self.total.assign(tf.where(number == self.bad_weight, float("inf"), self.total))
        return {
            "loss": tf.where(number == self.bad_loss, float("nan"), number),
            "other": tf.where(number == self.bad_other, float("inf"), 0.0),
        }


def counting_batches(batch_size=2):
    """Batch n says n + 1, the number of the step that gets it."""
    return Batches(batch_size, lambda step, first, rows: (tf.fill([rows], step + 1),))


def run(workdir, steps, step=None, *, phase="train", actions=(), **options):
    """Runs a counting step; returns it."""
    step = step or Count()
    options = TrainerOptions(**{"log_every": 2, "save_every": 4, **options})
    trainer = Trainer(workdir, options=options)
    trainer.run(step, counting_batches(), steps, phase=phase, actions=actions)
    return step


def saved_steps(workdir, phase="train"):
    """The steps of which the folder holds a checkpoint."""
    folder = workdir / phase / "checkpoints"
    return sorted(int(path.stem.split("-")[1]) for path in folder.glob("step-*.index"))
