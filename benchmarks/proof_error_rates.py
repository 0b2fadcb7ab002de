"""How often ``kerasgen prove`` says that useless pictures help, or hurt, by chance.

    python benchmarks/proof_error_rates.py --proofs 2000

Simulates proofs in which adding synthetic pictures changes nothing: classifiers of both arms are
right on a test picture with a probability that depends on the picture, the amount of real pictures
and the luck of the classifier. Prints a Markdown table of the share of proofs with a false verdict
at any amount, with each amount judged alone and with Holm's procedure.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics import Resampled, share_with_interval
from kerasgen.evaluation.utility.verdicts import verdicts


class FalseVerdicts(NamedTuple):
    """Which simulated proofs have a false verdict at any amount, each ``[P]`` bool."""

    alone_helps: np.ndarray
    alone_hurts: np.ndarray
    helps: np.ndarray
    hurts: np.ndarray


def false_verdicts(
    proofs: int,
    *,
    amounts: Sequence[int] = (250, 1000, 4000),
    classifiers: int = 5,
    test_pictures: int = 400,
    luck: float = 0.15,
    seed: int = 0,
) -> FalseVerdicts:
    """Simulates proofs of pictures that do not change anything.

    Args:
        proofs: P, the number of proofs.
        amounts: Amounts of real pictures; the logit of being right rises by 0.5 with each.
        classifiers: Classifiers of each arm and amount.
        test_pictures: Number of test pictures.
        luck: Standard deviation between classifiers, in logits.
        seed: Seed of the simulation.

    Returns:
        The false verdicts, judged alone and together.
    """
    found = []
    for number in range(proofs):
        gains = _useless(
            np.random.default_rng([seed, number]), amounts, classifiers, test_pictures, luck
        )
        alone = [verdicts({amount: gain})[amount].text for amount, gain in gains.items()]
        together = [each.text for each in verdicts(gains).values()]
        found.append(
            [
                any(text.startswith(f"It {word}") for text in texts)
                for texts in (alone, together)
                for word in ("helps", "hurts")
            ]
        )
    return FalseVerdicts(*np.array(found).T)


def _useless(
    random: np.random.Generator,
    amounts: Sequence[int],
    classifiers: int,
    test_pictures: int,
    luck: float,
) -> dict[int, Resampled]:
    """Gains, by amount, of one arm over another of the same skill."""
    hard = random.normal(1.0, 1.5, test_pictures)
    equal = np.full(test_pictures, 1 / test_pictures)
    weights = random.multinomial(test_pictures, equal, 1000).astype(np.float32)

    def arm(rank: int) -> Resampled:
        lucky = random.normal(0.0, luck, (classifiers, 1))
        chance = 1 / (1 + np.exp(-(hard + 0.5 * rank + lucky)))
        right = (random.random(chance.shape) < chance).astype(np.float32)
        return Resampled(right.mean(axis=1), weights @ right.T / test_pictures, test_pictures)

    return {amount: arm(rank).minus(arm(rank)) for rank, amount in enumerate(amounts)}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--proofs", type=int, default=2000)
    proofs = parser.parse_args().proofs
    print("| amounts | classifiers | test pictures | alone: helps | hurts | Holm: helps | hurts |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count, classifiers, pictures in (
        (1, 5, 400),
        (3, 5, 400),
        (3, 5, 100),
        (3, 10, 400),
        (5, 5, 400),
    ):
        rates = false_verdicts(
            proofs,
            amounts=range(1, count + 1),
            classifiers=classifiers,
            test_pictures=pictures,
        )
        cells = [
            f"{100 * each.value:.1f} [{100 * each.low:.1f}, {100 * each.high:.1f}] %"
            for each in map(share_with_interval, rates)
        ]
        print(f"| {count} | {classifiers} | {pictures} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
