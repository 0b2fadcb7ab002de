"""Options of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasgen.data.splits import SOURCE_RULES
from kerasgen.evaluation.comparison.real_fake_classifier import SMALL, Network, network_by_name
from kerasgen.evaluation.features.by_name import application, features_by_name
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.features.image_statistics import SMALLEST_SIDE


@dataclass(frozen=True)
class CompareOptions:
    """Options of ``compare``.

    Attributes:
        features: Feature spaces, by name (see ``features_by_name``) or as extractors. The map,
            neighbours, copies and classes are on the first.
        network: Network that is trained to distinguish the sets and whose feature maps are shown,
            by name (see ``network_by_name``); None to train none.
        size: Side, in pixels, to which pictures read from folders are resized.
        channels: Channels of pictures read from folders, 1 or 3.
        sources: Rule by which pictures of folders belong to one source and stay together:
            ``picture``, ``folder`` or ``name``, see ``source_of``. None: what the rows of a
            ``metadata.jsonl`` state (as with ``name``), frames of recordings where pictures are
            recognised as such, else each picture.
        synthetic_sources: The same rule for synthetic pictures; None for that of the real ones.
        by_class: Whether to compare class by class: the class is the first folder below the set's
            own, or the ``class_name`` of the rows of ``metadata.jsonl``.
        limit: Most pictures of each folder, drawn at random; None for all.
        seed: Seed of splits, draws and intervals.

    Raises:
        ValueError: If ``size`` is below 16, or there is no such feature space or network.
    """

    features: Sequence[str | FeatureExtractor] = ("pixels",)
    network: str | Network | None = SMALL
    size: int = 64
    channels: int = 3
    sources: str | None = None
    synthetic_sources: str | None = None
    by_class: bool = False
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Rejects values that would fail only later."""
        if self.size < SMALLEST_SIDE:
            received = f"size={self.size}"
            raise ValueError(
                f"`size` must be at least {SMALLEST_SIDE} pixels. Received: {received}"
            )
        if not {self.sources, self.synthetic_sources} <= {*SOURCE_RULES, None}:
            raise ValueError(
                f"Rules of sources are {', '.join(SOURCE_RULES)}. Received: "
                f"sources={self.sources!r}, synthetic_sources={self.synthetic_sources!r}"
            )
        if self.channels not in (1, 3) or (self.limit is not None and self.limit < 1):
            raise ValueError(
                "`channels` must be 1 or 3, and `limit` at least 1 or None. "
                f"Received: channels={self.channels}, limit={self.limit}"
            )

    def extractors(self) -> list[FeatureExtractor]:
        """The feature spaces, with their weights loaded."""
        spaces = [
            features_by_name(each) if isinstance(each, str) else each for each in self.features
        ]
        names = [space.name for space in spaces]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                "`features` must be one or more, with distinct names: remove one, or rename its "
                f"file or folder. Received: {', '.join(names)}"
            )
        return spaces

    def trained_network(self) -> Network | None:
        """The network to be trained, after checking that its weights can be read."""
        if self.network is None or isinstance(self.network, Network):
            return self.network
        network = network_by_name(self.network)
        if network.backbone != SMALL:
            application(network.backbone, network.weights)
        return network
