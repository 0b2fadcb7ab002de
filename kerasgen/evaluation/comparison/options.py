"""How two sets are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasgen.evaluation.comparison.real_fake_classifier import SMALL, Network, network_by_name
from kerasgen.evaluation.features.by_name import application, features_by_name
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.features.image_statistics import SMALLEST_SIDE


@dataclass(frozen=True)
class CompareOptions:
    """How two sets are compared.

    Attributes:
        features: Feature spaces, by name (see ``features_by_name``) or as extractors. The map,
            neighbours, copies and classes are on the first.
        network: What is trained to tell the sets apart, by name (see ``network_by_name``), and
            whose feature maps are shown; None for none.
        size: Side, in pixels, to which the pictures of folders are brought.
        channels: 1 or 3, of the pictures of folders.
        sources: Which pictures of folders are of one source and stay together: ``picture``,
            ``folder`` or ``name``, see ``source_of``.
        synthetic_sources: The same for the synthetic ones; None for the same rule.
        by_class: Whether to compare class by class: the class is the first folder below the set's
            own, or the ``class_name`` of the rows of ``metadata.jsonl``.
        limit: At most so many pictures of each folder, drawn at random; None for all.
        seed: Of splits, draws and intervals.

    Raises:
        ValueError: If ``size`` is below 16, or there is no such feature space or network.
    """

    features: Sequence[str | FeatureExtractor] = ("pixels",)
    network: str | Network | None = SMALL
    size: int = 64
    channels: int = 3
    sources: str = "picture"
    synthetic_sources: str | None = None
    by_class: bool = False
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject what could only fail later."""
        if self.size < SMALLEST_SIDE:
            received = f"size={self.size}"
            raise ValueError(
                f"`size` must be at least {SMALLEST_SIDE} pixels. Received: {received}"
            )

    def extractors(self) -> list[FeatureExtractor]:
        """The feature spaces, with their weights read."""
        spaces = [
            features_by_name(each) if isinstance(each, str) else each for each in self.features
        ]
        names = [space.name for space in spaces]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                "`features` must be one or more, with names of their own: leave out one, or rename "
                f"its file or folder. Received: {', '.join(names)}"
            )
        return spaces

    def trained_network(self) -> Network | None:
        """The network to be trained, after a look whether its weights can be read."""
        if self.network is None or isinstance(self.network, Network):
            return self.network
        network = network_by_name(self.network)
        if network.backbone != SMALL:
            application(network.backbone, network.weights)
        return network
