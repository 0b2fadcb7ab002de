"""Early stopping for classifiers: the weights that are best on held-out pictures are kept.

The validation split is made by source (``kerasgen.data.splits.split_by_source``). Transfer
learning trains a head on features that are computed once::

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
"""Function of a network that returns its score on held-out pictures; higher is better."""

BEST = "best.keras"
"""File in the phase's folder: the network with the best score so far."""

RECORD = "best.json"
"""File beside it: step and score of the best network, and all scores."""


_PICTURES = 1024
"""From which batch statistics of averaged weights are measured."""


@dataclass(frozen=True)
class FitResult:
    """Validation scores of a training.

    Attributes:
        scores: (updates, score) for each validation, in order; the first is from before the first
            update.
    """

    scores: tuple[tuple[int, float], ...]

    @property
    def best_step(self) -> int:
        """Updates of the best weights; the first of equal scores."""
        return self._best[0]

    @property
    def best_score(self) -> float:
        """Score of the best weights."""
        return self._best[1]

    @property
    def last_step(self) -> int:
        """Updates in total."""
        return self.scores[-1][0]

    @property
    def since_best(self) -> int:
        """Validations since the best."""
        return len(self.scores) - 1 - self.scores.index(self._best)

    def __str__(self) -> str:
        """Text such as ``score -0.52 at step 300, best -0.48 at step 200``."""
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
    """Trains until the score stops rising, and ends with the best weights.

    An interrupted run is resumed exactly; a finished one returns at once, with its best weights. If
    the player averages weights, the averages are validated and kept. Of several workers the chief
    validates, and its score counts for all.

    Args:
        trainer: Its work folder keeps, below ``phase``, checkpoints, logs, ``best.keras`` and
            ``best.json``.
        step: Built in the trainer's scope. The chief's network ends with the best weights, those of
            other workers with the last; the head of ``split_head`` shares them with the whole
            network.
        batches: Training batches.
        validate: The score, such as ``log_likelihood(...)``.
        steps: Most updates, including those before a restart.
        validate_every: Updates between validations; there is one before the first update, too.
        patience: Consecutive validations without a better score after which training stops.
        phase: Name of the folder below the work folder.

    Returns:
        The scores of all validations.

    Raises:
        NonFiniteState: If a score is not a finite number.
        ValueError: If a count is below 1, or the folder has another network, other batches or a
            broken record.
        RuntimeError: If another worker ended or cannot be reached.
        Interrupted: From the trainer, see ``Trainer.run``.
    """
    _check_arguments(steps, validate_every, patience)
    folder = trainer.workdir / phase
    # The chief's record counts: that of another worker may be older.
    result = _shared(trainer, _read_record(folder / RECORD) if trainer.chief else FitResult(()))
    if not result.scores:
        result = _validated(trainer, step, batches, validate, result, 0, folder)
    else:
        trainer.check(step, batches, phase=phase)
    # There is a checkpoint at every validation; one that an interruption prevented is repeated.
    while result.last_step < steps and result.since_best < patience:
        target = min(steps, (result.last_step // validate_every + 1) * validate_every)
        done = trainer.run(step, batches, target, phase=phase)
        result = _validated(trainer, step, batches, validate, result, done, folder)
        if trainer.chief:
            print(f"{phase}: {result}", flush=True)
    if trainer.chief:
        load_weights(step.classifier, folder / BEST)
    return result


def _shared(trainer: Trainer, result: FitResult) -> FitResult:
    """The chief's scores on every worker."""
    numbers = trainer.from_chief([number for row in result.scores for number in row])
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return FitResult(tuple((int(done), score) for done, score in pairs))


def _check_arguments(steps: int, validate_every: int, patience: int) -> None:
    if min(steps, validate_every, patience) < 1:
        raise ValueError(
            "`steps`, `validate_every` and `patience` must be at least 1. "
            f"Received: steps={steps}, validate_every={validate_every}, patience={patience}"
        )


def _validated(
    trainer: Trainer,
    step: ClassifierStep,
    batches: Batches,
    validate: Validate,
    before: FitResult,
    done: int,
    folder: Path,
) -> FitResult:
    """Adds the chief's score, and keeps the weights if it is the best."""
    if not trainer.chief:
        return _shared(trainer, before)
    first = batches.dataset().take(-(-_PICTURES // batches.batch_size))
    with step.player.averaged(step.classifier(inputs, training=True) for inputs, _ in first):
        score = float(validate(step.classifier))
        if not math.isfinite(score):
            raise NonFiniteState(
                f"The validation score is {score} at step {done}: the run is stopped. Lower the "
                "learning rate, or check what `validate` measures."
            )
        result = FitResult((*before.scores, (done, score)))
        if result.since_best == 0:
            with replacing(folder / BEST) as path:
                step.classifier.save(path)
    write_json(
        folder / RECORD,
        {"step": result.best_step, "score": result.best_score, "scores": result.scores},
    )
    return _shared(trainer, result)


def _read_record(path: Path) -> FitResult:
    if not path.exists():
        return FitResult(())
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
    """Scores a network by the mean log-probability of the true class, which is minus the loss.

    It is smoother than accuracy, which often does not change between validations on few pictures.

    Args:
        inputs: ``[N, H, W, C]`` uint8 pictures or ``[N, D]`` float32 features, held out.
        labels: ``[N]`` integers.
        class_weights: Class weights of the step, so that the score is minus the trained loss.
        batch_size: Rows in a batch.

    Returns:
        A function for ``fit_classifier``; it raises ValueError if a label or the class weights do
        not match the network.

    Raises:
        ValueError: If inputs and labels differ in length, or are empty.
    """
    labels = np.asarray(labels)
    if labels.shape != (len(inputs),) or not len(inputs):
        raise ValueError(
            "`inputs` and `labels` must have one length above 0. "
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
