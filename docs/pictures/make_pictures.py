"""Makes the pictures of the documentation, at most 150 KB each.

    python docs/pictures/make_pictures.py
    python docs/pictures/make_pictures.py before_after smoke --eyes saved_models/my_refiner/1

Everything that they show is drawn by rule or comes from a model of the zoo; README.md lists them.
A picture of a model that is not there is left out, with a line that says so. The screenshots need
Chromium.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from layout import Panel, card, jpeg, mosaic, rows
from pages import compare_page, prove_page, screenshot
from PIL import Image, ImageDraw, ImageFont

import kerasgen
from kerasgen.annotations import PlacedObject
from kerasgen.io import save_png, to_uint8, write_file
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.procedural.garments import GARMENTS, drawn_backgrounds, drawn_garments
from kerasgen.procedural.scenery import camera_scenes, drawn_scenes
from kerasgen.procedural.smoke import add_smoke

HERE = Path(__file__).parent
Models = Mapping[str, str]

_TINTS = ((255, 122, 122), (120, 220, 140), (110, 190, 255), (255, 205, 90), (215, 150, 255))


def before_after(models: Models) -> dict[str, bytes]:
    """The first picture of the README: four families, before and after."""
    rendered = rendered_eyes(6, 33).images[[5, 2]]
    classes, pictures = class_mosaics(models["fashion"], ("Dress", "Sneaker"))
    composed = scenes(count=2, named=False)
    clean, smoky, density = smoke([6, 3])
    panels = [
        Panel(
            "Refine renders",
            {"rendered": rendered, "refined": refined(models["eyes"], rendered, [42, 2])},
        ),
        Panel("Generate pictures", {"class": classes, "pictures": pictures}),
        Panel(
            "Compose scenes",
            {"cut-outs": composed.cut_outs, "with masks": composed.annotated},
        ),
        Panel("Add smoke", {"clean": clean, "smoky": smoky, "its density": density}),
    ]
    return {"before_after.jpg": jpeg(card(panels, 140))}


def refiner(models: Models) -> dict[str, bytes]:
    """Rendered eyes, three refined versions of each, and eyes as a simulated camera sees them."""
    rendered = rendered_eyes(8, 33).images
    sets = {"rendered\nby rule": rendered}
    for number, name in enumerate(("refined", "in another\nstyle", "and another")):
        seeds = [37 * number + index for index in range(8)]
        sets[name] = refined(models["eyes"], rendered, seeds)
    sets["by a simulated\ncamera (target)"] = camera_eyes(8, 34).images
    return {"refiner.jpg": jpeg(rows(sets, 128))}


def cgan(models: Models) -> dict[str, bytes]:
    """One column for each class of a generator; a row has one seed."""
    served = kerasgen.ServedModel(models["fashion"])
    columns = {
        name: to_uint8(served.generate(range(6), [label] * 6))
        for label, name in enumerate(served.class_names)
    }
    return {"cgan.jpg": jpeg(card([Panel("", columns, arrows=False)], 112))}


def compositing(models: Models) -> dict[str, bytes]:
    """Cut-outs, scenes, and the masks, boxes and classes that come with them."""
    found = scenes()
    sets = {
        "cut-outs": found.cut_outs,
        "scenes": found.pictures,
        "masks, boxes\nand classes": found.annotated,
    }
    return {"compositing.jpg": jpeg(rows(sets, 232))}


def smoke_by_rule(models: Models) -> dict[str, bytes]:
    """Clean scenes, the same with smoke, and the share of light that it hides."""
    clean, smoky, density = smoke([1, 2, 3, 6, 9, 10])
    sets = {"clean": clean, "smoke drawn\nby rule": smoky, "its exact\ndensity": density}
    return {"smoke.jpg": jpeg(rows(sets, 192))}


def translator(models: Models) -> dict[str, bytes]:
    """What the smoke model of the zoo makes of drawn smoke, or of clean pictures."""
    served = kerasgen.ServedModel(models["smoke"])
    side = served.form.height
    clean = drawn_scenes(10, 0, side)[[1, 2, 3, 6, 9]]
    overlay = np.stack([add_smoke(each, 0, index=k).image for k, each in enumerate(clean)])
    found = served.change(list(overlay), range(len(overlay)))
    sets = {"smoke drawn\nby rule": overlay, "refined by\nthe network": to_uint8(found["picture"])}
    if "change" in found:
        sets["where it\nchanged it"] = np.rint(255 * found["change"]).astype(np.uint8)
    sets["by a simulated\ncamera (target)"] = camera_scenes(5, 7, side).images
    return {"translator.jpg": jpeg(rows(sets, 192))}


def drawn(models: Models) -> dict[str, bytes]:
    """A contact sheet of what kerasgen draws by rule."""
    sets = {
        "eyes, rendered": rendered_eyes(10, 5, 128).images,
        "simulated camera": camera_eyes(10, 6, 128).images,
        "garments": drawn_garments(10, 7, 128).images,
        "cut-outs": drawn_garments(10, 8, 128).foregrounds,
        "floors and walls": drawn_backgrounds(10, 9, 128),
        "rooms and streets": drawn_scenes(10, 10, 128),
        "smoke, simulated\ncamera": camera_scenes(10, 12, 128).images,
    }
    return {"drawn_by_rule.jpg": jpeg(rows(sets, 128))}


def pages(models: Models) -> dict[str, bytes]:
    """Both report pages, in light and in dark."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, page in (("compare", compare_page), ("prove", prove_page)):
            path = page(Path(folder) / name)
            for scheme in ("light", "dark"):
                found[f"{name}_{scheme}.png"] = screenshot(path, scheme)
    return found


def refined(model: str, images: np.ndarray, seeds: list[int]) -> np.ndarray:
    """A refiner's versions of pictures, ``[N, H, W, 3]`` uint8; a seed picks the style."""
    return to_uint8(kerasgen.ServedModel(model).change(list(images), seeds)["picture"])


def class_mosaics(model: str, wanted: tuple[str, ...]) -> tuple[list[str], list[np.ndarray]]:
    """Names of some classes of a generator, and nine pictures of each."""
    served = kerasgen.ServedModel(model)
    names = served.class_names
    labels = [names.index(name) if name in names else k for k, name in enumerate(wanted)]
    pictures = [to_uint8(served.generate(range(20, 29), [label] * 9)) for label in labels]
    return [names[label].lower() for label in labels], [mosaic(each, 3) for each in pictures]


class Scenes(NamedTuple):
    """Scenes, the foremost cut-outs that they contain, and their annotations drawn in."""

    cut_outs: list[np.ndarray]
    pictures: list[np.ndarray]
    annotated: list[np.ndarray]


def scenes(count: int = 5, *, named: bool = True) -> Scenes:
    """Scenes of drawn garments, of 256 pixels."""
    garments = drawn_garments(40, 3, 256)
    found = Scenes([], [], [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, (image, label) in enumerate(
            zip(garments.foregrounds, garments.labels, strict=True)
        ):
            save_png(folder / "foregrounds" / GARMENTS[label] / f"{index:03}.png", image)
        for index, image in enumerate(drawn_backgrounds(12, 4, 384)):
            save_png(folder / "backgrounds" / f"{index:03}.png", image)
        options = kerasgen.SceneOptions(
            size=256, objects=(3, 3), distractors=(0, 0), scale=(0.45, 0.65), max_truncation=0.1
        )
        composed = kerasgen.compose(
            folder / "foregrounds",
            folder / "backgrounds",
            folder / "scenes",
            count=count,
            options=options,
            seed=5,
            verify=0,
        )
        for row in kerasgen.read_manifest(composed.folder):
            image = kerasgen.read_image(composed.folder / row.file_name)
            found.cut_outs.append(garments.foregrounds[int(Path(row.objects[-1].source).stem)])
            found.pictures.append(image)
            found.annotated.append(annotated(image, row.objects, named=named))
    return found


def annotated(image: np.ndarray, objects: Sequence[PlacedObject], *, named: bool) -> np.ndarray:
    """A dimmed scene whose objects are tinted by class, with thick boxes and large names."""
    drawn = np.rint(0.4 * image).astype(np.uint8)
    for placed in objects:
        tint = _TINTS[placed.label % len(_TINTS)]
        mixed = np.rint(0.62 * image[placed.visible] + 0.38 * np.array(tint))
        drawn[placed.visible] = mixed.astype(np.uint8)
    sheet = Image.fromarray(drawn)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for placed in objects:
        x0, y0, x1, y1 = placed.box
        tint, name = _TINTS[placed.label % len(_TINTS)], sorted(GARMENTS)[placed.label]
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=tint, width=3 if named else 5)
        if not named:
            continue
        corner = (x0 + 5, y0 + 3)
        pen.rectangle(pen.textbbox(corner, name, font), (0, 0, 0))
        pen.text(corner, name, tint, font)
    return np.asarray(sheet)


def smoke(indices: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean scenes, the same with smoke, and its density as a grey picture."""
    clean = drawn_scenes(max(indices) + 1, 0, 192)[indices]
    smoky = [add_smoke(image, 0, index=k) for k, image in zip(indices, clean, strict=True)]
    density = np.stack([each.density for each in smoky])[..., None]
    levels = np.rint(255 * density).astype(np.uint8)
    return clean, np.stack([each.image for each in smoky]), levels


PICTURES: dict[str, tuple[Callable[[Models], dict[str, bytes]], tuple[str, ...]]] = {
    "before_after": (before_after, ("eyes", "fashion")),
    "refiner": (refiner, ("eyes",)),
    "cgan": (cgan, ("fashion",)),
    "compositing": (compositing, ()),
    "smoke": (smoke_by_rule, ()),
    "translator": (translator, ("smoke",)),
    "drawn_by_rule": (drawn, ()),
    "pages": (pages, ()),
}
"""Each picture's function, and the models that it needs."""


def main() -> None:
    """Makes the named pictures, or all."""
    parser = argparse.ArgumentParser(description="Makes the pictures of the documentation.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PICTURES)}; all by default")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the pictures")
    for name in ("eyes", "fashion", "smoke"):
        parser.add_argument(f"--{name}", default=name, help="zoo model, or folder of a SavedModel")
    options = parser.parse_args()
    unknown = sorted({*options.names} - {*PICTURES})
    if unknown:
        parser.error(f"no such picture: {', '.join(unknown)}")
    for name in options.names or PICTURES:
        make, needed = PICTURES[name]
        try:
            models = {each: getattr(options, each) for each in needed}
            for file, content in make(models).items():
                write_file(options.out / file, content)
                print(f"{options.out / file}: {len(content) / 1000:.0f} KB", flush=True)
        except ValueError as error:
            parser.error(f"{name}: {error}")


if __name__ == "__main__":
    main()
