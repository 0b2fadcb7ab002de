"""Which of IPTC's digital source types a picture has.

The vocabulary: http://cv.iptc.org/newscodes/digitalsourcetype/, as of October 2024.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kerasgen.annotations.dossier.signing import manifest_types
from kerasgen.io.files import access_to, write_file
from kerasgen.io.images import Pixels
from kerasgen.io.sheets import encode_png
from kerasgen.io.xmp import is_signed, source_type, with_source_type

GENERATED = "trainedAlgorithmicMedia"
EDITED = "compositeWithTrainedAlgorithmicMedia"
DRAWN = "algorithmicMedia"
CAPTURED = "digitalCapture"
COMPOSITE = "composite"
COMPOSITE_CAPTURE = "compositeCapture"
COMPOSITE_GENERATED = "compositeSynthetic"

TERMS = {
    CAPTURED: "captured from real life with a digital camera",
    "computationalCapture": "merged from several frames of real life by the camera",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a slide",
    "print": "scanned from a print",
    "humanEdits": "edited by people without generative tools",
    "algorithmicallyEnhanced": "corrected by an algorithm that leaves the content as it was",
    "digitalCreation": "made by people with non-generative tools",
    "dataDrivenMedia": "a display of data",
    GENERATED: "made by a model trained on sampled content",
    DRAWN: "made by an algorithm that learned from no sampled content",
    "screenCapture": "captured from a screen",
    "virtualRecording": "recorded from a virtual event",
    COMPOSITE: "a mix of several elements, not all captured from real life",
    COMPOSITE_CAPTURE: "a mix of several elements that are all captured from real life",
    COMPOSITE_GENERATED: "a mix of several elements, at least one of which is generated",
    EDITED: "an existing picture changed by a trained model",
}
"""What each term means, after IPTC's definitions; retired terms are left out."""

_GENERATIVE = {GENERATED, EDITED, COMPOSITE_GENERATED}
SYNTHETIC = {*_GENERATIVE, DRAWN}
"""Types of pictures that were never captured from real life as they are."""

_CAPTURES = {
    CAPTURED,
    "computationalCapture",
    "negativeFilm",
    "positiveFilm",
    "print",
    COMPOSITE_CAPTURE,
}


def composite_of(elements: Iterable[str | None]) -> str:
    """The digital source type of a picture that is composed of others by rule.

    Smoke drawn by rule over a photograph is a ``composite``: ``compositeSynthetic`` would claim
    generative AI, and ``algorithmicallyEnhanced`` that the content is as it was.

    Args:
        elements: The type of each element; None, of a file that states none, counts as a
            photograph.

    Returns:
        The term.
    """
    types = {CAPTURED if each is None else each for each in elements}
    if types & _GENERATIVE:
        return COMPOSITE_GENERATED
    if types <= _CAPTURES:
        return COMPOSITE_CAPTURE
    return DRAWN if types == {DRAWN} else COMPOSITE


def stated_type(content: bytes) -> str | None:
    """The digital source type that a picture states in its XMP, or else in its signed manifest.

    Args:
        content: The bytes of the file.

    Returns:
        The term; None if it states none, or only a manifest does and ``c2pa-python`` is missing.
    """
    stated = source_type(content)
    if stated is None and is_signed(content):
        # Those of the elements of the picture are among them.
        types = manifest_types(content)
        return types.pop() if len(types) == 1 else composite_of(types) if types else None
    return stated


def type_of_file(path: Path) -> str | None:
    """The digital source type of a picture that others are made from.

    Args:
        path: The file.

    Returns:
        What it states, see ``stated_type``. A signed picture whose manifest cannot be read is a
        ``composite``: it may be generated. None if the file states nothing.

    Raises:
        ValueError: If the file cannot be read.
    """
    with access_to(path):
        content = path.read_bytes()
    return stated_type(content) or (COMPOSITE if is_signed(content) else None)


def save_sheet(path: Path, pixels: Pixels, shown: Iterable[Path]) -> None:
    """Writes a sheet of pictures as PNG, atomically, with the type that follows from theirs.

    Args:
        path: The file.
        pixels: The sheet, ``[H, W, 3]`` uint8.
        shown: The files of the pictures on it.

    Raises:
        ValueError: If a file cannot be read or written.
    """
    made = composite_of(map(type_of_file, shown))
    write_file(path, with_source_type(encode_png(pixels), made))
