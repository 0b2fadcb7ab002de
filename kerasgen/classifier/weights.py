"""Weights from files and downloads, with a clear message where they are not available."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras

IMAGENET = "imagenet"


def load_weights(network: keras.Model, path: str | Path) -> None:
    """Loads weights from a file into a network.

    Nothing in the file is executed, and only layers that the network has are read: a backbone can
    be loaded from a file that also has a head.

    Args:
        network: The network.
        path: A ``.keras`` file, a ``.weights.h5`` file or a ``.h5`` file of an older Keras.

    Raises:
        ValueError: If there is no such file or it has another network's weights; some weights may
            then be overwritten.
    """
    path = Path(path)
    received = f"Received: weights={str(path)!r}"
    if path.is_dir():
        raise ValueError(
            "`weights` must be a .keras or .h5 file, not a folder: a SavedModel cannot be trained, "
            f"only used as it is (kerasgen.evaluation.features.extractors). {received}"
        )
    if path.suffix not in (".keras", ".h5"):
        raise ValueError(f"`weights` must be a .keras or .h5 file. {received}")
    if not path.is_file():
        raise ValueError(f"There is no such file of weights. {received}")
    try:
        network.load_weights(str(path))
    # Keras has no error of its own for a file that is broken or does not fit.
    except Exception as error:
        raise ValueError(
            f"This is not a file of weights for the network {network.name!r}: {_one_line(error)} "
            f"{received}"
        ) from error


def download(build: Callable[[], keras.Model], backbone: str) -> keras.Model:
    """Builds a network whose builder downloads its weights.

    Raises:
        ValueError: If the download fails; the message has the alternative.
    """
    try:
        with warnings.catch_warnings():
            # MobileNetV2 warns at most sizes that it loads the weights of another.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            return build()
    # A failed download raises a bare Exception in Keras.
    except Exception as error:
        raise ValueError(
            f"The ImageNet weights of {backbone} cannot be downloaded: {_one_line(error)} Without "
            "a network, fetch that file elsewhere and pass its path, weights='FILE.h5'. "
            f"Received: weights={IMAGENET!r}"
        ) from error


def _one_line(error: Exception, most: int = 300) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    text = text if len(text) <= most else f"{text[:most]}..."
    return text if text.endswith(".") else f"{text}."
