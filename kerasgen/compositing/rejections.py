"""Reports of cut-outs, of the pictures without a foreground, and the reasons."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.output import Shard
from kerasgen.compositing.foregrounds import Rejection
from kerasgen.io.files import write_file
from kerasgen.io.images import PathLike

REJECTED_FOREGROUNDS = "rejected_foregrounds.csv"

_MAIN_REASONS = 2
_DETAILS = re.compile(r"\d+|'[^']*'")


@dataclass(frozen=True)
class CutFolder:
    """A folder of pictures with their masks beside them.

    Attributes:
        folder: Its path.
        class_names: Its sub-folders.
        labels: The class index of each picture in it.
        rejected: The pictures without a foreground; also written to a file.
        shard: Its number, if it is one of several folders; None if it holds all pictures.
    """

    folder: Path
    class_names: tuple[str, ...]
    labels: tuple[int, ...]
    rejected: tuple[Rejection, ...]
    shard: Shard | None = None

    def __str__(self) -> str:
        """The counts, one line per class and one for all."""
        lines = foreground_lines(self.labels, self.rejected, self.class_names)
        return "\n".join(
            [
                *lines,
                f"{len(self.labels)} pictures with masks in {self.folder}",
                *([] if self.shard is None else [self.shard.next_step()]),
            ]
        )


def foreground_lines(
    labels: Sequence[int], rejected: Sequence[Rejection], class_names: Sequence[str]
) -> Iterator[str]:
    """Yields one line per class: how many pictures have a foreground, and the main reasons if not.

    Args:
        labels: The label of each foreground.
        rejected: The other pictures.
        class_names: The names of labels 0, 1, ...
    """
    for label, name in enumerate(class_names):
        taken = labels.count(label)
        reasons = [item.reason for item in rejected if item.label == label]
        line = f"{name}: {taken} of {taken + len(reasons)} pictures give a foreground"
        main = "; ".join(f"{count} x {reason}" for reason, count in main_reasons(reasons))
        yield f"{line} (rejected: {main})" if reasons else line


def save_rejected(
    path: PathLike, rejected: Sequence[Rejection], class_names: Sequence[str]
) -> None:
    """Writes a CSV file with the columns path, class, quality and reason.

    Args:
        path: The file.
        rejected: The pictures or objects, in the order of the lines.
        class_names: The names of labels 0, 1, ...

    Raises:
        ValueError: If it cannot be written.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "class", "quality", "reason"])
    for item in rejected:
        quality = f"{item.quality:.3f}"
        writer.writerow([item.path, class_names[item.label], quality, _without_path(item.reason)])
    write_file(path, stream.getvalue().encode())


def main_reasons(reasons: Sequence[str]) -> list[tuple[str, int]]:
    """The most common reasons.

    Args:
        reasons: One for each picture; "touches 31%" and "touches 60%" are one kind, as are equal
            ones that quote other names.

    Returns:
        Up to two kinds: the first reason of it as it was, without the path, and how many there are.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for reason in map(_without_path, reasons):
        kinds[_DETAILS.sub("", reason)].append(reason)
    common = sorted(kinds.values(), key=len, reverse=True)
    return [(each[0], len(each)) for each in common[:_MAIN_REASONS]]


def _without_path(reason: str) -> str:
    # The path has a column of its own, and differs between machines.
    return reason.partition(" Received: ")[0]
