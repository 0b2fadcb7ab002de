"""Training a classifier as long as it helps: the weights best on held-out pictures are kept.

A validation split, made by source (``kerasgen.data.splits.split_by_source``), says when to stop and
which weights to keep. Transfer learning trains a head on features that are computed once::

    train, held_out = split_by_source(sources, 0.2, seed=0, labels=labels)
    features, head = split_head(classifier)
    known = keras_features(features, "backbone")(images)
    batches = feature_batches(known[train], labels[train], 64, seed=0)
    validate = log_likelihood(known[held_out], labels[held_out])
    step = ClassifierStep(head, Player(head, keras.optimizers.Adam(1e-3)))
    fit_classifier(trainer, step, batches, validate, steps=2000, validate_every=50, patience=10)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerasgen.classifier import ClassifierStep, load_weights
from kerasgen.classifier.steps import check_class_weights, check_labels
from kerasgen.data.pipeline import Batches
from kerasgen.evaluation.classifiers.training import compute_logits
from kerasgen.io.files import read_json, replacing, write_json
from kerasgen.training.checkpoints import NonFiniteState
from kerasgen.training.trainer import Trainer

Validate = Callable[[keras.Model], float]
"""A network -> its score on held-out pictures; the higher the better."""

BEST = "best.keras"
"""In the phase's folder: the network with the best score so far."""

RECORD = "best.json"
"""Beside it: step and score of the best network, and all scores."""


@dataclass(frozen=True)
class FitResult:
    """How a training went.

    Attributes:
        scores: (updates made, score) for each validation, in that order; the first is from before
            the first update.
    """

    scores: tuple[tuple[int, float], ...]

    @property
    def best_step(self) -> int:
        """Updates behind the best weights; the first of equals."""
        return self._best[0]

    @property
    def best_score(self) -> float:
        """The best weights' score."""
        return self._best[1]

    @property
    def last_step(self) -> int:
        """Updates made."""
        return self.scores[-1][0]

    @property
    def since_best(self) -> int:
        """Validations since the best."""
        return len(self.scores) - 1 - self.scores.index(self._best)

    def __str__(self) -> str:
        """As ``score -0.52 at step 300, best -0.48 at step 200``."""
        last, best = self.scores[-1][1], self.best_score
        return (
            f"score {last:.4g} at step {self.last_step}, best {best:.4g} at step {self.best_step}"
        )

    @property
    def _best(self) -> tuple[int, float]:
        return max(self.scores, key=lambda row: row[1])


def fit_classifier(
    trainer: Trainer,
    step: ClassifierStep,
    batches: Batches,
    validate: Validate,
    *,
    steps: int,
    validate_every: int,
    patience: int,
    phase: str = "train",
) -> FitResult:
    """Trains until the score no longer rises; ends with the best weights, not the last.

    A run that was stopped goes on exactly; one that is finished returns at once, with its best
    weights. If the player averages weights, the averages are what is validated and kept.

    Args:
        trainer: Its work folder keeps, below ``phase``, checkpoints and logs as ever, and
            ``best.keras`` and ``best.json``. For one machine.
        step: Built in the trainer's scope. Its network has the best weights in the end; the head
            of ``split_head`` shares them with the whole.
        batches: To train on.
        validate: The score, such as ``log_likelihood(...)``.
        steps: Most updates, those before a restart included.
        validate_every: Updates between two validations; there is one before the first update, too.
        patience: Validations in a row without a better score after which the training ends.
        phase: Name of the folder below the work folder.

    Returns:
        The scores.

    Raises:
        NonFiniteState: If a score is not a finite number.
        ValueError: If a count is below 1, or the folder holds another network or a broken record.
        Interrupted: From the trainer, see ``Trainer.run``.
    """
    if min(steps, validate_every, patience) < 1:
        raise ValueError(
            "`steps`, `validate_every` and `patience` must be at least 1. "
            f"Received: steps={steps}, validate_every={validate_every}, patience={patience}"
        )
    folder = trainer.workdir / phase
    result = _read_record(folder / RECORD)
    if result is None:
        result = _validated(step, validate, FitResult(()), 0, folder)
    # Piece by piece: there is a checkpoint at every validation, and one that a stop prevented is
    # made up for.
    while result.last_step < steps and result.since_best < patience:
        target = min(steps, (result.last_step // validate_every + 1) * validate_every)
        done = trainer.run(step, batches, target, phase=phase)
        result = _validated(step, validate, result, done, folder)
        print(f"{phase}: {result}", flush=True)
    load_weights(step.classifier, folder / BEST)
    return result


def _validated(
    step: ClassifierStep, validate: Validate, before: FitResult, done: int, folder: Path
) -> FitResult:
    """Adds a score, and keeps the weights if it is the best."""
    with step.player.averaged():
        score = float(validate(step.classifier))
        if not math.isfinite(score):
            raise NonFiniteState(
                f"The validation score is {score} at step {done}: the run is stopped. Lower the "
                "learning rate, or look at what `validate` measures."
            )
        result = FitResult((*before.scores, (done, score)))
        if result.since_best == 0:
            with replacing(folder / BEST) as path:
                step.classifier.save(path)
    write_json(
        folder / RECORD,
        {"step": result.best_step, "score": result.best_score, "scores": result.scores},
    )
    return result


def _read_record(path: Path) -> FitResult | None:
    if not path.exists():
        return None
    try:
        scores = tuple((int(done), float(score)) for done, score in read_json(path)["scores"])
    except (KeyError, TypeError):
        scores = ()
    if not scores:
        raise ValueError(
            f"This is not a record of scores: use another work folder. Received: path={str(path)!r}"
        )
    return FitResult(scores)


def log_likelihood(
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    class_weights: Sequence[float] | np.ndarray | None = None,
    batch_size: int = 256,
) -> Validate:
    """Scores a network by the mean log-probability it gives the right class: minus the loss.

    Smoother than accuracy, which among few held-out pictures is mostly equal twice in a row.

    Args:
        inputs: ``[N, H, W, C]`` uint8 pictures or ``[N, D]`` float32 features, held out.
        labels: ``[N]`` integers.
        class_weights: Of the step, so that what is validated is what is trained.
        batch_size: Pictures at once.

    Returns:
        A function for ``fit_classifier``; it raises ValueError if a label or the class weights do
        not fit the network.

    Raises:
        ValueError: If the two are not of one length above 0.
    """
    labels = np.asarray(labels)
    if labels.shape != (len(inputs),) or not len(inputs):
        raise ValueError(
            "`inputs` and `labels` must be of one length above 0. "
            f"Received: {len(inputs)} inputs, labels of shape {labels.shape}"
        )

    def score(network: keras.Model) -> float:
        logits = compute_logits(network, inputs, batch_size).astype(np.float64)
        check_labels(labels, logits.shape[1])
        weights = np.ones(logits.shape[1]) if class_weights is None else class_weights
        weights = check_class_weights(weights, logits.shape[1])
        right = logits[np.arange(len(labels)), labels] - np.logaddexp.reduce(logits, axis=1)
        return float(np.mean(weights[labels] * right))

    return score
