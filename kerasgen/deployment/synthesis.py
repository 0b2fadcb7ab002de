"""Folders of a trained model's pictures, with their annotations and provenance.

They are computed in blocks that are the same in every run, as the size of a batch may change the
last digit of a picture.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerasgen.annotations.annotated_folder import AnnotatedFolder, PictureFacts
from kerasgen.annotations.annotation import run_lengths
from kerasgen.annotations.dossier import EDITED, GENERATED
from kerasgen.annotations.fill_folder import FilledFolder, FolderJob, Job
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.output import Output
from kerasgen.annotations.records import Entry, ManifestRow, Source
from kerasgen.deployment.gate import check_gate, gate_reasons
from kerasgen.deployment.model_kinds import CHANGED, generator_seed
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.files import check_apart, check_writable
from kerasgen.io.images import ImageError, PathLike, Pixels, to_uint8
from kerasgen.io.progress import Report

BLOCK = 32
"""Pictures in one batch."""


@dataclass(frozen=True, eq=False)
class _Sample:
    """One picture, or why there is none.

    Attributes:
        sources: Its provenance, the model first.
        parameters: The parameters of its row.
        known: Its annotations.
        image: ``[H, W, C]`` uint8, or None.
        reason: Why it is rejected, or None.
    """

    sources: tuple[Source, ...]
    parameters: dict[str, Any]
    known: PictureFacts
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
    output: Output | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Fills a folder with a model's pictures; their sources' annotations are carried over.

    Args:
        model: A generator, a refiner or a translator, or its version folder.
        folder: New, or left unfinished by the same call, which then continues it.
        sources: Folder of a refiner's or a translator's inputs, see ``AnnotatedFolder``; None for a
            generator.
        count: Number of pictures; a generator takes its classes in turn. None for ``times``
            pictures of every source.
        times: Pictures per source, for a refiner. Each has its own style and noise, which depend
            only on the seed, the source's bytes and the number of the picture.
        seed: Random seed of a generator or a refiner.
        gate: A classifier, or its version folder; pictures that it puts into another class are
            rejected.
        output: A shard to make, see ``fill_folder``.
        report: Called after each block.

    Returns:
        The folder's counts, with a sheet.

    Raises:
        ValueError: If an argument does not fit the model, or the folder holds other pictures.
        Unfinished: After a signal; what is done is kept.
    """
    return synthesis_job(
        model,
        folder,
        sources=sources,
        count=count,
        times=times,
        seed=seed,
        gate=gate,
        output=output,
    ).fill(report=report)


def synthesis_job(
    model: ServedModel | PathLike,
    folder: PathLike,
    *,
    sources: PathLike | None = None,
    count: int | None = None,
    times: int = 1,
    seed: int = 0,
    gate: ServedModel | PathLike | None = None,
    output: Output | None = None,
) -> FolderJob:
    """The job of ``synthesize``, with its arguments checked and its models loaded.

    Args:
        model: As for ``synthesize``, like all others.
        folder: As there; nothing is written yet.
        sources: As there.
        count: As there.
        times: As there.
        seed: As there.
        gate: As there.
        output: As there.

    Returns:
        The job; its ``fill`` is ``synthesize``.

    Raises:
        ValueError: As there.
    """
    check_apart(folder, sources=sources)
    check_writable(folder)
    known = None if sources is None else AnnotatedFolder(sources)
    if known is not None:
        known.check_rows()
    model = model if isinstance(model, ServedModel) else ServedModel(model)
    judge = gate if gate is None or isinstance(gate, ServedModel) else ServedModel(gate)
    total = _total(model, known, count, times)
    names = model.class_names if known is None else known.class_names
    if judge is not None:
        check_gate(judge, model, known)
    with_sheet = FilledFolder.with_sheet
    if known is not None:
        with_sheet = functools.partial(with_sheet, sources=sources, fit=model.form.fit)
    return FolderJob(
        _job(model, known, times, seed, judge),
        folder,
        total,
        settings=_settings(model, known, times, seed, judge),
        class_names=names,
        block=BLOCK,
        output=output or Output(),
        finished=with_sheet,
    )


def _settings(
    model: ServedModel,
    known: AnnotatedFolder | None,
    times: int,
    seed: int,
    judge: ServedModel | None,
) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "sources": known and known.sha256,
        "times": times,
        "seed": seed,
        "gate": judge and judge.sha256,
        "generator_saw": model.trained_on,
        "preprocessing": model.preprocessing and model.preprocessing.as_card(),
    }


def _job(
    model: ServedModel,
    sources: AnnotatedFolder | None,
    times: int,
    seed: int,
    gate: ServedModel | None,
) -> Job:
    made = GENERATED if sources is None else EDITED

    def job(indices: range) -> Iterator[Entry]:
        if sources is None:
            samples = _generated(model, indices, seed)
        else:
            samples = _changed(model, sources, indices, times, seed)
        for index, sample in zip(indices, _gated(samples, gate), strict=True):
            image = None if sample.reason else sample.image
            yield Entry(_row(sample, index, seed), image, made)

    return job


def _total(
    model: ServedModel, sources: AnnotatedFolder | None, count: int | None, times: int
) -> int:
    """The number of pictures, after a check that the arguments fit the model."""
    if model.kind == "classifier":
        raise ValueError(f"A classifier makes no pictures. Received: {model.name}")
    if (model.kind == "generator") != (sources is None):
        needs = "takes no sources"
        if sources is None:
            needs = "needs sources, a folder of pictures to change"
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


def _generated(model: ServedModel, indices: range, seed: int) -> list[_Sample]:
    names = model.class_names
    labels = [index % len(names) for index in indices]
    seeds = [generator_seed(seed, index) for index in indices]
    images = to_uint8(model.generate(seeds, labels))
    return [
        _Sample(
            (_as_source(model),),
            {"class_name": names[label], "label": label, "model_seed": own},
            PictureFacts(names[label]),
            np.asarray(image),
        )
        for image, label, own in zip(images, labels, seeds, strict=True)
    ]


def _changed(
    model: ServedModel, sources: AnnotatedFolder, indices: range, times: int, seed: int
) -> list[_Sample]:
    names = {index: sources.names[index // times] for index in indices}
    images: dict[str, Pixels] = {}
    facts: dict[str, PictureFacts] = {}
    faults: dict[str, str] = {}
    for name in dict.fromkeys(names.values()):
        try:
            images[name], facts[name] = sources.read_fitted(name, model.form)
        except ImageError as error:
            faults[name] = str(error)
    origins = {name: sources.source(name) for name in images}
    # By content: a file gives the same pictures in any folder.
    seeds = {
        index: _model_seed(seed, origins[name], index % times)
        for index, name in names.items()
        if name in images
    }
    inputs = [images[names[index]] for index in seeds]
    outputs = model.change(inputs, list(seeds.values())) if seeds else {}
    rows = {index: row for row, index in enumerate(seeds)}
    samples = []
    for index, name in names.items():
        if name in faults:
            samples.append(_Sample((_as_source(model),), {}, PictureFacts(), None, faults[name]))
            continue
        own = {key: value[rows[index]] for key, value in outputs.items()}
        picture = np.asarray(to_uint8(own["picture"]))
        known = facts[name].fitted(model.form.size, picture.shape[:2], "stretch")
        parameters = {**known.parameters(), "variation": index % times}
        if model.draws:
            parameters["model_seed"] = seeds[index]
        if "style" in own:
            parameters["style"] = own["style"].tolist()
        if "change" in own:
            # A weak label: the network's own change mask.
            parameters["changed"] = run_lengths(own["change"][..., 0] > CHANGED)
        used = (_as_source(model), origins[name], *known.sources)
        samples.append(_Sample(used, parameters, known, picture))
    return samples


def _model_seed(seed: int, source: Source, variation: int) -> int:
    entropy = [seed, int(source.sha256, 16), variation]
    return int(np.random.default_rng(entropy).integers(2**63))


def _gated(samples: list[_Sample], gate: ServedModel | None) -> list[_Sample]:
    if gate is None:
        return samples
    shown = [index for index, each in enumerate(samples) if each.image is not None]
    images = [np.asarray(samples[index].image) for index in shown]
    wanted = [str(samples[index].known.class_name) for index in shown]
    gated = list(samples)
    for index, reason in zip(shown, gate_reasons(gate, images, wanted), strict=True):
        gated[index] = replace(samples[index], reason=reason)
    return gated


def _row(sample: _Sample, index: int, seed: int) -> ManifestRow:
    height, width = (1, 1) if sample.image is None else sample.image.shape[:2]
    return ManifestRow(
        picture_name(index),
        width,
        height,
        seed,
        index,
        sample.sources,
        sample.parameters,
        sample.known.objects,
        accepted=sample.reason is None,
        reason=sample.reason,
    )


def _as_source(model: ServedModel) -> Source:
    return Source("model", model.name, model.sha256)
