"""The pictures of a proof: of one form and the same classes, the sets without copies."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kerasgen.data.labelled_images import LabelledImages, load_labelled
from kerasgen.data.splits import source_of
from kerasgen.evaluation.utility.training_sets import TrainingPools, without_copies
from kerasgen.io.images import Fit, Size


class ImageForm(NamedTuple):
    """What every picture of a proof is brought to.

    Attributes:
        size: Side, or (height, width), in pixels; None for that of the real pictures.
        channels: 1 or 3; None as the real ones have them.
        fit: How other aspect ratios are fitted, see ``load_labelled``.
    """

    size: Size | None = None
    channels: int | None = None
    fit: Fit = "pad"


AS_THEY_ARE = ImageForm()


@dataclass(frozen=True)
class ProofData:
    """What is trained on, and what is tested on.

    Attributes:
        pools: Real and synthetic pictures to train on, without copies of test pictures.
        test: Real pictures that nothing was trained or chosen on, of the same form and classes.
        test_groups: The source of each test picture: those of one are drawn together in intervals.
            None for each its own.
        remarks: What a reader must know of the sets.
    """

    pools: TrainingPools
    test: LabelledImages
    test_groups: Sequence[Hashable] | None = None
    remarks: Sequence[str] = ()


def read_proof_data(
    real: str | Path,
    synthetic: str | Path,
    test: str | Path | None = None,
    *,
    validation: str | Path | None = None,
    sources: str = "picture",
    form: ImageForm = AS_THEY_ARE,
) -> ProofData:
    """Reads the sets, and leaves out copies.

    Args:
        real: Labelled real pictures to train on, see ``load_labelled``.
        synthetic: Synthetic ones, with (some of) the same classes.
        test: Real pictures that nothing was trained on; None for the test part of ``real``.
        validation: Real pictures to choose by that the generator has not seen either; None for the
            validation part of ``real``, or a fifth of the pictures at hand.
        sources: Which real pictures stay together: ``picture``, ``folder`` or ``name``, see
            ``source_of``.
        form: What every picture is brought to.

    Raises:
        ValueError: If a set cannot be read, there are no test pictures, or classes are unknown.
    """
    sets = load_labelled(real, **form._asdict())
    names, (height, width, channels) = sets["train"].class_names, sets["train"].images.shape[1:]
    same: dict[str, Any] = {"size": (height, width), "channels": channels, "fit": form.fit}
    for part, path in (("test", test), ("validation", validation)):
        if path is not None:
            other = load_labelled(path, **same)
            pictures = other.get(part, other["train"])
            sets[part] = pictures.with_classes(names, called=f"--{part}")
    if "test" not in sets:
        raise ValueError(f"--real has no test part: give --test. Received: real={str(real)!r}")
    made = load_labelled(synthetic, **same)["train"]
    sets["synthetic"] = made.with_classes(names, called="--synthetic")
    sets, remarks = _without_copies(sets)
    groups = [source_of(name, sources) for name in sets["train"].names]
    pools = TrainingPools(sets["train"], groups, sets["synthetic"], sets.get("validation"))
    test_groups = [source_of(name, sources) for name in sets["test"].names]
    return ProofData(pools, sets["test"], test_groups, remarks)


def _without_copies(
    sets: dict[str, LabelledImages],
) -> tuple[dict[str, LabelledImages], list[str]]:
    """No copy of a test picture elsewhere, and none of a validation picture to train on."""
    apart, remarks = dict(sets), []
    pairs = [("test", name) for name in ("validation", "train", "synthetic")]
    pairs += [("validation", name) for name in ("train", "synthetic")]
    for part, name in pairs:
        if part in apart and name in apart:
            before = len(apart[name].labels)
            apart[name] = without_copies(apart[name], apart[part])
            left = before - len(apart[name].labels)
            kind = "real" if name == "train" else name
            if left:
                remarks.append(
                    f"{left:,} {kind} pictures were left out: they are also among the {part} "
                    "pictures."
                )
    synthetic = apart["synthetic"]
    copies = len(synthetic.labels) - len(without_copies(synthetic, apart["train"]).labels)
    if copies:
        remarks.append(
            f"{copies:,} synthetic pictures are copies of real ones to train on, pixel by pixel: "
            "the set brings real pictures along, also where only some of them are at hand."
        )
    for remark in remarks:
        warnings.warn(remark, stacklevel=4)
    return apart, remarks
