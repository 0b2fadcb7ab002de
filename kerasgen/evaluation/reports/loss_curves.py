"""Loss curves as a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasgen.io.files import replacing
from kerasgen.training.run_log import read_history

_NOT_LOSSES = ("step", "images_per_second", "data_wait_share")


def save_loss_curves(histories: Mapping[str, Path], path: Path) -> None:
    """Draws the losses of one or several phases over steps, one panel per phase.

    Args:
        histories: Path of ``history.csv`` by title of the panel.
        path: The PNG to write; replaced atomically.

    Raises:
        ValueError: If none of the histories has a row.
    """
    rows = {title: read_history(file) for title, file in histories.items()}
    rows = {title: history for title, history in rows.items() if history}
    if not rows:
        raise ValueError(f"No history has any rows. Received: histories={dict(histories)}")
    # Imported here because it takes a second and is needed for drawing only.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0 * len(rows), 4.0), layout="constrained")
    for index, (title, history) in enumerate(rows.items()):
        axes = figure.add_subplot(1, len(rows), index + 1)
        _draw(axes, title, history)
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=100)


def _draw(axes: Any, title: str, history: Sequence[Mapping[str, float]]) -> None:
    steps = [row["step"] for row in history]
    for name in history[0]:
        if name not in _NOT_LOSSES:
            axes.plot(steps, [row[name] for row in history], label=name, linewidth=1.0)
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
