"""Networks as keras-hub preset folders: ``config.json``, ``model.weights.h5``, ``metadata.json``.

The files are those of keras-hub's ``save_to_preset``
(https://github.com/keras-team/keras-hub, ``utils/preset_utils.py``).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import keras

from kerasgen.io.files import (
    access_to,
    check_writable,
    hidden_path,
    read_json,
    sweep,
    write_json,
)
from kerasgen.io.names import PathLike

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
METADATA = "metadata.json"

_LEFT_OUT = ("build_config", "compile_config")


def save_preset(model: keras.Model, folder: PathLike) -> Path:
    """Writes a network in keras-hub's file layout, for ``load``.

    Without keras-hub's date, so that the same network gives the same files.

    Args:
        model: The network.
        folder: New or empty.

    Returns:
        The folder.

    Raises:
        ValueError: If the folder holds files or cannot be written, or the network cannot be loaded
            again.
    """
    home = Path(folder)
    check_writable(home)
    with access_to(home):
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        if any(home.iterdir()):
            raise ValueError(f"The folder holds files: use a new one. Received: {str(folder)!r}")
        room = hidden_path(home)
        room.mkdir()
        try:
            config = _without(keras.saving.serialize_keras_object(model))
            model.save_weights(room / WEIGHTS)
            count = model.count_params()
            write_json(
                room / METADATA, {"keras_version": keras.__version__, "parameter_count": count}
            )
            write_json(room / CONFIG, config)
            load_preset(room)
            # The config last: a folder with it is complete.
            for name in (WEIGHTS, METADATA, CONFIG):
                os.replace(room / name, home / name)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    return home


def _without(config: Any) -> Any:
    """A serialized network without what keras-hub leaves out, at any depth."""
    if isinstance(config, dict):
        return {name: _without(each) for name, each in config.items() if name not in _LEFT_OUT}
    return [_without(each) for each in config] if isinstance(config, list) else config


def load_preset(folder: PathLike) -> keras.Model:
    """Reads a network that ``save_preset`` wrote.

    Args:
        folder: The preset's folder.

    Returns:
        The network, not compiled.

    Raises:
        ValueError: If a file is missing or damaged.
    """
    home = Path(folder)
    config = read_json(home / CONFIG)
    try:
        model = keras.saving.deserialize_keras_object(config)
        model.load_weights(home / WEIGHTS)
    except (AttributeError, OSError, ValueError, TypeError, KeyError) as error:
        # Keras puts the reason last.
        raise ValueError(
            f"The preset cannot be loaded: {str(error)[-300:]} Received: folder={str(folder)!r}"
        ) from error
    return model
