"""The speed of a step, measured from real updates in a temporary folder."""

import time

import numpy as np
import tensorflow as tf

from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.step import Step
from kerasgen.training.throughput import updates_per_minute


class Slow(Step):
    """Takes a fiftieth of a second."""

    def update(self, images, labels):
        waited = tf.numpy_function(lambda: np.float32(time.sleep(0.02) or 0.0), [], tf.float32)
        return {"loss": tf.ensure_shape(waited, [])}


def test_the_speed_is_that_of_the_updates():
    pictures = Pictures.from_array(np.zeros([8, 4, 4, 1], np.uint8), np.zeros(8, np.int32))
    speed = updates_per_minute(tf.distribute.get_strategy(), Slow, labelled(pictures, 4, seed=0))
    assert 0.3 * 60 / 0.02 < speed <= 60 / 0.02
