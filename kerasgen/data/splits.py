"""Training and test pictures, apart before anything is trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path


def split_by_folder_tail(paths: Sequence[Path], test_share: float) -> tuple[list[int], list[int]]:
    """Holds out the last part of each folder, in the order of file names.

    Frames of one recording lie in one folder and neighbours are nearly alike: a random split
    would put twins on both sides.

    Args:
        paths: The pictures, in any order.
        test_share: Share of each folder that is held out, above 0 and below 1; at least one
            picture of every folder that has more than one.

    Returns:
        Places of the training and of the test pictures in ``paths``.

    Raises:
        ValueError: If the share is out of range or a side would be empty.
    """
    if not 0.0 < test_share < 1.0:
        raise ValueError(f"`test_share` must be in (0, 1). Received: test_share={test_share}")
    folders: dict[Path, list[int]] = defaultdict(list)
    for place in sorted(range(len(paths)), key=lambda index: paths[index].as_posix()):
        folders[paths[place].parent].append(place)
    train: list[int] = []
    test: list[int] = []
    for places in folders.values():
        held_out = max(1, round(len(places) * test_share)) if len(places) > 1 else 0
        train += places[: len(places) - held_out]
        test += places[len(places) - held_out :]
    if not train or not test:
        raise ValueError(
            "Too few pictures to hold any out: give more, or a test folder of their own. "
            f"Received: {len(paths)} pictures in {len(folders)} folders"
        )
    return sorted(train), sorted(test)
