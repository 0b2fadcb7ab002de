"""The pictures of a proof: of one shape and the same classes, without copies between sets."""

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
    """Size and channels of all pictures of a proof.

    Attributes:
        size: Side, or (height, width), in pixels; None for that of the real pictures.
        channels: 1 or 3; None for those of the real pictures.
        fit: How other aspect ratios are fitted, see ``load_labelled``.
    """

    size: Size | None = None
    channels: int | None = None
    fit: Fit = "pad"


AS_THEY_ARE = ImageForm()


@dataclass(frozen=True)
class ProofData:
    """Pictures for training and testing.

    Attributes:
        pools: Real and synthetic training pictures, without copies of test pictures.
        test: Real pictures not used for training or selection, of the same shape and classes.
        test_groups: Source of each test picture: those of one source are resampled together.
            None if each is its own source.
        remarks: Caveats on the sets, for the page.
    """

    pools: TrainingPools
    test: LabelledImages
    test_groups: Sequence[Hashable] | None = None
    remarks: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Rejects groups of another length."""
        if self.test_groups is not None and len(self.test_groups) != len(self.test.labels):
            raise ValueError(
                "`test_groups` must have one entry a test picture. "
                f"Received: {len(self.test_groups)} for {len(self.test.labels)} pictures"
            )


def read_proof_data(
    real: str | Path,
    synthetic: str | Path,
    test: str | Path | None = None,
    *,
    validation: str | Path | None = None,
    sources: str = "picture",
    form: ImageForm = AS_THEY_ARE,
) -> ProofData:
    """Reads the sets of a proof, and leaves out copies.

    Args:
        real: Labelled real training pictures, see ``load_labelled``.
        synthetic: Synthetic pictures, with (some of) the same classes.
        test: Real test pictures; None for the test part of ``real``.
        validation: Real pictures, not seen by the generator, to select arms on; None for the
            validation part of ``real``, or a fifth of the real pictures in use.
        sources: Rule by which real pictures belong to one source: ``picture``, ``folder`` or
            ``name``, see ``source_of``.
        form: Size and channels of all pictures.

    Returns:
        The sets; pictures that were left out are listed in ``remarks``.

    Raises:
        ValueError: If a set cannot be read, there are no test pictures, or classes are unknown.
    """
    sets = load_labelled(real, **form._asdict())
    names, (height, width, channels) = sets["train"].class_names, sets["train"].images.shape[1:]
    if len(names) < 2:
        raise ValueError(
            "A proof needs at least two classes: is the folder one level too low? "
            f"Received: real={str(real)!r} with {', '.join(names)}"
        )
    same: dict[str, Any] = {"size": (height, width), "channels": channels, "fit": form.fit}
    for part, path in (("test", test), ("validation", validation)):
        if path is not None:
            other = load_labelled(path, **same)
            pictures = other.get(part, other["train"])
            sets[part] = pictures.with_classes(names, called=f"--{part}")
    if "test" not in sets:
        raise ValueError(f"--real has no test part: pass --test. Received: real={str(real)!r}")
    added = load_labelled(synthetic, **same)["train"]
    sets["synthetic"] = added.with_classes(names, called="--synthetic")
    sets, remarks = _without_copies(sets)
    for part, path in (("train", real), ("synthetic", synthetic)):
        if not len(sets[part].labels):
            raise ValueError(
                "All of its pictures are also among the test or validation pictures: use other "
                f"ones for testing. Received: {str(path)!r}"
            )
    groups = [source_of(name, sources) for name in sets["train"].names]
    pools = TrainingPools(sets["train"], groups, sets["synthetic"], sets.get("validation"))
    test_groups = [source_of(name, sources) for name in sets["test"].names]
    return ProofData(pools, sets["test"], test_groups, remarks)


def _without_copies(
    sets: dict[str, LabelledImages],
) -> tuple[dict[str, LabelledImages], list[str]]:
    """Removes copies of test pictures, and copies of validation pictures among training ones."""
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
            f"{copies:,} synthetic pictures are identical to real training pictures: the synthetic "
            "set adds real pictures, also at amounts that should not include them."
        )
    for remark in remarks:
        warnings.warn(remark, stacklevel=4)
    return apart, remarks
