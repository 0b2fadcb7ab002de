"""How a file becomes a network's pixels: chosen once, stored in the model and in its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from kerasgen.io.channels import with_channels
from kerasgen.io.images import WHITE, PathLike, Pixels, read_image
from kerasgen.io.resizing import Fit, fit_image


@dataclass(frozen=True)
class Preprocessing:
    """Size, channels, fit and background of the pictures that a network takes.

    Files are turned upright as their EXIF data says, and resized with an antialiased Lanczos
    kernel of three lobes: in training (``read``) and by the signatures of an exported model alike.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 (grey) or 3 (RGB).
        fit: "crop" covers and cuts the centre, "pad" adds black, "stretch" ignores the proportions.
        background: Colour behind transparent pixels, RGB in [0, 255].

    Raises:
        ValueError: If a value is none of these.
    """

    height: int
    width: int
    channels: int = 3
    fit: Fit = "crop"
    background: tuple[int, int, int] = WHITE

    KERNEL: ClassVar[str] = "lanczos3"

    def __post_init__(self) -> None:
        """Checks the values."""
        whole = all(isinstance(each, int) for each in (self.height, self.width, *self.background))
        colour = len(self.background) == 3 and all(0 <= each <= 255 for each in self.background)
        fits = self.channels in (1, 3) and self.fit in ("crop", "pad", "stretch")
        if not (whole and colour and fits and self.height > 0 and self.width > 0):
            raise ValueError(
                "Sides must be positive integers, channels 1 or 3, fit crop, pad or stretch, and "
                f"the background three integers in [0, 255]. Received: {self}"
            )

    @classmethod
    def from_card(cls, entry: Mapping[str, Any]) -> Preprocessing:
        """Reads an entry that ``as_card`` wrote.

        Args:
            entry: The entry ``preprocessing`` of a model card.

        Raises:
            ValueError: If it misses something, or asks for another kernel.
        """
        known = dict(entry)
        kernel = known.pop("kernel", None)
        try:
            made = cls(**{**known, "background": tuple(known["background"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"Not a preprocessing. Received: {dict(entry)}") from error
        if kernel != cls.KERNEL:
            raise ValueError(f"The kernel must be {cls.KERNEL}. Received: kernel={kernel!r}")
        return made

    def as_card(self) -> dict[str, Any]:
        """The entry for a model card."""
        return {**asdict(self), "background": list(self.background), "kernel": self.KERNEL}

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    def read(self, path: PathLike) -> Pixels:
        """Reads a file.

        Args:
            path: A picture, see ``read_image``.

        Returns:
            ``[height, width, channels]`` uint8.

        Raises:
            ImageError: If the file is no readable picture.
        """
        return read_image(path, self.size, self.channels, self.fit, background=self.background)

    def apply(self, image: Pixels) -> Pixels:
        """Brings the pixels of an upright picture without transparency to size and channels.

        Args:
            image: ``[H, W, 1 | 3]`` uint8, of any size.

        Returns:
            ``[height, width, channels]`` uint8, the same as if it had been read from a PNG file.

        Raises:
            ImageError: If it is so thin that padding would leave nothing of it.
        """
        plain = with_channels(image, self.channels)
        if plain.shape[:2] == self.size:
            return plain
        picture = Image.fromarray(plain[..., 0] if self.channels == 1 else plain)
        return np.array(fit_image(picture, self.size, self.fit)).reshape(*self.size, self.channels)
