"""Values, speed and memory of the metrics, compared with widely used packages.

    pip install -e ".[bench]"
    python benchmarks/metrics.py

On the same random features, float32 as networks compute them:

- kernel: kernel_distance, clean-fid and torch-fidelity, each with its defaults. The packages take
  the mean of 100 subsets of 1,000 samples; kerasgen that of disjoint parts of as many, with the
  linear kernel's values of the pairs across parts, and an interval from 200 halves.
- all_pairs: all samples in one part or subset, without an interval. On float64 copies, since the
  packages compute in the precision of the features.
- frechet: frechet_distance, with an interval, and both packages, without one.
- manifold: manifold_scores, with intervals, and prdc, without them.

Each side runs in a process of its own, on as many threads as the others; rounds alternate. Peak
memory excludes that of the process with the features loaded and everything imported.

Printed: relative differences of the values on few samples in float64, where all packages can use
all samples; the deviation of each side's kernel distance from that of all pairs, over draws of the
subsets or parts; and seconds (medians), their ratio (median and quartiles), and MiB.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from absl import app, flags
from sides import Built, Side, forget_peak

FLAGS = flags.FLAGS
flags.DEFINE_integer("samples", 10_000, "Samples of each set.", 2000)
flags.DEFINE_integer("size", 1280, "Features of a sample.", 64)
flags.DEFINE_integer("rounds", 3, "Rounds of alternating sides.", 1)
flags.DEFINE_integer("draws", 5, "Draws of subsets for the spread of the kernel distance.", 0)
flags.DEFINE_list("metrics", ["kernel", "all_pairs", "frechet", "manifold"], "Metrics to time.")

FEW = 1500
K = 5


def features(samples: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets like a network's features: not negative, correlated, of unequal scale."""
    generator = np.random.default_rng(0)
    turn = generator.normal(size=(64, size)).astype(np.float32)
    sets = []
    for shift in (0.0, 0.2):
        hidden = generator.normal(shift, 1.0, (samples, 64)).astype(np.float32)
        noise = generator.normal(size=(samples, size)).astype(np.float32)
        sets.append(np.maximum(hidden @ turn / 8 + 0.5 * noise, 0))
    return sets[0], sets[1]


def our_kernel(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Any:
    """KID with an interval."""
    from kerasgen.evaluation.metrics import kernel_distance

    return kernel_distance(a, b, seed=seed).value


def our_all_pairs(a: np.ndarray, b: np.ndarray) -> Any:
    """The same of all pairs, with two halves only: the packages have no interval here."""
    from kerasgen.evaluation.metrics import kernel_distance

    return kernel_distance(a, b, part_size=None, subsets=2).value


def our_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """Frechet distance with an interval."""
    from kerasgen.evaluation.metrics import frechet_distance

    return frechet_distance(a, b).value


def our_manifold(a: np.ndarray, b: np.ndarray) -> Any:
    """Precision, recall, density, coverage, with intervals."""
    from kerasgen.evaluation.metrics import manifold_scores

    return [score.value for score in manifold_scores(a, b, k=K)]


def clean_kernel(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Any:
    """clean-fid's, with its defaults."""
    np.random.seed(seed)
    return _clean().kernel_distance(a, b, num_subsets=100, max_subset_size=1000)


def clean_all_pairs(a: np.ndarray, b: np.ndarray) -> Any:
    """clean-fid's, of one subset with all samples."""
    return _clean().kernel_distance(a, b, num_subsets=1, max_subset_size=len(a))


def clean_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """clean-fid's, moments included."""
    moments = [part for one in (a, b) for part in (one.mean(axis=0), np.cov(one, rowvar=False))]
    return _clean().frechet_distance(*moments)


def fidelity_kernel(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Any:
    """torch-fidelity's, with its defaults."""
    return _fidelity_kernel(a, b, 100, min(1000, len(a)), seed)


def fidelity_all_pairs(a: np.ndarray, b: np.ndarray) -> Any:
    """torch-fidelity's, of one subset with all samples."""
    return _fidelity_kernel(a, b, 1, len(a), 0)


def _fidelity_kernel(a: np.ndarray, b: np.ndarray, subsets: int, size: int, seed: int) -> Any:
    import torch

    found = _fidelity("metric_kid").kid_features_to_metric(
        torch.from_numpy(a), torch.from_numpy(b), kid_subsets=subsets, kid_subset_size=size,
        rng_seed=seed, verbose=False,
    )  # fmt: skip
    return found["kernel_inception_distance_mean"]


def fidelity_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """torch-fidelity's, moments included."""
    import torch

    module = _fidelity("metric_fid")
    moments = [module.fid_features_to_statistics(torch.from_numpy(one)) for one in (a, b)]
    return module.fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"]


def prdc_manifold(a: np.ndarray, b: np.ndarray) -> Any:
    """Scores of prdc."""
    from prdc import compute_prdc

    found = compute_prdc(a, b, nearest_k=K)
    return [found[name] for name in ("precision", "recall", "density", "coverage")]


def _clean() -> Any:
    _without_torchvision()
    from cleanfid import fid

    return fid


def _fidelity(name: str) -> Any:
    _without_torchvision()
    return importlib.import_module(f"torch_fidelity.{name}")


class _MockTorchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Replaces torchvision, which both packages import but do not need for features."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The spec of torchvision and its submodules."""
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        """A module with any attribute."""
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: mock.MagicMock()  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing to run."""


def _without_torchvision() -> None:
    try:
        import torchvision  # noqa: F401
    # There is no build of it for PyTorch without CUDA.
    except (ImportError, RuntimeError):
        sys.meta_path.insert(0, _MockTorchvision())


METRICS: dict[str, tuple[Callable, ...]] = {
    "kernel": (our_kernel, clean_kernel, fidelity_kernel),
    "all_pairs": (our_all_pairs, clean_all_pairs, fidelity_all_pairs),
    "frechet": (our_frechet, clean_frechet, fidelity_frechet),
    "manifold": (our_manifold, prdc_manifold),
}
"""kerasgen's function first."""

PACKAGES = {"clean": "cleanfid", "fidelity": "torch_fidelity", "prdc": "prdc"}
"""Packages by the first word of their functions above."""


def drop_missing() -> None:
    """Drops and reports the packages that are not installed."""
    for start, package in PACKAGES.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package} is not installed: nothing is compared with it", flush=True)
            for name, measures in METRICS.items():
                METRICS[name] = tuple(
                    each for each in measures if not each.__name__.startswith(start)
                )


def build(measure: Callable, path: str) -> Built:
    """A side with features in memory; a first call does the imports."""
    sets = np.load(path)
    measure(*sets[:, :64, :8])
    return lambda: measure(*sets), {"before": forget_peak()}


def compare(name: str, path: str) -> None:
    """Times one metric on all sides and prints a row for each."""
    measures = METRICS[name]
    sides = [Side(build, measure, path) for measure in measures]
    taken = np.array([[side.timed() for side in sides] for _ in range(FLAGS.rounds)])
    grown = [side.end() - side.facts["before"] for side in sides]
    ours, ours_mib = np.median(taken[:, 0]), grown[0]
    print(f"{name}: {ours:.1f} s, {ours_mib:.0f} MiB", flush=True)
    for column, measure in enumerate(measures[1:], start=1):
        theirs, theirs_mib = np.median(taken[:, column]), grown[column]
        low, middle, high = np.percentile(taken[:, column] / taken[:, 0], [25, 50, 75])
        print(
            f"{name}, {measure.__name__}: {theirs:.1f} s, {middle:.2f} [{low:.2f}, {high:.2f}] "
            f"times ours; {theirs_mib:.0f} MiB, {theirs_mib / ours_mib:.2f} times ours",
            flush=True,
        )


def agreement() -> None:
    """Prints how far the values differ on few samples, all of them used."""
    a, b = (one.astype(np.float64) for one in features(FEW, 64))
    for name in ("all_pairs", "frechet", "manifold"):
        ours, *theirs = (measure(a, b) for measure in METRICS[name])
        if theirs:
            difference = max(np.max(np.abs(np.divide(each, ours) - 1)) for each in theirs)
            print(f"{name}: largest relative difference {difference:.1e}", flush=True)


def spread(path: str) -> None:
    """Prints how far kernel distances of subsets are from that of all pairs."""
    a, b = np.load(path)
    whole = our_all_pairs(a, b)
    print(f"kernel: {whole:.6g} of all pairs")
    for measure in METRICS["kernel"]:
        errors = [measure(a, b, seed=seed) - whole for seed in range(FLAGS.draws)]
        error = np.sqrt(np.mean(np.square(errors)))
        print(f"kernel: {measure.__name__} is {error:.1e} from it (rms of {FLAGS.draws} draws)")


def main(arguments: list[str]) -> None:
    """Agreement, spread, then time and memory."""
    del arguments
    drop_missing()
    agreement()
    threads = len(os.sched_getaffinity(0))
    # Read when the sides import their libraries.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)))
    with tempfile.TemporaryDirectory() as folder:
        single, double = (str(Path(folder) / f"{name}.npy") for name in ("single", "double"))
        sets = np.stack(features(FLAGS.samples, FLAGS.size))
        np.save(single, sets)
        np.save(double, sets.astype(np.float64))
        if FLAGS.draws:
            spread(single)
        print(
            f"{FLAGS.samples} samples of {FLAGS.size} features, {FLAGS.rounds} rounds, {threads=}"
        )
        for name in FLAGS.metrics:
            compare(name, double if name == "all_pairs" else single)


if __name__ == "__main__":
    app.run(main)
