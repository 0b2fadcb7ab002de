"""What a command does before TensorFlow is loaded: it checks its inputs, then loads it quietly."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

VERBOSE = "KERASGEN_VERBOSE"
"""Environment variable that lets TensorFlow print its messages."""


def check_there(**paths: str | None) -> None:
    """Checks, within a moment, that files and folders exist.

    Args:
        **paths: Path of each argument, or None.

    Raises:
        ValueError: If there is no such file or folder.
    """
    for name, path in paths.items():
        if path is not None and not os.path.exists(path):
            raise ValueError(f"There is no such file or folder. Received: {name}={path!r}")


def load_tensorflow() -> None:
    """Loads TensorFlow without its messages, unless ``KERASGEN_VERBOSE`` is set.

    Raises:
        ValueError: If ``KERAS_BACKEND`` names another backend.
    """
    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    if name != "tensorflow":
        raise ValueError(
            "kerasgen computes with TensorFlow: unset KERAS_BACKEND. "
            f"Received: KERAS_BACKEND={name!r}"
        )
    if os.environ.get(VERBOSE) or "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _held_back_errors():
        import tensorflow as tf

        # It looks for GPUs, and says so.
        tf.config.list_physical_devices()


@contextmanager
def _held_back_errors() -> Iterator[None]:
    """Hides what is written to the standard error stream; if the work fails, it is shown.

    TensorFlow writes to the descriptor itself, before its level of messages takes effect.
    """
    try:
        hidden, kept = tempfile.TemporaryFile(), os.dup(2)
    except OSError:
        # There is no such stream, or no place to keep what is hidden.
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            hidden.seek(0)
            os.write(kept, hidden.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
