"""What is written of a job: label files, and which share of its pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasgen.annotations.index_set import IndexSet

SHARD = "shard"
"""Name of a shard in the settings of its folder."""

CATEGORIES = "categories"
"""Name of the categories in the settings of a folder whose classes come from annotations."""


@dataclass(frozen=True)
class Shard:
    """One of several folders that together hold the pictures of a job.

    It has every `of`-th block, so that all shards take about as long.

    Attributes:
        number: Its number, from 0.
        of: Number of shards.

    Raises:
        ValueError: If `number` is not from 0 to `of` - 1.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if not 0 <= self.number < self.of:
            raise ValueError(
                f"A shard is I/N, with I from 0 to N - 1. Received: shard={str(self)!r}"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Reads `I/N`.

        Raises:
            ValueError: If the text is of another form.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None:
            raise ValueError(f"A shard is I/N, such as 0/4. Received: shard={text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.number}/{self.of}"

    def next_step(self) -> str:
        """What to do when all shards are made, in one line."""
        return f"shard {self}; next, with all {self.of}: kerasgen merge OUT SHARD..."


@dataclass(frozen=True)
class ShardOfJob:
    """A shard with all that says which pictures it holds, as its settings have it.

    Attributes:
        number: As for `Shard`.
        of: As for `Shard`.
        count: Number of pictures of all shards.
        block: Number of pictures that the job makes together.
    """

    number: int
    of: int
    count: int
    block: int

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> ShardOfJob | None:
        """The shard that a folder's settings name; None if the folder is none.

        Raises:
            ValueError: If its fields are of no use.
        """
        fields = settings.get(SHARD)
        if fields is None:
            return None
        try:
            found = cls(**fields)
            Shard(found.number, found.of)
        except TypeError as error:
            raise ValueError(f"The shard cannot be read: {error}. Received: {fields}") from error
        return found

    @property
    def shard(self) -> Shard:
        """Its number among the others."""
        return Shard(self.number, self.of)

    def to_dict(self) -> dict[str, int]:
        """Its fields."""
        return asdict(self)

    def members(self) -> IndexSet:
        """The indices of its pictures: blocks `number`, `number + of`, and so on."""
        blocks = np.zeros(-(-self.count // self.block), bool)
        blocks[self.number :: self.of] = True
        return IndexSet(np.repeat(blocks, self.block)[: self.count])


@dataclass(frozen=True)
class Output:
    """What is written of a job.

    Attributes:
        yolo: Whether to write labels in YOLO's format, too.
        shard: The share of the pictures to make; None makes all.
        categories: `id`, `name`, `supercategory` and `folder`, the class, of each category that
            `instances.json` is to have; none counts the classes from 1.
    """

    yolo: bool = False
    shard: Shard | None = None
    categories: tuple[Mapping[str, Any], ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What the settings of the folder keep of it."""
        return {CATEGORIES: list(self.categories)} if self.categories else {}

    def share(self, count: int, block: int) -> ShardOfJob | None:
        """The shard of a job; None for all pictures.

        Args:
            count: Number of pictures of the job.
            block: Number of pictures that it makes together.

        Raises:
            ValueError: If there are fewer blocks than shards.
        """
        if self.shard is None:
            return None
        blocks = -(-count // block)
        if self.shard.of > blocks:
            raise ValueError(
                f"{count} pictures are too few for {self.shard.of} shards, as {block} are made "
                f"together: use at most {blocks}. Received: shard={str(self.shard)!r}"
            )
        return ShardOfJob(self.shard.number, self.shard.of, count, block)
