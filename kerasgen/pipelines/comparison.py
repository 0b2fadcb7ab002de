"""A comparison of two sets of any size, by a Beam pipeline."""

from __future__ import annotations

import functools
import hashlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.evaluation.comparison import CompareOptions
from kerasgen.evaluation.comparison.division import (
    BASELINE,
    REFERENCE,
    SYNTHETIC,
    count_pictures,
)
from kerasgen.evaluation.comparison.part_sums import (
    PartMeasure,
    compared_figures,
    first_centres,
)
from kerasgen.io.files import access_to, check_apart, check_writable, write_file
from kerasgen.io.progress import Report
from kerasgen.pipelines.running import StopFile, pipeline_options, run_pipeline


class HandBack:
    """What workers hand back, through files on the shared file system.

    Args:
        folder: For these files alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stop = StopFile(folder / "stop")

    def done(self, part: int) -> None:
        """Says that a part is measured, for the progress."""
        write_file(self.folder / f"{part}.done", b"")

    def count(self) -> int:
        """The number of parts that are measured."""
        return sum(1 for _ in self.folder.glob("*.done"))

    def put(self, name: str, value: np.ndarray) -> None:
        """Keeps a sum over all parts; a runner may do it twice."""
        stream = io.BytesIO()
        np.savez(stream, name=np.array(name), value=value)
        digest = hashlib.sha256(name.encode()).hexdigest()
        write_file(self.folder / f"{digest}.npz", stream.getvalue())

    def sums(self) -> dict[str, np.ndarray]:
        """The sums by name."""
        found = {}
        for path in self.folder.glob("*.npz"):
            with np.load(path) as stored:
                found[str(stored["name"])] = stored["value"]
        return found


def load_measure(
    real: Path, synthetic: Path, options: CompareOptions, centres: Mapping[str, np.ndarray]
) -> PartMeasure:
    """The measure of a part, with its networks loaded: called in each worker process."""
    folders = {REFERENCE: real, BASELINE: real, SYNTHETIC: synthetic}
    return PartMeasure(folders, options.extractors(), centres, options.size, options.channels)


def compare_in_pipeline(
    real: str | Path,
    synthetic: str | Path,
    out: str | Path,
    options: CompareOptions,
    flags: Sequence[str] = (),
    *,
    report: Report | None = None,
) -> dict[str, Any]:
    """Measures how a synthetic set differs from a real one, with memory for one part of each.

    The figures do not depend on the number of workers: parts follow from digests of the names, and
    sums are kept in twice the precision of float64. Features may be rounded otherwise on other
    processors.

    Args:
        real: Folder of real pictures, on a file system that all workers share.
        synthetic: Folder of synthetic pictures, likewise.
        out: Folder for what the workers hand back, likewise.
        options: Feature spaces by name, size, channels, rule of sources and seed; the others have
            no effect.
        flags: Flags of the pipeline, like ``--runner=FlinkRunner``; none for one process here.
        report: Called now and then with the numbers of parts done and of all.

    Returns:
        See ``compared_figures``.

    Raises:
        ValueError: If a set cannot be read or is too small, Beam is not installed, or a flag is
            unknown.
        Unfinished: After Ctrl-C or SIGTERM, or if the pipeline failed; it then begins anew.
    """
    beam_options = pipeline_options(flags)
    real, synthetic = Path(real).absolute(), Path(synthetic).absolute()
    check_apart(out, real=real, synthetic=synthetic)
    check_writable(out)
    centres = first_centres(real, options, options.extractors())
    census = count_pictures(real, synthetic, options.sources, options.seed)
    division = census.division(options.seed)
    from kerasgen.pipelines.part_steps import measure_parts

    build = functools.partial(
        measure_parts,
        folders={"real": real, "synthetic": synthetic},
        rule=options.sources,
        division=division,
        load=functools.partial(load_measure, real, synthetic, options, centres),
    )
    show = report or (lambda done, of: None)
    with _room(Path(out).absolute()) as folder:
        hand_back = HandBack(folder)
        run_pipeline(
            functools.partial(build, hand_back=hand_back),
            beam_options,
            hand_back.stop,
            hand_back.count,
            lambda done: show(done, division.parts),
        )
        sums = hand_back.sums()
    return compared_figures(sums, centres, census, division)


@contextmanager
def _room(out: Path) -> Iterator[Path]:
    """A folder of this comparison's own, for the time that it runs."""
    with access_to(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sums-", dir=out) as folder:
            yield Path(folder)
