"""Measures and exports a model of the zoo again, from its kept network."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kerasgen.deployment.model_folders import model_card, model_folder, zoo_folder


def rebuild(name: str, flags: Sequence[str] = (), *, directory: str | Path | None = None) -> None:
    """Runs the example that trained a model with ``--network``: figures, card and export anew.

    Needs a checkout with its ``examples``. The new version gets the next free number; the older
    one stays.

    Args:
        name: The model's name.
        flags: Further flags of the example, such as ``--data=DIR`` for the pictures that the
            figures need; they follow those of the card.
        directory: Folder of models to write to; None for the zoo's.

    Raises:
        ValueError: If the model's card has no command, there is no example, or it fails.
    """
    folder = model_folder(name)
    command = shlex.split(str(model_card(folder).get("command", "")))
    root = zoo_folder().parent
    if len(command) < 2 or not (root / command[1]).is_file():
        raise ValueError(
            "The model's card must name the example that trained it, and the example must be in "
            f"this checkout. Received: name={name!r}, command={shlex.join(command)!r}"
        )
    own = [word for word in command[2:] if not word.endswith("=PATH")]
    target = zoo_folder() if directory is None else Path(directory)
    where = [f"--network={folder}", f"--export_to={target}", f"--name={folder.parent.name}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path[1:]])}
    done = subprocess.run(
        [sys.executable, str(root / command[1]), *own, *where, *flags], env=environment
    )
    if done.returncode:
        raise ValueError(
            f"The example ended with status {done.returncode}. Its pictures may be missing: pass "
            f"its flags, as --data=DIR, after the name. Received: name={name!r}"
        )
