"""Picture files as an exported model receives and reads them, before there is a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgen.deployment.preprocessing.graph import preprocess
from kerasgen.io.folders import list_images
from kerasgen.io.images import (
    ImageError,
    PictureFolder,
    Pixels,
    collect_pictures,
    read_image,
    to_uint8,
)
from kerasgen.io.names import PathLike
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.sheets import encode_png

# Bytes of a file in TensorFlow's message cannot always be decoded.
_REFUSED = (tf.errors.OpError, UnicodeDecodeError)


def servable_file(path: PathLike, form: Preprocessing) -> bytes:
    """Reads a file that a served model takes.

    Args:
        path: A picture that ``read_image`` reads.
        form: Size, channels, fit and background.

    Returns:
        The file; a PNG file of its pixels if it is of a kind that the signatures refuse, such as
        TIFF.

    Raises:
        ImageError: If it is no readable picture.
    """
    data = _bytes(path)
    try:
        preprocess(tf.constant([data]), form)
    except _REFUSED:
        return encode_png(read_image(path, background=form.background))
    return data


def read_as_served(folder: PathLike, form: Preprocessing) -> PictureFolder:
    """Reads all pictures of a folder with the graph that an exported model has.

    What is trained and measured on them is what the model will see.

    Args:
        folder: The folder, see ``list_images``.
        form: Size, channels, fit and background.

    Returns:
        The pictures ``[N, H, W, C]`` uint8 with their paths, and the files rejected; these are left
        out with one warning.

    Raises:
        ValueError: If the folder is missing, or no picture can be read.
    """

    def read(path: Path) -> Pixels:
        data = servable_file(path, form)
        try:
            (pixels,) = to_uint8(preprocess(tf.constant([data]), form).numpy())
        except _REFUSED as error:
            raise ImageError(f"{error} Received: path={str(path)!r}") from error
        return np.asarray(pixels)

    paths = list_images(folder, count_others=True)
    return collect_pictures(folder, paths, (*form.size, form.channels), read)


def _bytes(path: PathLike) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"The file cannot be read: {error}") from error
