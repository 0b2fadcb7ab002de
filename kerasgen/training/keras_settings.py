"""Settings of Keras that networks, checkpoints and exports of kerasgen need."""

from __future__ import annotations

import keras

_NEEDED = {
    "backend": ("tensorflow", "unset KERAS_BACKEND"),
    "floatx": ("float32", "keras.config.set_floatx('float32')"),
    "image_data_format": ("channels_last", "keras.config.set_image_data_format('channels_last')"),
}
"""What is needed, and the remedy; ``keras.json`` sets all of them, too."""


def check_keras_settings() -> None:
    """Checks the settings before anything is trained: an export would fail at the end.

    Raises:
        ValueError: If a setting is another.
    """
    for name, (needed, remedy) in _NEEDED.items():
        found = getattr(keras.config, name)()
        if found != needed:
            raise ValueError(
                f"kerasgen needs the {name} {needed!r} in Keras: {remedy}. "
                f"Received: {name}={found!r}"
            )
