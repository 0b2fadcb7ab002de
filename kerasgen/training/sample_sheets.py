"""Sample sheets during training: PNG files at intervals, and the same pictures in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgen.io.sheets import save_png
from kerasgen.training.trainer import Action


def sample_sheet(folder: Path, draw: Callable[[], np.ndarray], *, every: int) -> Action:
    """An action for ``Trainer.run`` that saves ``folder/step-<n>.png``.

    Args:
        folder: Folder of the sheets.
        draw: Returns one sheet, ``[H, W, 3]`` uint8, of the networks' current state.
        every: Steps between two sheets; counted at the steps at which actions are called.

    Returns:
        The action, a function ``(step_number, logs)``.

    Raises:
        ValueError: If ``every`` is below 1.
    """
    if every < 1:
        raise ValueError(f"`every` must be at least 1. Received: every={every}")
    drawn = -every

    def action(step: int, logs: Mapping[str, float]) -> None:
        nonlocal drawn
        if step // every == drawn // every:
            return
        drawn = step
        sheet = draw()
        save_png(folder / f"step-{step:06}.png", sheet)
        tf.summary.image("samples", sheet[None], step=step)

    return action
