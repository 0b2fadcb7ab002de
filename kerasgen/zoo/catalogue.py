"""What the zoo holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.deployment.hub_page import Figure, shown_figures
from kerasgen.deployment.model_folders import (
    NETWORK,
    model_card,
    model_folder,
    zoo_names,
)

_SHOWN = 3
"""Figures of a model in a list."""


@dataclass(frozen=True)
class ZooModel:
    """A model of the zoo.

    Attributes:
        name: Its name.
        folder: Its newest version's folder.
        card: Its model card.
    """

    name: str
    folder: Path
    card: Mapping[str, Any]

    @property
    def figures(self) -> list[Figure]:
        """Its measured numbers, those that say the most first."""
        return shown_figures(self.card)

    @property
    def megabytes(self) -> float:
        """The size of its files, in megabytes of 1,000,000 bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    def __str__(self) -> str:
        """Name, task, data and size, then up to three figures."""
        head = f"{self.name}/{self.folder.name}  {self.card.get('task', '')}"
        network = "" if (self.folder / NETWORK).is_file() else ", no model.keras"
        data = f"    {self.card.get('data', 'data not stated')}, {self.megabytes:.1f} MB{network}"
        lines = [f"    {each.name}: {each}" for each in self.figures[:_SHOWN]]
        return "\n".join([head, data, *lines])


def zoo_models() -> list[ZooModel]:
    """The models of the zoo, by name; figures as their cards state them."""
    found = []
    for name in zoo_names():
        found.append(ZooModel(name, model_folder(name), model_card(name)))
    return found
