"""The pictures of a proof: of one shape and the same classes, without copies between sets."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerasgen.annotations.folder_layout import SETTINGS
from kerasgen.data.labelled_images import LabelledImages, load_labelled
from kerasgen.data.splits import source_of
from kerasgen.evaluation.utility.near_copies import near_copies
from kerasgen.evaluation.utility.training_sets import TrainingPools, without_copies
from kerasgen.io.files import read_json
from kerasgen.io.folders import list_images
from kerasgen.io.images import WHITE, Size
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.resizing import Fit

PictureSource = str | Path | LabelledImages
"""Labelled pictures: what ``load_labelled`` reads, or pictures in memory."""


class ImageForm(NamedTuple):
    """Size and channels of all pictures of a proof.

    Attributes:
        size: Side, or (height, width), in pixels; None for that of the real pictures.
        channels: 1 or 3; None for those of the real pictures.
        fit: How other aspect ratios are fitted, see ``load_labelled``; None for "pad".

    What is None is that of the model's own pictures if ``synthesize`` filled the folder.
    """

    size: Size | None = None
    channels: int | None = None
    fit: Fit | None = None


AS_THEY_ARE = ImageForm()

_SAW, _FORM = "generator_saw", "preprocessing"
"""Settings of ``synthesize``."""


@dataclass(frozen=True)
class ProofData:
    """Pictures for training and testing.

    Attributes:
        pools: Real and synthetic training pictures, without copies of test pictures.
        test: Real pictures not used for training or selection, of the same shape and classes.
        test_groups: Source of each test picture: those of one source are resampled together.
            None if each is its own source.
        remarks: Caveats on the sets, for the page.
        copied: Sentence on synthetic pictures that are copies of real training pictures, which then
            begins the result; empty if there are none.
        generator_saw: Number of real pictures that the generator was trained on; None if unknown.
    """

    pools: TrainingPools
    test: LabelledImages
    test_groups: Sequence[Hashable] | None = None
    remarks: Sequence[str] = ()
    copied: str = ""
    generator_saw: int | None = None

    def __post_init__(self) -> None:
        """Rejects groups of another length."""
        if self.test_groups is not None and len(self.test_groups) != len(self.test.labels):
            raise ValueError(
                "`test_groups` must have one entry a test picture. "
                f"Received: {len(self.test_groups)} for {len(self.test.labels)} pictures"
            )


def read_proof_data(
    real: PictureSource,
    synthetic: PictureSource,
    test: PictureSource | None = None,
    *,
    validation: PictureSource | None = None,
    sources: str = "picture",
    form: ImageForm = AS_THEY_ARE,
    generator_saw: int | PictureSource | None = None,
) -> ProofData:
    """Reads the sets of a proof, and leaves out copies.

    Copies are the same pixels. Among the synthetic pictures they are also near copies, see
    ``near_copies``: re-encoded, mirrored, shifted or a little brighter.

    Args:
        real: Labelled real training pictures, see ``load_labelled``, or in memory.
        synthetic: Synthetic pictures, with (some of) the same classes.
        test: Real test pictures; None for the test part of ``real``.
        validation: Real pictures, not seen by the generator, to select arms on; None for the
            validation part of ``real``, or a fifth of the real pictures in use.
        sources: Rule by which real pictures belong to one source: ``picture``, ``folder`` or
            ``name``, see ``source_of``.
        form: Size and channels of all pictures; those in memory must have them already.
        generator_saw: Real pictures that the generator was trained on: their number, or these
            pictures. None for the number in a folder of ``synthesize``, or else unknown.

    Returns:
        The sets; pictures that were left out are listed in ``remarks``.

    Raises:
        ValueError: If a set cannot be read or is empty without its copies, there are no test
            pictures, or classes are unknown.
    """
    form, differences = _agreed_form(form, real, synthetic)
    sets, same = _real_sets(real, test, validation, form)
    names = sets["train"].class_names
    added = _read("synthetic", synthetic, same)["train"]
    sets["synthetic"] = added.with_classes(names, called="`synthetic`")
    saw, leaks = _training_of_generator(generator_saw, synthetic, sets["test"], same)
    apart, copies = _without_copies(sets)
    groups = [source_of(name, sources) for name in apart["train"].names]
    copied = _copied(apart["synthetic"], apart["train"], groups)
    remarks = [*differences, *leaks, *copies]
    for remark in filter(None, [copied, *remarks]):
        warnings.warn(remark, stacklevel=2)
    pools = TrainingPools(apart["train"], groups, apart["synthetic"], apart.get("validation"))
    test_groups = [source_of(name, sources) for name in apart["test"].names]
    return ProofData(pools, apart["test"], test_groups, remarks, copied, saw)


def _agreed_form(
    form: ImageForm, real: PictureSource, synthetic: PictureSource
) -> tuple[ImageForm, list[str]]:
    """What is not given is that of the synthetic pictures' model; remarks on what differs."""
    stored = None if isinstance(synthetic, LabelledImages) else _recorded(synthetic, _FORM)
    if not isinstance(stored, dict):
        return form._replace(fit=form.fit or "pad"), []
    model = Preprocessing.from_card(stored)
    # Pictures in memory cannot be brought to another size.
    size = None if isinstance(real, LabelledImages) else model.size
    channels = None if isinstance(real, LabelledImages) else model.channels
    agreed = ImageForm(form.size or size, form.channels or channels, form.fit or model.fit)
    side = (agreed.size, agreed.size) if isinstance(agreed.size, int) else agreed.size
    pairs: list[tuple[str, Any, Any]] = [
        ("size", side, model.size),
        ("channels", agreed.channels, model.channels),
        ("fit", agreed.fit, model.fit),
        ("background", WHITE, model.background),
    ]
    return agreed, [
        f"The synthetic pictures come from a model whose pictures had {name} {own}; this proof "
        f"reads pictures with {name} {chosen}."
        for name, chosen, own in pairs
        if chosen not in (None, own)
    ]


def _real_sets(
    real: PictureSource,
    test: PictureSource | None,
    validation: PictureSource | None,
    form: ImageForm,
) -> tuple[dict[str, LabelledImages], ImageForm]:
    """All real sets by part, and the form that the training pictures have."""
    sets = _read("real", real, form)
    names, (height, width, channels) = sets["train"].class_names, sets["train"].images.shape[1:]
    if len(names) < 2:
        raise ValueError(
            "A proof needs at least two classes: is the folder one level too low? "
            f"Received: real={str(real)!r} with {', '.join(names)}"
        )
    same = ImageForm((height, width), channels, form.fit)
    for part, given in (("test", test), ("validation", validation)):
        if given is not None:
            other = _read(part, given, same)
            pictures = other.get(part, other["train"])
            sets[part] = pictures.with_classes(names, called=f"`{part}`")
    if "test" not in sets:
        raise ValueError(f"`real` has no test part: pass `test`. Received: real={str(real)!r}")
    return sets, same


def _read(name: str, source: PictureSource, form: ImageForm) -> dict[str, LabelledImages]:
    if not isinstance(source, LabelledImages):
        return load_labelled(source, **form._asdict())
    shape = source.images.shape[1:]
    sides = (form.size, form.size) if isinstance(form.size, int) else form.size
    if sides not in (None, shape[:2]) or form.channels not in (None, shape[2]):
        raise ValueError(
            "Pictures in memory must have the shape of the others. "
            f"Received: {name}={list(shape)}, others={[*(sides or shape[:2]), form.channels]}"
        )
    return {"train": source}


def _training_of_generator(
    given: int | PictureSource | None,
    synthetic: PictureSource,
    test: LabelledImages,
    form: ImageForm,
) -> tuple[int | None, list[str]]:
    """How many real pictures the generator was trained on, if it is known, and remarks on them."""
    if given is None:
        found = None if isinstance(synthetic, LabelledImages) else _recorded(synthetic, _SAW)
        return (found if isinstance(found, int) else None), []
    if isinstance(given, int):
        if given < 0:
            raise ValueError(f"`generator_saw` must be 0 or more. Received: generator_saw={given}")
        return given, []
    try:
        seen = _read("generator_saw", given, form)["train"]
    except ValueError:
        # Pictures without classes, as refiners are trained on, are counted only.
        return len(list_images(Path(str(given)))), []
    leaked = np.count_nonzero(near_copies(test.images, seen.images) >= 0)
    text = (
        f"The generator was trained on {leaked:,} of the {len(test.labels):,} test pictures, or "
        "on near copies of them: use other test pictures."
    )
    return len(seen.labels), [text] if leaked else []


def _recorded(folder: str | Path, name: str) -> Any:
    """What ``synthesize`` wrote beside its pictures; None if it did not."""
    path = Path(folder) / SETTINGS
    return read_json(path).get(name) if path.is_file() else None


def _without_copies(
    sets: dict[str, LabelledImages],
) -> tuple[dict[str, LabelledImages], list[str]]:
    """Removes copies of test pictures, and copies of validation pictures among training ones."""
    apart, remarks = dict(sets), []
    pairs = [("test", name) for name in ("validation", "train", "synthetic")]
    pairs += [("validation", name) for name in ("train", "synthetic")]
    for part, name in pairs:
        if part not in apart or name not in apart:
            continue
        whole, near = apart[name], name == "synthetic"
        if near:
            found = near_copies(whole.images, apart[part].images)
            apart[name] = whole.at(np.flatnonzero(found < 0))
        else:
            apart[name] = without_copies(whole, apart[part])
        left = len(whole.labels) - len(apart[name].labels)
        kind = "real" if name == "train" else name
        if not len(apart[name].labels):
            raise ValueError(
                f"All {left:,} {kind} pictures are {part} pictures, too: pass other pictures as "
                f"`{part}`. Received: {name}={whole.names[0]!r}, ..."
            )
        if left:
            remarks.append(
                f"{left:,} {kind} pictures were left out: they are "
                f"{'copies or near copies of' if near else 'also among the'} {part} pictures."
            )
        if not near and (alike := _count_near(apart[name], apart[part])):
            remarks.append(
                f"{alike:,} {kind} pictures are near copies of {part} pictures, such as frames of "
                "one recording: split by recording, or the scores are too good."
            )
    return apart, remarks


def _count_near(pictures: LabelledImages, others: LabelledImages) -> int:
    return int(np.count_nonzero(near_copies(pictures.images, others.images) >= 0))


def _copied(synthetic: LabelledImages, train: LabelledImages, groups: Sequence[Hashable]) -> str:
    """Sentence on copies of training pictures; empty if there are none."""
    copies = int(np.count_nonzero(near_copies(synthetic.images, train.images, groups) >= 0))
    if not copies:
        return ""
    return (
        f"{copies:,} of {len(synthetic.labels):,} synthetic pictures are copies or near copies of "
        "real training pictures: what they add is real pictures, also at amounts that should not "
        "include them."
    )
