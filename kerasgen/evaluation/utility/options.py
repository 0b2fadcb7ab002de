"""What a proof trains, how often, and which score decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.utility.learners import Learner
from kerasgen.evaluation.utility.training_sets import TrainingPools

_FEWEST_OF_A_CLASS = 5
"""Real pictures of each class, on average, in the smallest amount that is tried by default."""


@dataclass(frozen=True)
class ProofOptions:
    """How a proof is made.

    Attributes:
        amounts: Of real pictures, rising; None for a sixteenth, a fourth and all.
        times: Synthetic pictures added for each real one.
        seeds: Classifiers of each kind.
        config: How each is trained.
        minutes: If given, the number of updates is chosen so that all are done in so many; for
            networks from scratch.
        features: If given, linear heads on these frozen features, by name (see
            ``features_by_name``) or as an extractor, in place of networks from scratch.
        learner: If given, trains the classifiers in place of what the three above say.
        score: ``accuracy`` or ``macro_f1``: what choices and verdicts go by.
        gate: Whether to try confirmed synthetic pictures, too.

    Raises:
        ValueError: If both ``minutes`` and ``features`` are given.
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

    def __post_init__(self) -> None:
        """Reject what contradicts itself."""
        if self.features is not None and self.minutes is not None:
            raise ValueError(
                "`minutes` is for networks from scratch; on features every update is quick: give "
                f"steps. Received: minutes={self.minutes:g}, features={self.features!r}"
            )

    def chosen_amounts(self, pools: TrainingPools) -> list[int]:
        """The amounts, for these pictures."""
        if self.amounts is not None:
            return list(self.amounts)
        most = len(pools.real.labels)
        least = _FEWEST_OF_A_CLASS * len(pools.real.class_names)
        return sorted({each for each in (most // 16, most // 4) if each >= least} | {most})
