"""The pictures of a model on a server, as a ``SyntheticFolder``."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from kerasgen.annotations import (
    Entry,
    FilledFolder,
    Job,
    ManifestRow,
    Source,
    SyntheticFolder,
    picture_name,
    run_lengths,
)
from kerasgen.annotations.dossier import EDITED, GENERATED
from kerasgen.annotations.fill_folder import fill_folder
from kerasgen.deployment.client.connection import Refused, Row, ServerError
from kerasgen.deployment.client.remote_model import RemoteModel
from kerasgen.deployment.client.sent_files import SentFiles
from kerasgen.deployment.model_kinds import CHANGED, generator_seed
from kerasgen.io.images import PathLike, Pixels
from kerasgen.io.progress import Report


def change_files(
    model: RemoteModel,
    files: SentFiles,
    folder: PathLike,
    batch_size: int,
    report: Report | None,
) -> FilledFolder:
    """Sends files to a refiner or a translator, see ``answer_files``."""

    def row(index: int) -> Row:
        return {"image_bytes": files.content(index)}

    def known(index: int) -> tuple[tuple[Source, ...], dict[str, Any]]:
        return (files.sources[index],), {"model": model.name}

    settings = {"model": model.name, "model_sha256": None, "sources": files.sha256, "seed": 0}
    job = _job(model, row, known, EDITED, seed=0)
    return _fill(job, folder, len(files.paths), settings, (), batch_size, report)


def draw_pictures(
    model: RemoteModel,
    folder: PathLike,
    count: int,
    labels: Sequence[str],
    seed: int,
    batch_size: int,
    report: Report | None,
) -> FilledFolder:
    """Asks a generator for pictures, see ``generate_pictures``."""
    names = model.class_names()
    numbers = [_label(each, names) for each in labels] or list(range(len(names)))

    def row(index: int) -> Row:
        return {"seed": generator_seed(seed, index), "label": numbers[index % len(numbers)]}

    def known(index: int) -> tuple[tuple[Source, ...], dict[str, Any]]:
        label = numbers[index % len(numbers)]
        drawn = {"class_name": names[label], "label": label}
        drawn["model_seed"] = generator_seed(seed, index)
        return (), {**drawn, "model": model.name}

    settings = {
        "model": model.name,
        "model_sha256": None,
        "sources": None,
        "seed": seed,
        "labels": numbers,
    }
    job = _job(model, row, known, GENERATED, seed)
    return _fill(job, folder, count, settings, names, batch_size, report)


_JobOfMissing = Callable[[set[int]], Job]


def _job(
    model: RemoteModel,
    row: Callable[[int], Row],
    known: Callable[[int], tuple[tuple[Source, ...], dict[str, Any]]],
    made: str,
    seed: int,
) -> _JobOfMissing:
    def of(missing: set[int]) -> Job:
        def job(indices: range) -> Iterator[Entry]:
            # A block may be half done; what is answered is not sent again.
            asked = [index for index in indices if index in missing]
            answers = model.serve_each([row(index) for index in asked])
            for index, answer in zip(asked, answers, strict=True):
                sources, parameters = known(index)
                yield _entry(index, seed, sources, parameters, answer, made)

        return job

    return of


def _fill(
    job: _JobOfMissing,
    folder: PathLike,
    count: int,
    settings: Mapping[str, Any],
    names: Sequence[str],
    batch_size: int,
    report: Report | None,
) -> FilledFolder:
    begun = SyntheticFolder(folder, settings=settings, class_names=names)
    missing = set(begun.missing(count))
    filled = fill_folder(
        job(missing),
        folder,
        count,
        settings=settings,
        class_names=names,
        block=batch_size,
        report=report,
    )
    return filled.with_sheet()


def _entry(
    index: int,
    seed: int,
    sources: tuple[Source, ...],
    parameters: dict[str, Any],
    answer: Mapping[str, Any] | Refused,
    made: str,
) -> Entry:
    image, reason, height, width = None, None, 1, 1
    if isinstance(answer, Refused):
        reason = str(answer) or "The server says no more."
    else:
        image = _pixels(answer["png_bytes"])
        height, width = image.shape[:2]
        if "change_bytes" in answer:
            # A weak label: the network's own change mask.
            mask = _pixels(answer["change_bytes"])[..., 0] > CHANGED * 255
            parameters = {**parameters, "changed": run_lengths(mask)}
    row = ManifestRow(
        picture_name(index),
        width,
        height,
        seed,
        index,
        sources,
        parameters,
        (),
        accepted=reason is None,
        reason=reason,
    )
    return Entry(row, image, made)


def _pixels(data: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ServerError(f"The server's picture is no PNG file: {error}.") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _label(text: str, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text)
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    raise ValueError(
        f"`labels` must be class names or numbers below {len(names)}; the classes are "
        f"{', '.join(names)}. Received: {text!r}"
    )
