"""Draws the rooms of kerasgen, floor on floor, as ``pictures/house.svg``.

    python docs/draw_house.py

The colours are readable on light and on dark pages.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

PICTURE = Path(__file__).parent / "pictures" / "house.svg"

FLOORS: list[dict[str, str]] = [
    {"io": "files, pictures, sheets, processes"},
    {"annotations": "what is known of a picture, and the files that say it"},
    {"data": "pictures for learning: splits, batches, augmentation"},
    {
        "procedural": "pictures drawn by rule",
        "compositing": "cut-out objects on backgrounds",
        "training": "players, steps, trainer, losses",
    },
    {
        "cgan": "new pictures of a class",
        "refiner": "renders look real",
        "cyclegan": "one domain to another",
        "classifier": "class of a picture",
        "autoencoder": "own feature space",
    },
    {
        "evaluation": "does it differ, does it help?",
        "deployment": "SavedModels, served and called",
    },
    {
        "zoo": "named models with weights and cards",
        "pipelines": "the jobs on many machines, with Beam",
    },
    {"cli": "the kerasgen command"},
]
"""From the ground up; each room with what it holds."""

_FILLS = "#cfd8dc #b2dfdb #b2dfdb #c8e6c9 #ffe0b2 #f8bbd0 #d1c4e9 #d1c4e9".split()
_WIDTH, _HEIGHT, _GAP, _ROOF = 880, 62, 8, 70
_FONT = 'font-family="system-ui, sans-serif" text-anchor="middle" fill="#1b2a30"'


def house() -> str:
    """The drawing as SVG text."""
    total = _ROOF + len(FLOORS) * (_HEIGHT + _GAP)
    middle = _WIDTH / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {total}" role="img">',
        "<title>A room imports only from the rooms below it</title>",
        f'<path d="M{middle} 4 L{_WIDTH - 4} {_ROOF - _GAP} L4 {_ROOF - _GAP} Z" fill="#00796b"/>',
        f'<text x="{middle}" y="{_ROOF - 20}" font-size="20" font-weight="bold" '
        'font-family="system-ui, sans-serif" text-anchor="middle" fill="#ffffff">kerasgen</text>',
    ]
    for number, (rooms, fill) in enumerate(zip(FLOORS, _FILLS, strict=True)):
        y = total - (number + 1) * (_HEIGHT + _GAP) + _GAP
        width = (_WIDTH - _GAP * (len(rooms) - 1)) / len(rooms)
        for position, (name, holds) in enumerate(rooms.items()):
            parts += _room(position * (width + _GAP), y, width, fill, name, holds)
    return "\n".join([*parts, "</svg>", ""])


def _room(x: float, y: float, width: float, fill: str, name: str, holds: str) -> list[str]:
    centre = x + width / 2
    return [
        f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{_HEIGHT}" rx="6" fill="{fill}"/>',
        f'<text x="{centre:g}" y="{y + 27}" font-size="17" font-weight="bold" {_FONT}>'
        f"{escape(name)}</text>",
        f'<text x="{centre:g}" y="{y + 47}" font-size="13.5" {_FONT}>{escape(holds)}</text>',
    ]


if __name__ == "__main__":
    PICTURE.write_text(house(), encoding="utf-8")
