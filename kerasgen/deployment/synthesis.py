"""A trained model over labels or over a folder -> pictures that say what they are and came from.

The pictures lie in a ``SyntheticFolder``: a row each, kept as soon as it is made, so that what was
stopped goes on. They are made in blocks that are the same on every run, because a batch's size may
change the last digit of a picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from kerasgen.annotations.annotated_folder import Known, SourceFolder
from kerasgen.annotations.annotation import run_lengths
from kerasgen.annotations.fill_folder import Entry, FilledFolder, fill_folder
from kerasgen.annotations.records import ManifestRow, Source
from kerasgen.annotations.synthetic_folder import picture_name
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.files import check_apart, check_writable
from kerasgen.io.images import ImageError, PathLike, to_uint8
from kerasgen.io.progress import Report

BLOCK = 32
"""Pictures that are made together."""

CHANGED = 0.1
"""Share of its light that a translator must replace for a pixel to count as changed."""


@dataclass(frozen=True, eq=False)
class _Sample:
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
    model: ServedModel | PathLike,
    folder: PathLike,
    *,
    sources: PathLike | None = None,
    count: int | None = None,
    times: int = 1,
    seed: int = 0,
    gate: ServedModel | PathLike | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Makes the pictures that are missing.

    Args:
        model: A generator, a refiner or a translator, or its version folder.
        folder: New, or begun by the same call, which then goes on.
        sources: Folder of what a refiner or a translator is given, see `SourceFolder`; a generator
            takes none.
        count: Pictures in all: of a generator, its classes in turn; else at most so many sources'.
            None is all of them.
        times: Looks of each source, of a refiner. A picture's look and grain are drawn from the
            file's bytes, where the number of the look is written.
        seed: Of a generator; a number of its own for each picture is drawn from it.
        gate: A classifier, or its version folder; pictures that it takes for another class are
            rejected.
        report: Called after each block.

    Returns:
        What there is, with a sheet.

    Raises:
        ValueError: If an argument does not fit the model, or the folder holds other pictures.
        Unfinished: After a signal; what is done is kept.
    """
    check_apart(folder, sources=sources)
    check_writable(folder)
    known = None if sources is None else SourceFolder(sources)
    model = model if isinstance(model, ServedModel) else ServedModel(model)
    judge = gate if gate is None or isinstance(gate, ServedModel) else ServedModel(gate)
    total = _total(model, known, count, times)
    if judge is not None and judge.kind != "classifier":
        raise ValueError(
            f"The gate must be a classifier. Received: gate={judge.name} ({judge.kind})"
        )
    filled = fill_folder(
        _SynthesisJob(model, known, times, seed, judge),
        folder,
        total,
        settings={
            "model": model.name,
            "model_sha256": model.sha256,
            "sources": None if known is None else known.sha256,
            "times": times,
            "seed": seed,
            "gate": None if judge is None else judge.sha256,
        },
        class_names=model.class_names if known is None else known.class_names,
        block=BLOCK,
        report=report,
    )
    return filled.with_sheet(sources)


def _total(model: ServedModel, sources: SourceFolder | None, count: int | None, times: int) -> int:
    """How many pictures there will be, once it is certain that the arguments fit the model."""
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
        return count
    total = len(sources.names) * times
    return total if count is None else min(count, total)


class _SynthesisJob:
    def __init__(
        self,
        model: ServedModel,
        sources: SourceFolder | None,
        times: int,
        seed: int,
        gate: ServedModel | None,
    ) -> None:
        self._model, self._sources, self._gate = model, sources, gate
        self._times, self._seed = times, seed

    def __call__(self, indices: range) -> Iterator[Entry]:
        if self._sources is None:
            samples = _generated(self._model, indices, self._seed)
        else:
            samples = _changed(self._model, self._sources, indices, self._times)
        for index, sample in zip(indices, _gated(samples, self._gate), strict=True):
            yield _row(sample, index, self._seed), None if sample.reason else sample.image


def _generated(model: ServedModel, block: Sequence[int], seed: int) -> list[_Sample]:
    names = model.class_names
    labels = [index % len(names) for index in block]
    seeds = [int(np.random.default_rng([seed, index]).integers(2**63)) for index in block]
    images = to_uint8(model.generate(seeds, labels))
    return [
        _Sample(
            (_as_source(model),),
            {"class_name": names[label], "label": label, "model_seed": own},
            Known(names[label]),
            np.asarray(image),
        )
        for image, label, own in zip(images, labels, seeds, strict=True)
    ]


def _changed(
    model: ServedModel, sources: SourceFolder, block: Sequence[int], times: int
) -> list[_Sample]:
    files: dict[int, tuple[bytes, tuple[int, int]]] = {}
    made: dict[int, _Sample] = {}
    for index in block:
        try:
            files[index] = sources.png(sources.names[index // times], index % times)
        except ImageError as error:
            made[index] = _Sample((_as_source(model),), {}, Known(), None, str(error))
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
) -> _Sample:
    """One picture of a source, with what was known of that moved to its new size."""
    name = sources.names[index // times]
    image = np.asarray(to_uint8(told["picture"]))
    known = sources.known(name).stretched(size, image.shape[:2])
    parameters = {**known.parameters(), "variation": index % times}
    if "change" in told:
        # Weak: where the network says that it changed something.
        parameters["changed"] = run_lengths(told["change"][..., 0] > CHANGED)
    own = (_as_source(model), sources.source(name))
    return _Sample(own + known.sources, parameters, known, image)


def _gated(made: list[_Sample], gate: ServedModel | None) -> Iterator[_Sample]:
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
                one = _Sample(one.sources, one.parameters, one.known, one.image, reason)
        yield one


def _row(made: _Sample, index: int, seed: int) -> ManifestRow:
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
