"""A trained model over labels or over a folder -> pictures that say what they are and came from.

The pictures lie in a ``SyntheticFolder``: a row each, kept as soon as it is made, so that what was
stopped goes on. They are made in blocks that are the same on every run, because a batch's size may
change the last digit of a picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from kerasgen.annotations.annotated_folder import Known, SourceFolder
from kerasgen.annotations.annotation import run_lengths
from kerasgen.annotations.records import ManifestRow, Source
from kerasgen.annotations.synthetic_folder import SyntheticFolder, picture_name
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.images import ImageError, PathLike, to_uint8
from kerasgen.io.interruption import Interruption, Stopped

BLOCK = 32
"""Pictures that are made together."""

CHANGED = 0.1
"""Share of its light that a translator must replace for a pixel to count as changed."""

Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class _Made:
    """One picture, or why there is none.

    Attributes:
        sources: What it was made from, the model first.
        parameters: How.
        known: What is true of it.
        image: ``[H, W, C]`` uint8, or None.
        reason: Why it is not to be used, or None.
    """

    sources: tuple[Source, ...]
    parameters: dict[str, Any]
    known: Known
    image: np.ndarray | None
    reason: str | None = None


def synthesize(
    model: ServedModel,
    folder: PathLike,
    *,
    sources: SourceFolder | None = None,
    count: int | None = None,
    times: int = 1,
    seed: int = 0,
    gate: ServedModel | None = None,
    report: Report | None = None,
) -> int:
    """Makes the pictures that are missing.

    Args:
        model: A generator, a refiner or a translator.
        folder: New, or begun by the same call, which then goes on.
        sources: What a refiner or a translator is given; a generator takes none.
        count: Pictures in all: of a generator, its classes in turn; else at most so many sources'.
            None is all of them.
        times: Looks of each source, of a refiner. A picture's look and grain are drawn from the
            file's bytes, where the number of the look is written.
        seed: Of a generator; a number of its own for each picture is drawn from it.
        gate: A classifier; pictures that it takes for another class are rejected.
        report: Called with the number of pictures done and of all.

    Returns:
        The number of pictures, those rejected included.

    Raises:
        ValueError: If an argument does not fit the model, or the folder holds other pictures.
        Stopped: After a signal; what is done is kept.
    """
    make, total = _maker(model, sources, count, times, seed)
    if gate is not None and gate.kind != "classifier":
        raise ValueError(f"The gate must be a classifier. Received: gate={gate.name} ({gate.kind})")
    settings = {
        "model": model.name,
        "model_sha256": model.sha256,
        "sources": None if sources is None else sources.sha256,
        "times": times,
        "seed": seed,
        "gate": None if gate is None else gate.sha256,
    }
    names = model.class_names if sources is None else sources.class_names
    target = SyntheticFolder(folder, settings=settings, class_names=names)
    missing = target.missing(total)
    done = total - len(missing)
    with Interruption() as interruption:
        for block in _blocks(missing, total):
            for index, made in zip(block, _gated(make(block), gate), strict=True):
                target.write(_row(made, index, seed), made.image if made.reason is None else None)
            done += len(set(block) & set(missing))
            if report is not None:
                report(done, total)
            if interruption.name and done < total:
                raise Stopped(
                    f"{interruption.name}: stopped with {total - done} of {total} pictures to do. "
                    "Run the same command again to go on."
                )
    target.finish(total)
    return total


Make = Callable[[Sequence[int]], list[_Made]]


def _maker(
    model: ServedModel, sources: SourceFolder | None, count: int | None, times: int, seed: int
) -> tuple[Make, int]:
    """What makes pictures by their numbers, and how many there are."""
    if model.kind == "classifier":
        raise ValueError(f"A classifier makes no pictures. Received: {model.name}")
    if (model.kind == "generator") != (sources is None):
        needs = "takes no sources" if sources is not None else "needs sources"
        raise ValueError(f"A {model.kind} {needs}. Received: {model.name}")
    if times < 1 or (times > 1 and model.kind != "refiner"):
        raise ValueError(
            f"`times` must be 1, for a refiner at least 1. Received: times={times}, {model.kind}"
        )
    if sources is None:
        if count is None or count < 1:
            raise ValueError(f"A generator needs `count`, at least 1. Received: count={count}")
        names = model.class_names
        return lambda block: _generated(model, names, block, seed), count
    total = len(sources.names) * times
    return (
        lambda block: _changed(model, sources, block, times),
        total if count is None else min(count, total),
    )


def _blocks(missing: Sequence[int], total: int) -> Iterator[range]:
    """All blocks that something is missing of."""
    for first in sorted({index // BLOCK * BLOCK for index in missing}):
        yield range(first, min(first + BLOCK, total))


def _generated(
    model: ServedModel, names: Sequence[str], block: Sequence[int], seed: int
) -> list[_Made]:
    labels = [index % len(names) for index in block]
    seeds = [int(np.random.default_rng([seed, index]).integers(2**63)) for index in block]
    images = to_uint8(model.generate(seeds, labels))
    return [
        _Made(
            (_as_source(model),),
            {"class_name": names[label], "label": label, "model_seed": own},
            Known(names[label]),
            np.asarray(image),
        )
        for image, label, own in zip(images, labels, seeds, strict=True)
    ]


def _changed(
    model: ServedModel, sources: SourceFolder, block: Sequence[int], times: int
) -> list[_Made]:
    files: dict[int, tuple[bytes, tuple[int, int]]] = {}
    made: dict[int, _Made] = {}
    for index in block:
        try:
            files[index] = sources.png(sources.names[index // times], index % times)
        except ImageError as error:
            made[index] = _Made((_as_source(model),), {}, Known(), None, str(error))
    given = model.change([png for png, _ in files.values()]) if files else {}
    for place, (index, (_, size)) in enumerate(files.items()):
        told = {name: value[place] for name, value in given.items()}
        made[index] = _picture(model, sources, index, times, size, told)
    return [made[index] for index in block]


def _picture(
    model: ServedModel,
    sources: SourceFolder,
    index: int,
    times: int,
    size: tuple[int, int],
    told: dict[str, np.ndarray],
) -> _Made:
    """One picture of a source, with what was known of that moved to its new size."""
    name = sources.names[index // times]
    image = np.asarray(to_uint8(told["picture"]))
    known = sources.known(name).stretched(size, image.shape[:2])
    parameters = {**known.parameters(), "variation": index % times}
    if "change" in told:
        # Weak: where the network says that it changed something.
        parameters["changed"] = run_lengths(told["change"][..., 0] > CHANGED)
    own = (_as_source(model), sources.source(name))
    return _Made(own + known.sources, parameters, known, image)


def _gated(made: list[_Made], gate: ServedModel | None) -> Iterator[_Made]:
    if gate is None:
        yield from made
        return
    shown = [one for one in made if one.image is not None]
    if any(one.known.class_name is None for one in shown):
        raise ValueError("A gate needs pictures of known classes: there are some without one.")
    files = [_png(one.image) for one in shown if one.image is not None]
    found = iter(gate.classify(files) if files else [])
    for one in made:
        if one.image is not None:
            name = next(found)
            if name != one.known.class_name:
                reason = f"taken for {name} by {gate.name}"
                one = _Made(one.sources, one.parameters, one.known, one.image, reason)
        yield one


def _row(made: _Made, index: int, seed: int) -> ManifestRow:
    height, width = (1, 1) if made.image is None else made.image.shape[:2]
    return ManifestRow(
        picture_name(index),
        width,
        height,
        seed,
        index,
        made.sources,
        made.parameters,
        made.known.objects,
        accepted=made.reason is None,
        reason=made.reason,
    )


def _as_source(model: ServedModel) -> Source:
    return Source("model", model.name, model.sha256)


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.squeeze(image)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
