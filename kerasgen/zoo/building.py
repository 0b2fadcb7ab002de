"""Measures and exports a model of the zoo again, from its kept network."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence

from kerasgen.deployment.model_folders import model_card, model_folder, zoo_folder


def rebuild(name: str, flags: Sequence[str] = ()) -> None:
    """Runs the example that trained a model with ``--network``: figures, card and export anew.

    Needs a checkout with its ``examples``. The new version gets the next free number; the older
    one stays.

    Args:
        name: The model's name.
        flags: Further flags of the example, such as ``--data=DIR`` for the pictures that the
            figures need, or ``--export_to=DIR`` for another folder than the zoo's; they follow
            those of the card.

    Raises:
        ValueError: If the model's card has no command, there is no example, or it fails.
    """
    folder = model_folder(name)
    command = shlex.split(str(model_card(folder).get("command", "")))
    root = zoo_folder().parent
    # A card comes with a model, from anywhere: it may name our examples, and no other file.
    examples = [path.relative_to(root).as_posix() for path in root.glob("examples/*.py")]
    if len(command) < 2 or command[1] not in examples:
        raise ValueError(
            "The model's card must name the example that trained it, and the example must be in "
            f"this checkout. Received: name={name!r}, command={shlex.join(command)!r}"
        )
    own = [word for word in command[2:] if not word.endswith("=PATH")]
    where = [f"--network={folder}", f"--export_to={zoo_folder()}", f"--name={folder.parent.name}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path[1:]])}
    done = subprocess.run(
        [sys.executable, str(root / command[1]), *own, *where, *flags], env=environment
    )
    if done.returncode:
        raise ValueError(
            f"The example ended with status {done.returncode}. Its pictures may be missing: pass "
            f"its flags, as --data=DIR, after the name. Received: name={name!r}"
        )
