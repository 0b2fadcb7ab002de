"""The steps that compare two sets; importing them needs Beam."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from kerasgen.evaluation.comparison.division import SETS, Division, listed_pictures
from kerasgen.evaluation.comparison.part_sums import PartMeasure
from kerasgen.evaluation.metrics import ExactSum
from kerasgen.pipelines.comparison import HandBack


def measure_parts(
    pipeline: beam.Pipeline,
    folders: Mapping[str, Path],
    rule: str | None,
    division: Division,
    load: Callable[[], PartMeasure],
    hand_back: HandBack,
) -> beam.PCollection:
    """Measures two sets part by part on the workers, and hands back the sums over all parts.

    Args:
        pipeline: The pipeline to add the steps to.
        folders: The folders of the ``real`` and the ``synthetic`` pictures.
        rule: Rule of sources of the real ones.
        division: The parts.
        load: Gives the measure of a part, in each worker process.
        hand_back: Takes the sums.

    Returns:
        A collection of None.
    """

    def placed(kind: str) -> Iterator[tuple[int, tuple[str, str]]]:
        for picture in listed_pictures(folders[kind], rule if kind == "real" else "picture"):
            if place := division.place(kind, picture):
                yield place[0], (place[1], picture.name)

    return (
        pipeline
        | "Sets" >> beam.Create(list(folders))
        | "Names" >> beam.FlatMap(placed).with_output_types(tuple[int, tuple[str, str]])
        | "Parts" >> beam.GroupByKey()
        | "Measure" >> beam.ParDo(_MeasurePart(load, hand_back))
        | "Add" >> beam.CombinePerKey(_Add())
        | "Hand back" >> beam.Map(lambda pair: hand_back.put(*pair))
    )


class _MeasurePart(beam.DoFn):
    """Yields the sums over one part by name."""

    def __init__(self, load: Callable[[], PartMeasure], hand_back: HandBack) -> None:
        self._load, self._hand_back = load, hand_back
        self._shared = Shared()

    def setup(self) -> None:
        self._measure = self._shared.acquire(self._load)

    def process(
        self, element: tuple[int, Iterable[tuple[str, str]]]
    ) -> Iterator[tuple[str, np.ndarray]]:
        if self._hand_back.stop.is_set():
            return
        part, pictures = element
        names: dict[str, list[str]] = {own: [] for own in SETS}
        for own, name in pictures:
            names[own].append(name)
        yield from self._measure.sums(names)
        self._hand_back.done(part)


class _Add(beam.CombineFn):
    """Adds arrays; the order of the parts, which no runner promises, has no effect."""

    def create_accumulator(self) -> ExactSum | None:
        return None

    def add_input(self, accumulator: ExactSum | None, element: np.ndarray) -> ExactSum:
        return self._joined(accumulator, ExactSum.of(element))

    def merge_accumulators(self, accumulators: Iterable[ExactSum | None]) -> ExactSum | None:
        return functools.reduce(
            self._joined, (each for each in accumulators if each is not None), None
        )

    def extract_output(self, accumulator: ExactSum) -> np.ndarray:
        return accumulator.value

    @staticmethod
    def _joined(one: ExactSum | None, other: ExactSum) -> ExactSum:
        return other if one is None else one.plus(other)
