"""What the example scripts share: flags, settings, errors."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from absl import app, flags, logging

from kerasgen.cli.arguments import escape_output, expanded
from kerasgen.cli.start import load_tensorflow

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from kerasgen.data.pipeline import Batches
    from kerasgen.training.step import Step

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""

_STOPPED_EARLY = "Stopped. Run the same command again to go on."

_STRATEGIES = ("default", "mirrored", "multiworker")
HELD_OUT = 0.15
"""Share of pictures held out for testing if there is no test folder."""

DRAWN_LICENCE = "Apache-2.0, as kerasgen"
"""Licence of pictures that are drawn by rule."""

PATH = "PATH"
"""Stands for a path in the command of a model card."""

_WHERE = ("workdir", "export_to", "network")

_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def quiet_start() -> None:
    """Loads TensorFlow without its messages; ends in one line if Ctrl-C comes meanwhile.

    Call it before anything heavy is imported.
    """
    traceback = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(_STOPPED_EARLY, file=sys.stderr)
        else:
            traceback(kind, error, trace)

    sys.excepthook = hook
    try:
        load_tensorflow()
    except ValueError as error:
        sys.exit(str(error))


def define_training_flags(*, workdir: str, batch_size: int) -> None:
    """Defines the flags that every training example has.

    Args:
        workdir: Default folder of the run.
        batch_size: Default number of pictures in a global batch.
    """
    flags.DEFINE_string("workdir", workdir, "Folder for checkpoints, logs and sheets.")
    flags.DEFINE_string("export_to", "saved_models", "Folder for <name>/<version>/.")
    flags.DEFINE_string("name", None, "Name of the exported model; by default the example's.")
    flags.DEFINE_string(
        "network",
        None,
        "Model whose network is measured and exported again, without training: a zoo name or a "
        "version folder.",
    )
    flags.DEFINE_string("dataset", None, "Name of your pictures, for the model card.")
    flags.DEFINE_string("licence", "not stated", "Licence of your pictures, for the model card.")
    flags.DEFINE_string("model_licence", None, "Licence of the trained model, for its card.")
    flags.DEFINE_integer("batch_size", batch_size, "Pictures in a global batch.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Random seed.", lower_bound=0)
    flags.DEFINE_enum("strategy", "default", _STRATEGIES, "Distribution over devices.")
    flags.DEFINE_enum("precision", "float32", _PRECISIONS, "Keras dtype policy.")
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
    """The number of updates, from ``--steps`` or ``--minutes``.

    Args:
        strategy: As for ``throughput.updates_in``.
        make_step: As for ``throughput.updates_in``.
        batches: As for ``throughput.updates_in``.

    Returns:
        The number of updates, at least 1.

    Raises:
        ValueError: If ``--minutes`` is used with several workers.
    """
    from kerasgen.training.throughput import updates_in

    values = flags.FLAGS
    if values.minutes is None:
        return int(values.steps)
    return updates_in(values.minutes, values.workdir, strategy, make_step, batches)


def kept_network() -> keras.Model | None:
    """The network of ``--network``, None without it.

    Raises:
        ValueError: If there is no such model, or only its SavedModel; or on several workers.
    """
    if flags.FLAGS.network is None:
        return None
    if flags.FLAGS.strategy == "multiworker":
        raise ValueError("--network trains nothing: leave out --strategy=multiworker.")
    from kerasgen.zoo.loading import load

    return load(flags.FLAGS.network)


def run_card(
    card: Mapping[str, Any], phases: Mapping[str, int], *, drawn: str | None
) -> dict[str, Any]:
    """The model card of a run, or with ``--network`` that of the kept network.

    Args:
        card: The entries that the example knows; ``task``, ``limits`` and ``headline`` (names of
            the figures to show first) are for readers.
        phases: Global batch size of each phase of the training, by name.
        drawn: Module that draws the pictures by rule; None if they are the user's.

    Returns:
        The card with ``command``, ``minutes`` (of the training, on this machine), ``data``,
        ``dataset`` and ``licence_of_data``. A kept network keeps all of its card but the texts.
    """
    from kerasgen.deployment.model_folders import model_card
    from kerasgen.training.throughput import minutes_of

    values = flags.FLAGS
    licence = {} if values.model_licence is None else {"licence": values.model_licence}
    if values.network is not None:
        texts = {name: card[name] for name in ("task", "limits", "headline")}
        return {**model_card(values.network), **texts, **licence}
    data = {"data": f"drawn by rule ({drawn})", "licence_of_data": DRAWN_LICENCE}
    if drawn is None:
        data = {"data": values.dataset or "your pictures", "licence_of_data": values.licence}
    return {
        **card,
        **licence,
        "command": example_command(sys.argv),
        "minutes": sum(minutes_of(Path(values.workdir) / name, phases[name]) for name in phases),
        "dataset": values.dataset,
        **data,
    }


def example_command(arguments: Sequence[str]) -> str:
    """The command line of an example, without what only this machine has.

    Args:
        arguments: As ``sys.argv``.

    Returns:
        ``python examples/NAME.py`` and its flags; those that say where to write are left out, and
        paths are replaced by ``PATH``.
    """
    words = iter(arguments[1:])
    kept = ["python", f"examples/{Path(arguments[0]).name}"]
    for word in words:
        name, equals, value = word.partition("=")
        flag = name.lstrip("-")
        if not equals and flag in flags.FLAGS and not flags.FLAGS[flag].boolean:
            value = next(words, "")
        if flag in _WHERE:
            continue
        own = PATH if Path(value).is_absolute() or Path(value).exists() else value
        kept.append(f"--{flag}" + (f"={own}" if value else ""))
    return shlex.join(kept)


def run_example(main: Callable[[], None]) -> None:
    """Runs an example's main function; errors end in one line, not a traceback.

    Args:
        main: Called after the flags are parsed.

    Raises:
        SystemExit: At the end, with the message of an error and status 1, or with status 130 after
            Ctrl-C or SIGTERM.
    """

    def guarded(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            sys.exit(f"Unknown arguments: {' '.join(arguments[1:])}")
        escape_output()
        for name in flags.FLAGS:
            flag = flags.FLAGS[name]
            if isinstance(flag.value, str):
                flag.value = expanded(flag.value)
        # TensorFlow logs every written file at INFO, between the progress lines.
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, ArithmeticError, OSError, RuntimeError) as error:
            if os.environ.get("KERASGEN_TRACEBACK"):
                raise
            sys.exit(f"{error}\n(KERASGEN_TRACEBACK=1 shows where this comes from.)")
        except KeyboardInterrupt:
            print(_STOPPED_EARLY, file=sys.stderr)
            sys.exit(STOPPED)
        except SystemExit as stop:
            # The trainer exits with a message once everything is saved.
            if not isinstance(stop.code, str):
                raise
            print(stop.code, file=sys.stderr)
            sys.exit(STOPPED)

    app.run(guarded)


def set_precision(name: str, strategy: str) -> None:
    """Sets the Keras dtype policy, after a check of Keras's other settings.

    Args:
        name: ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        strategy: Name of the distribution strategy.

    Raises:
        ValueError: For float16 on several replicas, where Keras's loss scaling fails
            (keras#18666), and as ``check_keras_settings``.
    """
    import keras

    from kerasgen.training.layers import check_keras_settings

    check_keras_settings()

    if name == "mixed_float16" and strategy != "default":
        raise ValueError(
            "mixed_float16 works on one device only: use mixed_bfloat16. "
            f"Received: precision={name!r}, strategy={strategy!r}"
        )
    keras.mixed_precision.set_global_policy(name)


def load_domain(
    folder: str, size: int, test_folder: str | None = None, *, gap: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the pictures of one domain as the exported model will, split into two parts.

    Args:
        folder: Folder of pictures, read with all folders below it.
        size: Side of the pictures in pixels.
        test_folder: Folder of test pictures; None to hold out the last ones of each folder, as
            neighbouring files are often alike.
        gap: Pictures of each folder that are left out before those.

    Returns:
        Training and test pictures, each ``[N, size, size, 3]`` uint8.

    Raises:
        ValueError: If a folder is missing or empty, or has too few pictures to hold any out.
    """
    from kerasgen.annotations.folder_classes import subfolders
    from kerasgen.data.domain_checks import small_picture_remarks
    from kerasgen.data.splits import split_by_folder_tail
    from kerasgen.deployment.preprocessing import read_as_served
    from kerasgen.io.names import split_of
    from kerasgen.io.preprocessing import Preprocessing

    form = Preprocessing(size, size)
    pictures = read_as_served(folder, form)
    parts = [path.name for path in subfolders(folder) if split_of(path.name)]
    if parts:
        logging.warning(
            "%s has the parts %s, and all are read: use the folder of one part, and that of the "
            "test part for testing.",
            folder,
            ", ".join(parts),
        )
    for remark in small_picture_remarks(pictures.paths, size):
        logging.warning("%s", remark)
    if test_folder is not None:
        return pictures.images, read_as_served(test_folder, form).images
    train, test = split_by_folder_tail(pictures.paths, HELD_OUT, gap=gap)
    unused = len(pictures.paths) - len(train) - len(test)
    print(
        f"{folder}: the last {HELD_OUT:.0%} of each folder (pictures: {len(test)}) are for testing"
        + (f", and {unused} before them are not used." if unused else ".")
    )
    return pictures.images[train], pictures.images[test]
