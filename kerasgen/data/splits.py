"""Training and test pictures, apart before anything is trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


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


def balancing_repeats(images: np.ndarray, likeness: float = 5.0) -> np.ndarray:
    """How often to repeat each picture so that what is shown often does not count more.

    Renders and video frames come in near-copies. A discriminator learns the commonest scene by
    heart, and the generator then ruins it first.

    Args:
        images: ``[N, H, W, C]`` uint8.
        likeness: Root mean square difference, in grey levels at 32x32 pixels, below which two
            pictures count as near-copies.

    Returns:
        ``[N]`` integers from 1: pass ``np.repeat(images, repeats, axis=0)`` on. Pictures with k
        near-copies (themselves included) get about (the largest k) / k.
    """
    small = (
        np.stack(
            [
                np.asarray(Image.fromarray(image.squeeze()).resize((32, 32), Image.Resampling.BOX))
                for image in images
            ]
        )
        .reshape(len(images), -1)
        .astype(np.float32)
    )
    squares = (small**2).sum(axis=1)
    copies = np.empty(len(images))
    # Row by row: the whole table of distances of a large set would not fit.
    for index, picture in enumerate(small):
        distances = (squares + squares[index] - 2.0 * small @ picture) / small.shape[1]
        copies[index] = np.count_nonzero(distances < likeness**2)
    copies = np.maximum(copies, 1.0)
    return np.maximum(np.rint(copies.max() / copies), 1).astype(np.int64)
