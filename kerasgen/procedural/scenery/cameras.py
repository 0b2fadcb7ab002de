"""A second domain for translation: scenes from a simulated camera, with realistic smoke or without.

Differences from `drawn_scenes` with `add_smoke` at its defaults:

- other scenes of the same kinds;
- smoke that is thicker, more turbulent, sharper at its edge, darker on its shaded side and more
  often grey, without even haze but nearly always with a veil; a quarter of the pictures have two;
- a camera that changes light and colour, blurs, adds noise and compresses as JPEG.
"""

import dataclasses

import numpy as np

from kerasgen.annotations.annotation import Annotation, tight_box
from kerasgen.data.random_streams import DrawingStream
from kerasgen.procedural.camera import CameraOptions, apply_camera
from kerasgen.procedural.scenery.drawing import drawn_scenes
from kerasgen.procedural.smoke.overlay import SmokeOptions, add_smoke, smoke_mask

CAMERA_SMOKE = SmokeOptions(
    plume=0.75,
    cloud=0.25,
    haze=0.0,
    white=0.35,
    grey=0.4,
    black=0.25,
    optical_depth=(8.0, 40.0),
    roughness=(0.9, 1.7),
    softness=(0.4, 1.5),
    ambient=(0.05, 0.35),
    veil=0.9,
    grain=(0.0, 0.0),
)
# Dark blobs and glare at the border, as in the defaults, could be mistaken for smoke.
CAMERA_OPTIONS = CameraOptions(
    blur=(0.25, 0.6),
    noise=(1.0, 4.0),
    colour_cast=(0.0, 0.08),
    exposure=(0.8, 1.1),
    saturation=(0.6, 1.0),
    occlusion=0.0,
)

_TWO_SMOKES = 0.25


@dataclasses.dataclass(frozen=True, eq=False)
class CameraScenes:
    """N pictures from a simulated camera, with the density of their smoke."""

    images: np.ndarray  # [N, S, S, 3] uint8, with smoke, from the camera
    clean: np.ndarray  # [N, S, S, 3] uint8, the same scenes without smoke, by the same camera
    density: np.ndarray  # [N, S, S] float32 in [0, 1), share of the light that smoke hides

    def annotation(
        self, index: int, label: int | None = None, threshold: float = 0.1
    ) -> Annotation:
        """Returns the mask of one picture's smoke and its box, see `smoke.smoke_mask`."""
        mask = smoke_mask(self.density[index], threshold)
        return Annotation(label, tight_box(mask), mask)


def camera_scenes(
    count: int, seed: int, size: int = 64, first_index: int = 0, *, smoky: bool = True
) -> CameraScenes:
    """Draws scenes and applies a simulated cheap camera.

    Args:
        count: Number of pictures, N.
        seed: Not negative.
        size: Side S of the pictures in pixels, at least 16.
        first_index: Index of the first picture in the endless series of `seed`.
        smoky: Whether to add smoke; clean pictures show other scenes than smoky ones.

    Returns:
        N pictures, k a function of `(seed, first_index + k, size, smoky)`. Without smoke `images`
        are `clean` and `density` is 0.

    Raises:
        ValueError: If an argument is out of its range.
    """
    stream = DrawingStream.SMOKY_SCENES if smoky else DrawingStream.CLEAN_SCENES
    scenes = drawn_scenes(count, seed, size, first_index, stream)
    density = np.zeros(scenes.shape[:3], np.float32)
    clean = apply_camera(scenes, CAMERA_OPTIONS, seed, first_index)
    if not smoky:
        return CameraScenes(clean, clean, density)
    for k in range(count):
        scenes[k], density[k] = _with_smoke(scenes[k], seed, first_index + k)
    return CameraScenes(apply_camera(scenes, CAMERA_OPTIONS, seed, first_index), clean, density)


def _with_smoke(scene: np.ndarray, seed: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, DrawingStream.SMOKY_SCENES, index, 1])
    smoky = add_smoke(scene, int(rng.integers(2**62)), CAMERA_SMOKE)
    if rng.random() >= _TWO_SMOKES:
        return smoky.image, smoky.density
    # The second smoke may change the picture only a little.
    options = dataclasses.replace(CAMERA_SMOKE, least_change=0.0)
    nearer = add_smoke(smoky.image, int(rng.integers(2**62)), options)
    return nearer.image, 1 - (1 - smoky.density) * (1 - nearer.density)
