"""Clean scenes, one per seed and index."""

import numpy as np

from kerasgen.data.random_streams import DrawingStream
from kerasgen.procedural.scenery.interiors import draw_interior
from kerasgen.procedural.scenery.outdoors import draw_country, draw_street

_SMALLEST = 16
_DRAW = (draw_interior, draw_street, draw_country)
_SHARES = (0.5, 0.3, 0.2)


def draw_scene(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Draws one scene: a room in half of the cases, else a street or open country.

    Args:
        rng: Generator of everything about it.
        size: Side S of the picture in pixels, at least 16.

    Returns:
        `[S, S, 3]` uint8; every size shows the same scene, up to its detail.

    Raises:
        ValueError: If `size` is below 16.
    """
    if size < _SMALLEST:
        raise ValueError(f"`size` must be at least {_SMALLEST}. Received: size={size}")
    draw = _DRAW[rng.choice(len(_DRAW), p=_SHARES)]
    return draw(rng, size).finished(rng)


def drawn_scenes(
    count: int, seed: int, size: int = 64, first_index: int = 0, stream: int = DrawingStream.SCENES
) -> np.ndarray:
    """Draws clean scenes.

    Args:
        count: Number of scenes, N.
        seed: Not negative.
        size: Side S of the pictures in pixels, at least 16.
        first_index: Index of the first scene in the endless series of `seed`.
        stream: Not negative; other streams give other scenes for the same seed.

    Returns:
        `[N, S, S, 3]` uint8, picture k a function of `(seed, stream, first_index + k, size)`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if min(count, seed, first_index, stream) < 0 or size < _SMALLEST:
        raise ValueError(
            f"Numbers must not be negative and `size` at least {_SMALLEST}. "
            f"Received: {count=}, {seed=}, {size=}, {first_index=}, {stream=}"
        )
    images = np.empty((count, size, size, 3), np.uint8)
    for k in range(count):
        images[k] = draw_scene(np.random.default_rng([seed, stream, first_index + k]), size)
    return images
