"""Networks as keras-hub preset folders: ``config.json``, ``model.weights.h5``, ``metadata.json``.

The files are those of keras-hub's ``save_to_preset``
(https://github.com/keras-team/keras-hub, ``utils/preset_utils.py``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

from kerasgen.io.files import access_to, check_writable, hidden_path, read_json, write_json
from kerasgen.io.names import PathLike

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
METADATA = "metadata.json"

_LEFT_OUT = ("build_config", "compile_config")


def save_preset(model: keras.Model, folder: PathLike) -> Path:
    """Writes a network as a keras-hub preset.

    Differs: without the date, so that the same network gives the same files.

    Args:
        model: The network.
        folder: New or empty.

    Returns:
        The folder.

    Raises:
        ValueError: If the folder holds files, or cannot be written.
    """
    home = Path(folder)
    check_writable(home)
    with access_to(home):
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            raise ValueError(f"The folder holds files: use a new one. Received: {str(folder)!r}")
    room = hidden_path(home)
    room.mkdir()
    config = _without(keras.saving.serialize_keras_object(model))
    model.save_weights(room / WEIGHTS)
    metadata = {"keras_version": keras.__version__, "parameter_count": model.count_params()}
    write_json(room / METADATA, metadata)
    # Last: a folder with it is complete.
    write_json(room / CONFIG, config)
    for name in (WEIGHTS, METADATA, CONFIG):
        os.replace(room / name, home / name)
    room.rmdir()
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
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The preset cannot be loaded: {error!s:.300} Received: folder={str(folder)!r}"
        ) from error
    return model
