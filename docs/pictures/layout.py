"""Layout of the documentation's pictures: tiles with captions on a dark card.

A dark card looks the same on a white and on a dark page, and a JPEG of it is small.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

Tile = np.ndarray | str
"""A picture ``[H, W, 1 | 3 | 4]`` uint8, or a word."""

_PAPER, _INK, _DIM, _SOFT = (18, 24, 29), (235, 241, 244), (159, 176, 186), (36, 46, 53)
_ACCENT = (108, 195, 224)
_MARGIN, _GAP, _ARROW, _BETWEEN = 32, 8, 32, 44
_TITLE, _CAPTION, _ROW = 34, 23, 21
"""Heights of letters; a page of a code host shows the card at about half its size."""

_LARGEST = 150_000
"""Most bytes of a file."""


@dataclass(frozen=True)
class Panel:
    """Columns of tiles below a title.

    Attributes:
        title: Above the columns; empty for none.
        columns: Caption to tiles, from left to right.
        arrows: Whether an arrow leads from each column to the next.
    """

    title: str
    columns: Mapping[str, Sequence[Tile]]
    arrows: bool = True

    @property
    def gap(self) -> int:
        """Pixels between two columns."""
        return _ARROW if self.arrows else _GAP

    def width(self, side: int) -> int:
        """Width in pixels for tiles of some side."""
        return len(self.columns) * (side + self.gap) - self.gap


def card(panels: Sequence[Panel], side: int) -> Image.Image:
    """Panels side by side.

    Args:
        panels: From left to right.
        side: Side of a tile in pixels.

    Returns:
        The picture.
    """
    rows = max(len(tiles) for panel in panels for tiles in panel.columns.values())
    titled = any(panel.title for panel in panels)
    small = _CAPTION if titled else _ROW - 3
    head = titled * (_TITLE + 18) + small + 14
    width = sum(panel.width(side) + _BETWEEN for panel in panels) - _BETWEEN + 2 * _MARGIN
    height = 2 * _MARGIN + head + rows * (side + _GAP) - _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    left, top = _MARGIN, _MARGIN + head
    for panel in panels:
        pen.text((left, _MARGIN - 8), panel.title, _INK, _font(_TITLE))
        for number, (caption, tiles) in enumerate(panel.columns.items()):
            x = left + number * (side + panel.gap)
            pen.text((x, top - small - 12), caption, _DIM, _font(small))
            for row, tile in enumerate(tiles):
                y = top + row * (side + _GAP)
                _paste(sheet, tile, (x, y), side)
                if panel.arrows and number:
                    _arrow(pen, x - panel.gap // 2, y + side // 2)
        left += panel.width(side) + _BETWEEN
    return sheet


def rows(sets: Mapping[str, Sequence[Tile]], side: int) -> Image.Image:
    """Rows of tiles, each with a caption on its left.

    Args:
        sets: Caption to tiles, from top to bottom; a caption may have several lines.
        side: Side of a tile in pixels.

    Returns:
        The picture.
    """
    font = _font(_ROW)
    lines = [line for caption in sets for line in caption.split("\n")]
    left = _MARGIN + round(max(font.getlength(line) for line in lines)) + 24
    columns = max(len(tiles) for tiles in sets.values())
    width = left + columns * (side + _GAP) - _GAP + _MARGIN
    height = 2 * _MARGIN + len(sets) * (side + _GAP) - _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, (caption, tiles) in enumerate(sets.items()):
        y = _MARGIN + row * (side + _GAP)
        middle = (_MARGIN, y + side // 2)
        pen.multiline_text(middle, caption, _INK, font, anchor="lm", spacing=6)
        for column, tile in enumerate(tiles):
            _paste(sheet, tile, (left + column * (side + _GAP), y), side)
    return sheet


def mosaic(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Pictures ``[N, H, W, C]`` uint8 in rows, as one ``[H', W', 3]``; N a multiple of columns."""
    height, width = images.shape[1:3]
    down = len(images) // columns
    shape = (down * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, _SOFT, np.uint8)
    for index, image in enumerate(images):
        y, x = index // columns * (height + gap), index % columns * (width + gap)
        sheet[y : y + height, x : x + width] = image
    return sheet


def jpeg(picture: Image.Image) -> bytes:
    """The best JPEG of at most 150,000 bytes."""
    for quality in range(92, 40, -4):
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True, progressive=True)
        if stream.tell() <= _LARGEST:
            return stream.getvalue()
    raise ValueError(f"Too large for {_LARGEST} bytes. Received: size={picture.size}")


def _paste(sheet: Image.Image, tile: Tile, corner: tuple[int, int], side: int) -> None:
    # Twice as large, for smooth corners.
    mask = Image.new("L", (2 * side, 2 * side), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 2 * side - 1, 2 * side - 1), 16, fill=255)
    shown = _word(tile, side) if isinstance(tile, str) else _picture(tile, side)
    sheet.paste(shown, corner, mask.resize((side, side), Resampling.LANCZOS))


def _picture(pixels: np.ndarray, side: int) -> Image.Image:
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    picture = Image.fromarray(pixels)
    whole = max(1, side // picture.width)
    # Small pixels first grow by a whole factor: they stay crisp.
    if whole > 2:
        size = (whole * picture.width, whole * picture.height)
        picture = picture.resize(size, Resampling.BICUBIC)
    picture = picture.resize((side, side), Resampling.LANCZOS)
    if picture.mode == "RGB":
        return picture
    under = Image.new("RGB", (side, side), _SOFT)
    under.paste(picture, (0, 0), picture)
    return under


def _word(text: str, side: int) -> Image.Image:
    tile = Image.new("RGB", (side, side), _SOFT)
    font = _font(_CAPTION + 1)
    ImageDraw.Draw(tile).text((side / 2, side / 2), text, _INK, font, anchor="mm", align="center")
    return tile


def _arrow(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    pen.line((x - 9, y, x + 6, y), _ACCENT, 3)
    pen.polygon([(x + 3, y - 6), (x + 11, y), (x + 3, y + 6)], _ACCENT)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
