"""The ranges of random scenes, and how their objects are cut out."""

import dataclasses
from typing import Any

from kerasgen.compositing.blending import BLENDINGS, Blending
from kerasgen.compositing.foregrounds import MAX_SIDE, MIN_QUALITY


@dataclasses.dataclass(frozen=True, kw_only=True)
class SceneOptions:
    """The ranges of random scenes; each value is drawn uniformly between the ends of its range.

    Attributes:
        size: Side of the scene, or (height, width), in pixels.
        objects: Fewest and most objects.
        distractors: Fewest and most distractors, pasted without an annotation.
        scale: Longer side of a foreground's box over the shorter side of the scene.
        aspect: Factor on width over height; logarithmically uniform.
        rotation: Largest rotation either way, in degrees.
        perspective: Largest change of size from one side of the object to the other, as a share,
            drawn for each axis.
        flip: Probability that an object, or the background, is mirrored.
        match: How far an object's colours are moved towards those it covers, as a share.
        max_occlusion: Largest share of an object's area in the frame that others hide.
        max_truncation: Largest share of an object outside the frame.
        blendings: The blendings to draw from, see ``blending.edge`` and ``blending.harmonised``.
        shadow: Probability of a soft shadow.
        attempts: Placements tried for one object before it is left out.
        min_quality: Lowest quality of estimated masks, in [0, 1], see ``foregrounds.extract``.
        max_side: Longest side of a foreground in pixels; larger ones are shrunk.

    Raises:
        ValueError: If a range is not ordered or out of bounds.
    """

    size: int | tuple[int, int] = 256
    objects: tuple[int, int] = (1, 4)
    distractors: tuple[int, int] = (0, 2)
    scale: tuple[float, float] = (0.25, 0.6)
    aspect: tuple[float, float] = (0.8, 1.25)
    rotation: float = 30.0
    perspective: float = 0.15
    flip: float = 0.5
    match: tuple[float, float] = (0.0, 0.4)
    max_occlusion: float = 0.5
    max_truncation: float = 0.25
    blendings: tuple[Blending, ...] = BLENDINGS
    shadow: float = 0.5
    attempts: int = 20
    min_quality: float = MIN_QUALITY
    max_side: int = MAX_SIDE

    def __post_init__(self) -> None:
        """Checks the ranges."""
        bounds: dict[str, tuple[Any, float, float]] = {
            "size": (self.frame, 16, 16384),
            "objects": (self.objects, 0, 100),
            "distractors": (self.distractors, 0, 100),
            "scale": (self.scale, 0.01, 2),
            "aspect": (self.aspect, 0.1, 10),
            "rotation": ((0, self.rotation), 0, 180),
            "perspective": ((0, self.perspective), 0, 0.5),
            "flip": ((0, self.flip), 0, 1),
            "match": (self.match, 0, 1),
            "max_occlusion": ((0, self.max_occlusion), 0, 0.95),
            "max_truncation": ((0, self.max_truncation), 0, 0.95),
            "shadow": ((0, self.shadow), 0, 1),
            "attempts": ((1, self.attempts), 1, 1000),
            "min_quality": ((0, self.min_quality), 0, 1),
            "max_side": ((1, self.max_side), 1, 16384),
        }
        for name, (values, low, high) in bounds.items():
            is_ordered = name == "size" or values[0] <= values[-1]
            if len(values) != 2 or not is_ordered or not low <= min(values) <= max(values) <= high:
                raise ValueError(
                    f"`{name}` must be ordered and between {low} and {high}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        if self.objects[1] < 1:
            raise ValueError(f"`objects` must allow one. Received: objects={self.objects}")
        if not self.blendings or not set(self.blendings) <= set(BLENDINGS):
            raise ValueError(
                f"`blendings` must be some of {BLENDINGS}. Received: blendings={self.blendings}"
            )

    @property
    def frame(self) -> tuple[int, int]:
        """(height, width) of the scene in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def extraction(self) -> dict[str, Any]:
        """How foregrounds are cut out: arguments of ``read_foregrounds``."""
        return {"min_quality": self.min_quality, "max_side": self.max_side}
