"""Sheets of the scenes of a folder, without and with their annotations."""

import colorsys
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kerasgen.annotations.dossier import save_sheet
from kerasgen.annotations.manifest import manifest_rows
from kerasgen.annotations.records import PlacedObject
from kerasgen.io.images import PathLike, Pixels, read_image
from kerasgen.io.sheets import contact_sheet

SHEET, MASKS_SHEET = "sheet.png", "sheet_masks.png"

_SHOWN, _COLUMNS = 24, 6
_LARGEST = 256


def save_sheets(folder: PathLike, class_names: Sequence[str]) -> list[Path]:
    """Writes ``sheet.png``, the first 24 scenes, and ``sheet_masks.png``, with annotations.

    Args:
        folder: A finished folder of scenes.
        class_names: The names of labels 0, 1, ...

    Returns:
        The files; none if no scene was accepted.

    Raises:
        ValueError: If the folder cannot be read or written.
    """
    root = Path(folder)
    plain, annotated, shown = [], [], []
    for row in itertools.islice(manifest_rows(root), _SHOWN):
        image = read_image(root / row.file_name)
        shown.append(root / row.file_name)
        plain.append(_small(image))
        annotated.append(_small(draw_objects(image, row.objects, class_names)))
    if not plain:
        return []
    for name, images in ((SHEET, plain), (MASKS_SHEET, annotated)):
        save_sheet(root / name, contact_sheet(np.stack(images), _COLUMNS), shown)
    return [root / SHEET, root / MASKS_SHEET]


def draw_objects(
    image: Pixels, objects: Sequence[PlacedObject], class_names: Sequence[str]
) -> Pixels:
    """Draws outline, box and class of each visible object, in one colour per class.

    Args:
        image: ``[H, W, 3]`` uint8 in [0, 255]; unchanged.
        objects: With masks of its size.
        class_names: The names of labels 0, 1, ...

    Returns:
        ``[H, W, 3]`` uint8.
    """
    drawn = Image.fromarray(image)
    pen = ImageDraw.Draw(drawn, "RGBA")
    font = ImageFont.load_default()
    for placed in objects:
        box = placed.box
        if box is None:
            continue
        colour = _colour(placed.label, len(class_names))
        seen = placed.visible.astype(np.uint8)
        outlines, _ = cv2.findContours(seen, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for points in outlines:
            pen.point([tuple(point) for point in points[:, 0].tolist()], (*colour, 255))
        x0, y0, x1, y1 = box
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=(*colour, 160))
        name = class_names[placed.label]
        corner = (x0 + 2, y0 + 1)
        pen.rectangle(pen.textbbox(corner, name, font), (0, 0, 0, 150))
        pen.text(corner, name, (*colour, 255), font)
    return np.array(drawn)


def _colour(label: int, count: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(label / max(1, count), 0.75, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _small(image: Pixels) -> Pixels:
    ratio = _LARGEST / max(image.shape[:2])
    if ratio >= 1:
        return image
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
