"""The flags and manners that the examples share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from absl import app, flags, logging

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kerasgen.data.pipeline import Batches
    from kerasgen.training.step import Step

_STRATEGIES = ("default", "mirrored", "multiworker")
HELD_OUT = 0.15
"""Share of pictures kept for testing where the user gives no test pictures."""

_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def define_training_flags(*, workdir: str, batch_size: int) -> None:
    """Defines the flags that every training example has.

    Args:
        workdir: Default folder of the run.
        batch_size: Default number of pictures in a global batch.
    """
    flags.DEFINE_string("workdir", workdir, "Folder of checkpoints, logs and sheets.")
    flags.DEFINE_string("export_to", "saved_models", "Folder that gets <name>/<version>/.")
    flags.DEFINE_integer("batch_size", batch_size, "Pictures in a global batch.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed of everything random.", lower_bound=0)
    flags.DEFINE_enum("strategy", "default", _STRATEGIES, "How work is spread over devices.")
    flags.DEFINE_enum("precision", "float32", _PRECISIONS, "What the networks compute in.")
    flags.DEFINE_integer("log_every", 50, "Steps between two reports.", lower_bound=1)
    flags.DEFINE_integer("save_every", 500, "Steps between two checkpoints.", lower_bound=1)


def define_length_flags(*, steps: int) -> None:
    """Defines ``--steps`` and ``--minutes``, see ``run_length``.

    Args:
        steps: Default number of updates.
    """
    flags.DEFINE_integer("steps", steps, "Updates of the networks.", lower_bound=1)
    flags.DEFINE_float("minutes", None, "Length of the training instead of --steps.", 0.01)


def run_length(
    strategy: tf.distribute.Strategy, make_step: Callable[[], Step], batches: Batches
) -> int:
    """The updates that ``--steps`` or ``--minutes`` ask for; arguments as for ``pace.updates_in``.

    Raises:
        ValueError: If minutes are asked for on several workers.
    """
    from kerasgen.training.throughput import updates_in

    values = flags.FLAGS
    if values.minutes is None:
        return int(values.steps)
    return updates_in(values.minutes, values.workdir, strategy, make_step, batches)


def run_example(main: Callable[[], None]) -> None:
    """Runs an example's main function; what the user got wrong ends in one line, not a traceback.

    Args:
        main: Called after the flags are parsed.
    """

    def guarded(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            sys.exit(f"Arguments that are no flags: {' '.join(arguments[1:])}")
        # TensorFlow says at INFO how it writes files; a user wants the progress lines.
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, ArithmeticError, OSError, RuntimeError) as error:
            if os.environ.get("KERASGEN_TRACEBACK"):
                raise
            sys.exit(f"{error}\n(KERASGEN_TRACEBACK=1 shows where this comes from.)")

    app.run(guarded)


def set_precision(name: str, strategy: str) -> None:
    """Sets the Keras dtype policy.

    Args:
        name: ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        strategy: Name of the distribution strategy.

    Raises:
        ValueError: For float16 on several replicas, where Keras's loss scaling fails (keras#18666).
    """
    import keras

    if name == "mixed_float16" and strategy != "default":
        raise ValueError(
            "mixed_float16 works on one device only: use mixed_bfloat16. "
            f"Received: precision={name!r}, strategy={strategy!r}"
        )
    keras.mixed_precision.set_global_policy(name)


def load_domain(
    folder: str, size: int, test_folder: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the training and test pictures of one domain, apart before anything is trained.

    Args:
        folder: Read with all folders below it.
        size: Side of the pictures in pixels.
        test_folder: Pictures of other origin; None to hold out the last ones of each folder, for
            neighbours are alike.

    Returns:
        Two times ``[N, size, size, 3]`` uint8.

    Raises:
        ValueError: If a folder is missing or empty, or there are too few pictures to hold any out.
    """
    from kerasgen.data.domain_checks import small_picture_remarks
    from kerasgen.data.splits import split_by_folder_tail
    from kerasgen.io.images import read_folder

    pictures = read_folder(folder, size)
    for remark in small_picture_remarks(pictures.paths, size):
        logging.warning("%s", remark)
    if test_folder is not None:
        return pictures.images, read_folder(test_folder, size).images
    train, test = split_by_folder_tail(pictures.paths, HELD_OUT)
    print(
        f"{folder}: the last {HELD_OUT:.0%} of each folder ({len(test)} pictures) are for testing."
    )
    return pictures.images[train], pictures.images[test]
