"""Speed of scene composition, compared with a plain Pillow and numpy loop that does the same work.

    python benchmarks/compose.py

The plain loop reads all random parameters from the folder that kerasgen wrote, and does the same
work the usual way: it opens the background, crops and resizes it; shrinks each foreground with
antialiasing and warps it to the size of the scene (``Image.transform``, perspective, bicubic);
blurs the edge, matches colours, adds the shadow and mixes in float on the whole scene; keeps masks
of whole scenes; and writes PNGs at the same compression and a JSON row each. It does not sample
parameters or search for positions, computes no hashes, cannot be resumed and writes no COCO file,
as kerasgen does.

Both are timed as whole jobs, starting their processes included, in alternating blocks, so that a
drift of the machine affects both. Poisson blending and distractors are off: the former takes far
longer the usual way, at full size, and the latter's matrices are not in the folder. Printed: the
ratio of pictures per second on two processes and on one, and how far the pictures differ.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from PIL import Image, ImageFilter
from pycocotools import mask as masks

from kerasgen.annotations import ManifestRow, read_manifest
from kerasgen.compositing import (
    Backgrounds,
    Foreground,
    SceneOptions,
    compose_folder,
    read_foregrounds,
)
from kerasgen.io import read_image, save_png
from kerasgen.procedural.garments import GARMENTS, drawn_backgrounds, drawn_garments

FLAGS = flags.FLAGS
flags.DEFINE_integer("scenes", 200, "Scenes in a timed block.", 8)
flags.DEFINE_integer("rounds", 5, "Rounds of blocks.", 1)
flags.DEFINE_integer("size", 256, "Side of the scenes in pixels.", 64)
flags.DEFINE_list("workers", ["2", "1"], "Numbers of processes to compare on.")

COMPRESSION = 1
LARGEST_DIFFERENCE = 3.0
SMALLEST_OVERLAP = 0.97


@dataclass(frozen=True)
class Job:
    """What the plain loop needs to know about all scenes."""

    backgrounds: Path
    foregrounds: dict[str, Foreground]
    size: int
    out: Path


@dataclass(frozen=True)
class Placed:
    """A foreground in a scene, as kerasgen placed it."""

    source: str
    label: int
    matrix: np.ndarray
    draws: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """One scene."""

    index: int
    background: str
    part: tuple[int, int, int, int]
    flip: bool
    placed: tuple[Placed, ...]


def recipe_of(row: ManifestRow) -> Recipe:
    """All random parameters of a scene."""
    (background,) = (source.path for source in row.sources if source.role == "background")
    drawn = row.parameters["background"]
    placed = tuple(
        Placed(item.source, item.label, item.matrix, draws)
        for item, draws in zip(row.objects, row.parameters["items"], strict=True)
    )
    return Recipe(row.index, background, tuple(drawn["part"]), drawn["flip"], placed)


def plain_scene(job: Job, recipe: Recipe) -> None:
    """Composes and writes one scene."""
    scene = plain_background(job, recipe)
    wholes: list[np.ndarray] = []
    visible: list[np.ndarray] = []
    for placed in recipe.placed:
        foreground = job.foregrounds[placed.source]
        colours, alpha = plain_warp(foreground, placed.matrix, job.size)
        alpha = plain_edge(alpha, placed.draws["blending"])
        inside = np.asarray(alpha) > 127
        if placed.draws["shadow"]:
            scene = plain_shadow(scene, alpha, placed.draws["shadow"])
        colours = plain_match(colours, scene, inside, placed.draws["match"])
        share = np.asarray(alpha, np.float32)[..., None] / 255
        scene = np.rint(colours * share + scene * (1 - share))
        visible = [seen & ~inside for seen in visible]
        wholes.append(inside)
        visible.append(inside)
    name = f"{recipe.index:06}"
    picture = Image.fromarray(scene.clip(0, 255).astype(np.uint8))
    picture.save(job.out / f"{name}.png", compress_level=COMPRESSION)
    objects = [
        {
            "label": placed.label,
            "source": placed.source,
            "matrix": placed.matrix.tolist(),
            "box": plain_box(seen),
            "visible": run_lengths(seen),
            "whole": run_lengths(whole),
            **placed.draws,
        }
        for placed, seen, whole in zip(recipe.placed, visible, wholes, strict=True)
    ]
    row = {"file_name": f"{name}.png", "background": recipe.background, "objects": objects}
    (job.out / f"{name}.json").write_text(json.dumps(row))


def plain_background(job: Job, recipe: Recipe) -> np.ndarray:
    """`[S, S, 3]` float32."""
    x, y, width, height = recipe.part
    with Image.open(job.backgrounds / recipe.background) as image:
        part = image.convert("RGB").crop((x, y, x + width, y + height))
    how = Image.Resampling.BOX if height > job.size else Image.Resampling.BILINEAR
    part = part.resize((job.size, job.size), how)
    if recipe.flip:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(part, np.float32)


def plain_warp(
    foreground: Foreground, matrix: np.ndarray, size: int
) -> tuple[np.ndarray, Image.Image]:
    """Colours `[S, S, 3]` float32 and soft mask, both as large as the scene."""
    cut = Image.fromarray(np.dstack([foreground.image, foreground.alpha]))
    from_cut = matrix @ np.linalg.inv(foreground.matrix)
    x, y, weight = from_cut @ (cut.width / 2, cut.height / 2, 1.0)
    steps = (from_cut[:2, :2] - np.outer((x / weight, y / weight), from_cut[2, :2])) / weight
    across, down = np.minimum(1.0, np.linalg.norm(steps, axis=0))
    small = (max(1, round(cut.width * across)), max(1, round(cut.height * down)))
    scale = np.diag([cut.width / small[0], cut.height / small[1], 1.0])
    # Each channel alone: Pillow would multiply colours by the mask, kerasgen extends them.
    planes = [plane.resize(small, Image.Resampling.BOX) for plane in cut.split()]
    back = np.linalg.inv(from_cut @ scale)
    warped = Image.merge("RGBA", planes).transform(
        (size, size),
        Image.Transform.PERSPECTIVE,
        (back / back[2, 2]).ravel()[:8].tolist(),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(warped, np.float32)[..., :3], warped.getchannel("A")


def plain_edge(alpha: Image.Image, blending: str) -> Image.Image:
    """The soft mask for one way of blending."""
    if blending == "hard":
        return alpha.point(lambda level: 255 * (level > 127))
    return alpha.filter(ImageFilter.GaussianBlur(1)) if blending == "feathered" else alpha


def plain_shadow(scene: np.ndarray, alpha: Image.Image, shadow: dict[str, Any]) -> np.ndarray:
    """The scene, darker."""
    moved = Image.new("L", alpha.size)
    moved.paste(alpha, (shadow["x"], shadow["y"]))
    # Two boxes make the triangle with which kerasgen blurs.
    for _ in range(2):
        moved = moved.filter(ImageFilter.BoxBlur(shadow["reach"] / 2))
    light = 1 - shadow["strength"] * np.asarray(moved, np.float32)[..., None] / 255
    return np.rint(scene * light)


def plain_match(
    colours: np.ndarray, scene: np.ndarray, inside: np.ndarray, share: float
) -> np.ndarray:
    """The object's colours, shifted partly towards the scene's."""
    own, other = colours[inside], scene[inside]
    difference = other.mean(axis=0) - own.mean(axis=0)
    brightness = difference.mean()
    shift = share * np.clip(brightness + 0.5 * (difference - brightness), -64, 64)
    ratio = (other.std(axis=0).mean() + 1) / (own.std(axis=0).mean() + 1)
    gain = 1 + 0.5 * share * (min(2.0, max(0.5, float(ratio))) - 1)
    mean = own.mean(axis=0)
    return np.clip(np.rint((colours - mean) * gain + mean + shift), 0, 255)


def plain_box(mask: np.ndarray) -> list[int] | None:
    """The smallest box around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def run_lengths(mask: np.ndarray) -> str:
    """COCO's, compressed."""
    return masks.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


_job: Job


def _begin(job: Job) -> None:
    global _job
    _job = job


def _make(recipe: Recipe) -> None:
    plain_scene(_job, recipe)


def plain_folder(job: Job, recipes: Sequence[Recipe], workers: int) -> None:
    """All scenes, on a pool of processes or in this one."""
    job.out.mkdir(parents=True)
    if workers == 1:
        for recipe in recipes:
            plain_scene(job, recipe)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _begin, (job,)) as pool:
        pool.map(_make, recipes, chunksize=max(1, min(16, len(recipes) // (4 * workers))))


def check_alike(ours: Path, theirs: Path, rows: Sequence[ManifestRow]) -> tuple[float, float]:
    """Mean difference of the pictures in levels, and mean overlap of the masks.

    Raises:
        ValueError: If the plain loop's pictures differ.
    """
    differences, overlaps = [], []
    for row in rows:
        pictures = (read_image(ours / row.file_name), read_image(theirs / f"{row.index:06}.png"))
        differences.append(np.abs(np.subtract(*pictures, dtype=np.int16)).mean())
        written = json.loads((theirs / f"{row.index:06}.json").read_text())
        for item, other in zip(row.objects, written["objects"], strict=True):
            encoded = {"size": [row.height, row.width], "counts": other["visible"].encode()}
            seen = masks.decode(encoded) > 0
            union = (seen | item.visible).sum()
            overlaps.append((seen & item.visible).sum() / union if union else 1.0)
    difference, overlap = float(np.mean(differences)), float(np.mean(overlaps))
    if difference > LARGEST_DIFFERENCE or overlap < SMALLEST_OVERLAP:
        raise ValueError(f"Not the same work. Received: {difference=:.2f}, {overlap=:.3f}")
    return difference, overlap


def draw_material(root: Path) -> None:
    """Garments and floors, as files."""
    batch = drawn_garments(100, 0, size=256)
    for index, (image, label) in enumerate(zip(batch.foregrounds, batch.labels, strict=True)):
        save_png(root / "foregrounds" / GARMENTS[label] / f"{index:03}.png", image)
    for index, image in enumerate(drawn_backgrounds(30, 0, size=384)):
        save_png(root / "backgrounds" / f"{index:03}.png", image)


def compare(root: Path, workers: int) -> None:
    """Times rounds of blocks and prints the ratio."""
    foregrounds, _ = read_foregrounds(root / "foregrounds")
    options = SceneOptions(
        size=FLAGS.size, distractors=(0, 0), blendings=("hard", "soft", "feathered")
    )
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    alike = (math.nan, math.nan)
    # The first round warms up and is not counted.
    for number in range(-1, FLAGS.rounds):
        out = root / f"{workers}-{number}"
        start = time.perf_counter()
        compose_folder(
            foregrounds,
            Backgrounds.from_folder(root / "backgrounds"),
            out / "ours",
            FLAGS.scenes,
            class_names=sorted(GARMENTS),
            options=options,
            seed=number + 1,
            workers=workers,
        )
        ours = time.perf_counter() - start
        rows = read_manifest(out / "ours")
        recipes = [recipe_of(row) for row in rows]
        sources = {item.path: item for item in foregrounds}
        job = Job(root / "backgrounds", sources, FLAGS.size, out / "plain")
        start = time.perf_counter()
        plain_folder(job, recipes, workers)
        plain = time.perf_counter() - start
        if number < 0:
            alike = check_alike(out / "ours", job.out, rows)
        else:
            seconds["ours"].append(ours)
            seconds["plain"].append(plain)
    ratios = np.divide(seconds["plain"], seconds["ours"])
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    rates = {name: FLAGS.scenes / np.median(values) for name, values in seconds.items()}
    print(
        f"{workers} process(es): {middle:.2f} times the pictures per second "
        f"[{low:.2f}, {high:.2f}]; here {rates['ours']:.1f} against {rates['plain']:.1f}; "
        f"pictures differ by {alike[0]:.2f} levels, masks overlap to {alike[1]:.3f}",
        flush=True,
    )


def main(arguments: list[str]) -> None:
    """One line for each number of processes."""
    del arguments
    print(
        f"median [quartiles] of {FLAGS.rounds} rounds of {FLAGS.scenes} scenes, "
        f"{FLAGS.size} x {FLAGS.size}"
    )
    with tempfile.TemporaryDirectory() as folder:
        draw_material(Path(folder))
        for workers in FLAGS.workers:
            compare(Path(folder), int(workers))


if __name__ == "__main__":
    app.run(main)
