"""The pictures that an exported model answers with."""

import numpy as np
import tensorflow as tf

from kerasgen.io.images import to_float

ROUNDED = 0.0041
"""Half a grey level, on the scale [-1, 1]."""


def decoded(files):
    """PNG files -> ``[N, H, W, C]`` float32 in [-1, 1]."""
    return to_float(np.stack([tf.io.decode_png(each).numpy() for each in np.asarray(files)]))
