"""SavedModels: opened so that what is missing is named, and a digest of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from kerasgen.io.files import file_sha256
from kerasgen.io.names import PathLike, plain_path


def open_saved_model(path: PathLike, signature: str | None = None) -> Any:
    """Loads a SavedModel; Keras is not needed.

    Keep the result as long as a signature of it is called: a signature does not own its variables.

    Args:
        path: The version folder, as ``saved_models/NAME/1``.
        signature: A signature that it must have, or None.

    Returns:
        The object that ``tf.saved_model.load`` returns.

    Raises:
        ValueError: If there is no SavedModel, it is damaged, or it lacks the signature.
    """
    import tensorflow as tf

    received = f"Received: path={str(path)!r}"
    if not (Path(path) / "saved_model.pb").is_file():
        raise ValueError(
            "There is no SavedModel in this folder (no saved_model.pb; pass the version folder, as "
            f"saved_models/NAME/1). {received}"
        )
    try:
        loaded = tf.saved_model.load(plain_path(path))
    except (OSError, tf.errors.OpError) as error:
        raise ValueError(f"The SavedModel is damaged: {error} {received}") from error
    if signature is not None and signature not in loaded.signatures:
        raise ValueError(
            f"The SavedModel has no signature {signature!r}, only {sorted(loaded.signatures)}. "
            f"{received}"
        )
    return loaded


def saved_model_sha256(path: PathLike) -> str:
    """One SHA-256 of a SavedModel's graph and weights, 64 hexadecimal digits.

    Raises:
        ValueError: If a file cannot be read.
    """
    folder, digest = Path(path), hashlib.sha256()
    for file in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(f"{file.name} {file_sha256(file)}\n".encode())
    return digest.hexdigest()
