"""Scenes of cut-out objects on other backgrounds, with exact masks.

After Dwibedi et al. 2017, "Cut, Paste and Learn: Surprisingly Easy Synthesis for Instance
Detection" (arXiv:1708.01642), section 5.2: random placement, several blendings, occlusion,
truncation and distractors. Differs: occlusion and truncation are limited as shares of the mask, not
by overlap of boxes; placements also tilt; objects adapt to the colours they cover and may cast a
soft shadow.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from kerasgen.annotations.dossier import composite_of
from kerasgen.annotations.records import PlacedObject, Source
from kerasgen.compositing import blending, placement
from kerasgen.compositing.backgrounds import Background, Backgrounds, random_crop, random_piece
from kerasgen.compositing.blending import Blending, Shadow
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.compositing.options import SceneOptions
from kerasgen.io.images import Pixels

_ROUNDS = 5
_SMALLER = 0.75
_SMALLEST_AREA = 16


class Scene(NamedTuple):
    """A composed picture and its annotations.

    Attributes:
        image: ``[H, W, 3]`` uint8 in [0, 255].
        objects: From back to front.
        sources: The files it is composed of, each once per role.
        parameters: All drawn numbers, ready for JSON; ``items`` from back to front.
        made: Its digital source type, which follows from those of the sources.
    """

    image: Pixels
    objects: tuple[PlacedObject, ...]
    sources: tuple[Source, ...]
    parameters: dict[str, Any]
    made: str


def by_label(foregrounds: Sequence[Foreground]) -> dict[int, list[Foreground]]:
    """Groups foregrounds by label, once for all scenes.

    Raises:
        ValueError: If there are none.
    """
    groups: dict[int, list[Foreground]] = {}
    for foreground in foregrounds:
        groups.setdefault(foreground.label, []).append(foreground)
    if not groups:
        raise ValueError("Needs at least one foreground. Received: foregrounds=[]")
    return dict(sorted(groups.items()))


def compose_scene(
    index: int,
    seed: int,
    foregrounds: Sequence[Foreground] | Mapping[int, Sequence[Foreground]],
    backgrounds: Backgrounds | Sequence[Pixels],
    options: SceneOptions | None = None,
    distractors: Sequence[Foreground] = (),
) -> Scene:
    """Composes one scene.

    Classes are drawn uniformly, then a foreground of the class. One that would hide too much of an
    object below it is placed again, up to ``attempts`` times; a scene with too few objects is
    composed again with smaller ones.

    Args:
        index: Number of the scene, from 0.
        seed: Random seed, from 0. The scene depends on the arguments only.
        foregrounds: To choose objects from; a mapping from ``by_label`` saves time.
        backgrounds: To choose the background from, of any size; a part of it is scaled.
        options: The ranges; None stands for the defaults.
        distractors: Objects of other classes; if there are none, pieces of backgrounds are pasted.

    Returns:
        The scene, with ``options.objects[0]`` objects or more.

    Raises:
        ValueError: If an argument is invalid, or too few objects fit.
    """
    options = options or SceneOptions()
    if min(index, seed) < 0:
        raise ValueError(f"`index` and `seed` must not be negative. Received: {index=}, {seed=}")
    groups = foregrounds if isinstance(foregrounds, Mapping) else by_label(foregrounds)
    scenery = backgrounds if isinstance(backgrounds, Backgrounds) else Backgrounds(backgrounds)
    random = np.random.default_rng([seed, index])
    background = scenery[int(random.integers(len(scenery)))]
    ground, part = random_crop(random, background.image, options.frame)
    is_flipped = bool(random.random() < options.flip)
    ground = np.asarray(cv2.flip(ground, 1), np.uint8) if is_flipped else ground
    for round_ in range(_ROUNDS):
        canvas = _Canvas(ground.copy(), options, random, _SMALLER**round_)
        count = int(random.integers(options.objects[0], options.objects[1] + 1))
        others = int(random.integers(options.distractors[0], options.distractors[1] + 1))
        for is_object in random.permutation([True] * count + [False] * others).tolist():
            if is_object:
                group = groups[list(groups)[int(random.integers(len(groups)))]]
                canvas.add(group[int(random.integers(len(group)))], "foreground")
            elif distractors:
                canvas.add(distractors[int(random.integers(len(distractors)))], "distractor")
            else:
                canvas.add(random_piece(random, scenery), "distractor")
        if sum(item.is_object for item in canvas.items) >= options.objects[0]:
            drawn = {"background": {"part": list(part), "flip": is_flipped}, "round": round_}
            return canvas.scene(background, drawn)
    raise ValueError(
        f"Fewer than {options.objects[0]} objects can be placed: lower `objects` or `scale`, or "
        f"raise `size`, `max_occlusion`, `max_truncation` or `attempts`. "
        f"Received: {index=}, {seed=}, {options=}"
    )


class _Item(NamedTuple):
    """Something pasted; ``whole`` is its mask in the frame, from ``corner`` (row, column) on."""

    foreground: Foreground
    is_object: bool
    matrix: np.ndarray
    whole: np.ndarray
    corner: tuple[int, int]
    truncation: float
    draws: dict[str, Any]


class _Cut(NamedTuple):
    """The part of a patch inside the frame, as slices of the patch and of the scene."""

    patch: tuple[slice, slice]
    scene: tuple[slice, slice]


def _cut(corner: tuple[int, int], size: tuple[int, ...], frame: tuple[int, int]) -> _Cut:
    left, top = corner
    rows = (max(0, top), max(0, min(frame[0], top + size[0])))
    columns = (max(0, left), max(0, min(frame[1], left + size[1])))
    scene = (slice(*rows), slice(*columns))
    patch = (
        slice(rows[0] - top, max(rows) - top),
        slice(columns[0] - left, max(columns) - left),
    )
    return _Cut(patch, scene)


class _Canvas:
    """A scene that is being composed.

    Only rectangles around the objects are computed. ``_owner`` is the topmost item of each pixel,
    -1 for none: what a new item would hide is counted in its own rectangle.
    """

    def __init__(
        self,
        image: Pixels,
        options: SceneOptions,
        random: np.random.Generator,
        shrink: float,
    ) -> None:
        self.image = image
        self.items: list[_Item] = []
        self._options, self._random, self._shrink = options, random, shrink
        self._owner = np.full(image.shape[:2], -1, np.int16)
        # Light comes from above, and from one side for the whole scene.
        self._light = random.uniform(0.1 * math.pi, 0.9 * math.pi)
        self._seen: list[int] = []
        self._whole: list[int] = []

    def add(self, foreground: Foreground, role: str) -> None:
        """Pastes a foreground within the limits of occlusion and truncation, or leaves it out."""
        how = self._options.blendings[int(self._random.integers(len(self._options.blendings)))]
        for attempt in range(self._options.attempts):
            matrix, draws = placement.random_matrix(
                self._random, foreground, self._options.frame, self._options, self._shrink
            )
            patch = placement.warped_alpha(foreground, matrix)
            patch = dataclasses.replace(patch, alpha=blending.edge(patch.alpha, how))
            mask = patch.alpha > 127
            cut = _cut(patch.corner, mask.shape, self._options.frame)
            total, whole = int(mask.sum()), mask[cut.patch]
            inside = int(whole.sum())
            if inside < max(_SMALLEST_AREA, (1 - self._options.max_truncation) * total):
                continue
            hidden = self._hidden(whole, cut)
            if hidden is None:
                continue
            self._claim(whole, cut, hidden, inside)
            draws = {"role": role, "source": foreground.path, "attempt": attempt, **draws}
            draws.update(self._paste(foreground, patch, cut, how))
            corner = (cut.scene[0].start, cut.scene[1].start)
            truncation = 1 - inside / total
            self.items.append(
                _Item(foreground, role == "foreground", matrix, whole, corner, truncation, draws)
            )
            return

    def _hidden(self, whole: np.ndarray, cut: _Cut) -> np.ndarray | None:
        """Pixels that each item would lose, or None if an object would lose too many."""
        covered = self._owner[cut.scene][whole]
        hidden = np.bincount(covered + 1, minlength=len(self.items) + 1)[1:]
        for item, lost, seen, area in zip(self.items, hidden, self._seen, self._whole, strict=True):
            if item.is_object and area - seen + lost > self._options.max_occlusion * area:
                return None
        return hidden

    def _claim(self, whole: np.ndarray, cut: _Cut, hidden: np.ndarray, area: int) -> None:
        self._owner[cut.scene][whole] = len(self.items)
        self._seen = [seen - int(lost) for seen, lost in zip(self._seen, hidden, strict=True)]
        self._seen.append(area)
        self._whole.append(area)

    def _paste(
        self, foreground: Foreground, patch: placement.Patch, cut: _Cut, how: Blending
    ) -> dict[str, Any]:
        match = self._random.uniform(*self._options.match)
        shadow = self._random_shadow(patch.alpha)
        if shadow:
            self._shade(patch, shadow)
        region, alpha = self.image[cut.scene], patch.alpha[cut.patch]
        corner = (cut.scene[1].start, cut.scene[0].start)
        colours = placement.warped_image(foreground, patch.matrix, corner, alpha.shape)
        colours = blending.matched(colours, alpha, region, match)
        draws: dict[str, Any] = {"blending": how, "match": match}
        if how == "poisson":
            colours, fault = blending.harmonised(colours, alpha, region)
            draws.update({"blending": "feathered", "fallback": fault} if fault else {})
        blending.mix(region, colours, alpha)
        return {**draws, "shadow": dict(shadow._asdict()) if shadow else None}

    def _random_shadow(self, alpha: Pixels) -> Shadow | None:
        chance, distance, softness, strength = self._random.random(4)
        if chance >= self._options.shadow:
            return None
        side = math.sqrt(alpha.size)
        distance = (0.02 + 0.06 * distance) * side
        x, y = math.cos(self._light) * distance, math.sin(self._light) * distance
        reach = max(1, round((0.04 + 0.08 * softness) * side))
        return Shadow(round(x), round(y), reach, 0.2 + 0.35 * strength)

    def _shade(self, patch: placement.Patch, shadow: Shadow) -> None:
        reach = shadow.reach
        alpha = np.pad(patch.alpha, reach)
        corner = (patch.corner[0] + shadow.x - reach, patch.corner[1] + shadow.y - reach)
        cut = _cut(corner, alpha.shape, self._options.frame)
        if self.image[cut.scene].size:
            blending.shade(self.image[cut.scene], alpha, cut.patch, shadow)

    def scene(self, background: Background, drawn: dict[str, Any]) -> Scene:
        """The scene as composed so far."""
        objects = []
        sources = {Source("background", background.path, background.sha256): None}
        for number, item in enumerate(self.items):
            role = item.draws["role"]
            sources[Source(role, item.foreground.path, item.foreground.sha256)] = None
            if item.is_object:
                whole = np.zeros(self._owner.shape, bool)
                rows, columns = item.corner
                height, width = item.whole.shape
                whole[rows : rows + height, columns : columns + width] = item.whole
                objects.append(
                    PlacedObject(
                        item.foreground.label,
                        self._owner == number,
                        whole,
                        item.matrix,
                        item.foreground.path,
                        item.truncation,
                    )
                )
        parameters = {**drawn, "light": self._light, "items": [item.draws for item in self.items]}
        made = composite_of([background.made, *(item.foreground.made for item in self.items)])
        return Scene(self.image, tuple(objects), tuple(sources), parameters, made)
