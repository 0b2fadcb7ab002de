"""Options of a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.utility.analysis import SCORES
from kerasgen.evaluation.utility.arms import AUGMENTATIONS
from kerasgen.evaluation.utility.learners import Learner
from kerasgen.evaluation.utility.training_sets import TrainingPools

_FEWEST_OF_A_CLASS = 5
"""Real pictures per class, on average, in the smallest default amount."""


@dataclass(frozen=True)
class ProofOptions:
    """Options of ``prove``.

    Attributes:
        amounts: Amounts of real pictures, rising; None for a sixteenth, a fourth and all.
        times: Synthetic pictures added for each real one.
        seeds: Classifiers of each arm and amount.
        config: Training configuration.
        minutes: If set, the number of updates is chosen so that all classifiers are trained in
            this time; for networks from scratch.
        features: If set, train linear heads on these frozen features, by name (see
            ``features_by_name``) or as an extractor, instead of networks from scratch.
        learner: If set, trains the classifiers instead of the three options above.
        score: ``accuracy`` or ``macro_f1``, for choices and verdicts.
        gate: Whether to add arms with confirmed synthetic pictures.
        augmentations: Strengths of augmentation, of ``none``, ``flip``, ``shift`` (and flip) and
            ``trivial`` (one strong operation of several): real pictures alone and mixtures are
            trained with each, and both are judged with the one that is best on held-out pictures.

    Raises:
        ValueError: If both ``minutes`` and ``features`` are set.
    """

    amounts: Sequence[int] | None = None
    times: Sequence[float] = (1.0, 4.0)
    seeds: int = 5
    config: TrainConfig = TrainConfig(steps=1000, batch_size=64, width=16)
    minutes: float | None = None
    features: str | FeatureExtractor | None = None
    learner: Learner | None = None
    score: str = "accuracy"
    gate: bool = False
    augmentations: Sequence[str] = tuple(AUGMENTATIONS)

    def __post_init__(self) -> None:
        """Rejects contradictory options."""
        if self.features is not None and self.minutes is not None:
            raise ValueError(
                "`minutes` is for networks from scratch; with features, set the number of updates "
                f"instead. Received: minutes={self.minutes:g}, features={self.features!r}"
            )
        if self.score not in SCORES or self.seeds < 1:
            raise ValueError(
                f"`score` must be among {', '.join(SCORES)} and `seeds` at least 1. "
                f"Received: score={self.score!r}, seeds={self.seeds}"
            )

    def chosen_amounts(self, pools: TrainingPools) -> list[int]:
        """The amounts of real pictures, for these pools."""
        if self.amounts is not None:
            return list(self.amounts)
        most = len(pools.real.labels)
        least = _FEWEST_OF_A_CLASS * len(pools.real.class_names)
        return sorted({each for each in (most // 16, most // 4) if each >= least} | {most})
