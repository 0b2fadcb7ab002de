"""A trained network back into Keras."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import keras

from kerasgen.deployment.model_folders import NETWORK, model_folder
from kerasgen.io.names import PathLike
from kerasgen.zoo.presets import CONFIG, load_preset


def load(model: PathLike) -> keras.Model:
    """Loads a trained network, to fine-tune it, to look into it or to export it again.

    Args:
        model: A name in the zoo (``kerasgen zoo`` lists them), a version folder of an exported
            model, a ``.keras`` file, or a keras-hub preset folder.

    Returns:
        The network, as its family's builder makes it, with trained weights; not compiled.

    Raises:
        ValueError: If there is no such model, or it cannot be loaded.
    """
    path = Path(model)
    if (path / CONFIG).is_file():
        return load_preset(path)
    if not path.is_file():
        path = model_folder(model) / NETWORK
    try:
        return keras.saving.load_model(path, compile=False)
    except (BadZipFile, OSError, ValueError, TypeError, KeyError) as error:
        # Keras puts the reason last.
        raise ValueError(
            f"The network cannot be loaded: {str(error)[-300:]} Received: {str(path)!r}"
        ) from error
