"""Our metrics beside the packages people use: the same numbers, how fast, in how much memory.

    pip install -e ".[bench]"
    python benchmarks/metrics.py

On the same random features: kernel_distance beside clean-fid and torch-fidelity (100 subsets of
1,000 samples each; ours uses all samples, and 200 halves for its interval), frechet_distance beside
both (ours has an interval, theirs none), manifold_scores beside prdc. Each runs in a process of its
own; rounds take turns.

Printed: how far the numbers differ, relative, on fewer samples, where theirs can be asked for all
of them at once; and the ratios of time (medians and quartiles) and of peak memory, less what the
process had before it began.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import resource
import sys
import types
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from absl import app, flags
from sides import Built, Side

FLAGS = flags.FLAGS
flags.DEFINE_integer("samples", 10_000, "Samples of each set.", 2000)
flags.DEFINE_integer("size", 1280, "Features of a sample.", 2)
flags.DEFINE_integer("rounds", 3, "Rounds of turns.", 1)
flags.DEFINE_list("metrics", ["kernel", "frechet", "manifold"], "Which to measure.")

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


def our_kernel(a: np.ndarray, b: np.ndarray) -> Any:
    """KID with an interval."""
    from kerasgen.evaluation.metrics import kernel_distance

    return kernel_distance(a, b).value


def our_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """Frechet distance with an interval."""
    from kerasgen.evaluation.metrics import frechet_distance

    return frechet_distance(a, b).value


def our_manifold(a: np.ndarray, b: np.ndarray) -> Any:
    """Precision, recall, density, coverage, with intervals."""
    from kerasgen.evaluation.metrics import manifold_scores

    return [score.value for score in manifold_scores(a, b, k=K)]


def clean_kernel(a: np.ndarray, b: np.ndarray, subsets: int = 100, most: int = 1000) -> Any:
    """clean-fid's."""
    return _clean().kernel_distance(a, b, num_subsets=subsets, max_subset_size=most)


def clean_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """clean-fid's, moments included."""
    moments = [part for one in (a, b) for part in (one.mean(axis=0), np.cov(one, rowvar=False))]
    return _clean().frechet_distance(*moments)


def fidelity_kernel(a: np.ndarray, b: np.ndarray, subsets: int = 100, most: int = 1000) -> Any:
    """torch-fidelity's."""
    import torch

    found = _fidelity("metric_kid").kid_features_to_metric(
        torch.from_numpy(a), torch.from_numpy(b), kid_subsets=subsets, kid_subset_size=most,
        verbose=False,
    )  # fmt: skip
    return found["kernel_inception_distance_mean"]


def fidelity_frechet(a: np.ndarray, b: np.ndarray) -> Any:
    """torch-fidelity's, moments included."""
    import torch

    module = _fidelity("metric_fid")
    moments = [module.fid_features_to_statistics(torch.from_numpy(one)) for one in (a, b)]
    return module.fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"]


def prdc_manifold(a: np.ndarray, b: np.ndarray) -> Any:
    """Those of prdc."""
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


class _Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands for torchvision, which both import for networks and pictures: here are features."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Of torchvision and all below it."""
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        """A module with whatever is asked for."""
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
        sys.meta_path.insert(0, _Stand())


METRICS: dict[str, tuple[Callable, ...]] = {
    "kernel": (our_kernel, clean_kernel, fidelity_kernel),
    "frechet": (our_frechet, clean_frechet, fidelity_frechet),
    "manifold": (our_manifold, prdc_manifold),
}
"""Ours first."""


def build(measure: Callable, samples: int, size: int) -> Built:
    """A side with features in memory; the first call imports what it needs."""
    sets = features(samples, size)
    measure(*(one[:FEW] for one in sets))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return lambda: measure(*sets), {"before": before}


def compare(name: str) -> None:
    """Times one metric on all sides and prints the ratios."""
    measures = METRICS[name]
    sides = [Side(build, measure, FLAGS.samples, FLAGS.size) for measure in measures]
    taken = np.array([[side.timed() for side in sides] for _ in range(FLAGS.rounds)])
    grown = [side.end() - side.facts["before"] for side in sides]
    for place, measure in enumerate(measures[1:], start=1):
        low, middle, high = np.percentile(taken[:, place] / taken[:, 0], [25, 50, 75])
        print(
            f"{name} beside {measure.__name__}: {middle:.2f} [{low:.2f}, {high:.2f}] times as fast "
            f"({np.median(taken[:, 0]):.1f} s), {grown[0]:.0f} MiB more beside {grown[place]:.0f}",
            flush=True,
        )


def agreement() -> None:
    """How far the numbers differ on few samples, all of them used."""
    a, b = (one.astype(np.float64) for one in features(FEW, 64))
    whole = {
        "kernel": [our_kernel(a, b), fidelity_kernel(a, b, 1, FEW)],
        "frechet": [our_frechet(a, b), fidelity_frechet(a, b), clean_frechet(a, b)],
        "manifold": [our_manifold(a, b), prdc_manifold(a, b)],
    }
    for name, (ours, *theirs) in whole.items():
        difference = max(np.max(np.abs(np.divide(each, ours) - 1)) for each in theirs)
        print(f"{name}: the numbers differ by {difference:.1e} at most, relative", flush=True)


def main(arguments: list[str]) -> None:
    """Agreement, then time and memory."""
    del arguments
    agreement()
    print(f"{FLAGS.samples} samples of {FLAGS.size} features, {FLAGS.rounds} rounds")
    for name in FLAGS.metrics:
        compare(name)


if __name__ == "__main__":
    app.run(main)
