"""The log of a run: progress with the time left, history.csv and TensorBoard scalars."""

from __future__ import annotations

import contextlib
import csv
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import tensorflow as tf
from tqdm import tqdm

from kerasgen.io.files import replacing
from kerasgen.io.names import plain_path

HISTORY = "history.csv"


class Report:
    """Progress of one phase: a bar in a terminal, lines elsewhere.

    Args:
        folder: The phase's folder; ``None`` on workers that are not the chief, which log nothing.
        phase: Its name.
        start: Steps already done.
        total: Steps of the whole phase.
        batch_size: Pictures in a global batch.
    """

    def __init__(
        self, folder: Path | None, *, phase: str, start: int, total: int, batch_size: int
    ) -> None:
        self._phase, self._total, self._batch_size = phase, total, batch_size
        self._last_step, self._last_time = start, time.monotonic()
        self._waited = 0.0
        self._history: _History | None = None
        self._writer = tf.summary.create_noop_writer()
        self._bar: tqdm | None = None
        self._lines = folder is not None
        if folder is None:
            return
        self._history = _History(folder / HISTORY, start)
        self._writer = tf.summary.create_file_writer(f"{plain_path(folder)}/tensorboard")
        if sys.stderr.isatty():
            self._bar = tqdm(desc=phase, initial=start, total=total, unit="step")

    def __enter__(self) -> Report:
        """Starts the clock."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the bar and flushes the files."""
        self._writer.close()
        if self._bar is not None:
            self._bar.close()

    def waited(self, seconds: float) -> None:
        """Adds time that the step spent waiting for its batch."""
        self._waited += seconds

    def log(self, step: int, losses: Mapping[str, float]) -> dict[str, float]:
        """Logs one row; returns the losses with speed and data wait added."""
        now = time.monotonic()
        seconds = max(now - self._last_time, 1e-9)
        done = step - self._last_step
        row = {
            **losses,
            "images_per_second": done * self._batch_size / seconds,
            "data_wait_share": self._waited / seconds,
        }
        left = (self._total - step) * seconds / max(done, 1)
        self._last_step, self._last_time, self._waited = step, now, 0.0
        if self._history is not None:
            self._history.append(step, row)
        with self._writer.as_default():
            for name, value in row.items():
                tf.summary.scalar(f"{self._phase}/{name}", value, step=step)
        self._show(step, done, row, left)
        return row

    @contextlib.contextmanager
    def summaries(self) -> Iterator[None]:
        """Within the block ``tf.summary`` calls go to this phase's TensorBoard files."""
        with self._writer.as_default():
            yield
        self._writer.flush()
        # Time spent in actions is not time spent training.
        self._last_time = time.monotonic()

    def _show(self, step: int, done: int, row: Mapping[str, float], left: float) -> None:
        if not self._lines:
            return
        values = {name: f"{value:.4g}" for name, value in row.items() if name != "data_wait_share"}
        if self._bar is not None:
            self._bar.update(done)
            self._bar.set_postfix(values)
            return
        text = "  ".join(f"{name} {value}" for name, value in values.items())
        print(f"{self._phase} {step}/{self._total}  {text}  {_clock(left)} left", flush=True)


class _History:
    """history.csv, without rows later than the step that a restart begins at."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        kept = [row for row in read_history(path) if row["step"] <= start]
        with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            if kept:
                writer = csv.DictWriter(file, list(kept[0]))
                writer.writeheader()
                writer.writerows({**row, "step": int(row["step"])} for row in kept)

    def append(self, step: int, row: Mapping[str, float]) -> None:
        empty = self._path.stat().st_size == 0
        with open(self._path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["step", *row])
            if empty:
                writer.writeheader()
            writer.writerow({"step": step, **row})


def read_history(path: Path) -> list[dict[str, float]]:
    """Reads a ``history.csv``: one dict a row, ``step`` and the logged values.

    An incomplete last line, of a killed process, is left out. A missing file has no rows.
    """
    if not path.exists():
        return []
    rows: list[dict[str, float]] = []
    text = path.read_text(encoding="utf-8")
    for row in csv.DictReader(text[: text.rfind("\n") + 1].splitlines()):
        with contextlib.suppress(ValueError, TypeError):
            rows.append({name: float(value) for name, value in row.items()})
    return rows


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
