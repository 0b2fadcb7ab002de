"""What makes a run the same run: its batches, its optimizers and schedules, the code's schema."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from kerasgen.data.pipeline import Batches
from kerasgen.io.files import check_settings, read_json, write_json
from kerasgen.training.step import Player, Step

SCHEMA = 2
"""Raised when the same settings and seed no longer give the same batches and updates."""

IDENTITY = "run.json"
"""File in the phase's folder."""


def run_identity(step: Step, batches: Batches) -> dict[str, Any]:
    """What must not change while a run is continued; paths and its length are not part of it.

    A schedule belongs to it: with another one the learning rate would jump.

    Args:
        step: Its seed and its players' optimizers count.
        batches: Their size and, from ``kerasgen.data.pipeline``, digests and class names.

    Returns:
        JSON values by name.
    """
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "seed": step.seed,
        "batch_size": batches.batch_size,
        **batches.identity,
    }
    for name, player in sorted(vars(step).items()):
        if isinstance(player, Player):
            found |= _flat(f"{name}.", _configuration(player.optimizer))
    return found


def keep_identity(folder: Path, identity: Mapping[str, Any], *, begun: bool) -> None:
    """Writes ``run.json``, or compares with it if the run has begun.

    Args:
        folder: The phase's folder.
        identity: From ``run_identity``.
        begun: Whether the run is continued from a checkpoint.

    Raises:
        ValueError: If it is another run; the message names what differs.
    """
    path = folder / IDENTITY
    if not begun:
        write_json(path, identity)
    elif path.exists():
        schema = read_json(path).get("schema")
        if schema != identity["schema"]:
            raise ValueError(
                "The run was begun by another version of kerasgen, which drew other random "
                "numbers: begin it anew in another work folder, or go on with that version. "
                f"Received: schema={identity['schema']}, there: {schema}, path={str(path)!r}"
            )
        check_settings(path, identity)
    else:
        logging.getLogger(__name__).warning(
            "%s has no %s: it is taken to be the same run.", folder, IDENTITY
        )
        write_json(path, identity)


def _configuration(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """An optimizer's options; a constant learning rate is a variable and kept in checkpoints."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    options = inner.get_config()
    rate = getattr(inner, "_learning_rate", None)
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        options.pop("learning_rate", None)
    else:
        options["learning_rate"] = {"schedule": type(rate).__name__, **rate.get_config()}
    options.pop("name", None)
    return {"class": type(inner).__name__, **options}


def _flat(prefix: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Nested options as JSON values with dotted names."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            found |= _flat(f"{prefix}{name}.", value)
        else:
            plain = value is None or isinstance(value, bool | int | float | str)
            found[f"{prefix}{name}"] = value if plain else type(value).__name__
    return found
