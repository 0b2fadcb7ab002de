"""Where models are: ``NAME/VERSION`` folders, and those of the zoo by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerasgen.io.files import read_json
from kerasgen.io.names import PathLike

MODEL_CARD = "model_card.json"
NETWORK = "model.keras"
"""The network itself, for Keras."""
_GRAPH = "saved_model.pb"


def zoo_folder() -> Path:
    """The folder of the zoo's models: ``saved_models`` of a checkout, or its copy in the package.

    Returns:
        A folder with ``NAME/VERSION``; models that the examples export beside the zoo's belong to
        it.
    """
    package = Path(__file__).parents[1]
    checkout = package.parent / "saved_models"
    return checkout if (checkout / "README.md").is_file() else package / "zoo" / "models"


def zoo_names() -> list[str]:
    """The names of the models in the zoo, sorted."""
    return names_in(zoo_folder())


def names_in(home: Path) -> list[str]:
    """The names of the models in a folder of ``NAME/VERSION`` folders, sorted."""
    return sorted(path.name for path in home.iterdir() if _versions(path)) if home.is_dir() else []


def model_folder(model: PathLike) -> Path:
    """The version folder of a model.

    Args:
        model: A name in the zoo, as ``fashion`` or ``fashion/1``, a version folder, or a folder of
            versions, of which the newest is meant. A name in the zoo comes before a folder of the
            same name: write ``./fashion`` for that.

    Returns:
        The version folder, absolute.

    Raises:
        ValueError: If there is no such model.
    """
    name, _, version = str(model).partition("/")
    named = name in zoo_names() and (not version or version.isdecimal())
    for path in (zoo_folder() / model, Path(model)) if named else (Path(model),):
        if (path / _GRAPH).is_file():
            return path.resolve()
        if found := _versions(path):
            return (path / str(max(found))).resolve()
    raise ValueError(
        "There is no SavedModel in this folder (no saved_model.pb), nor a model of this name in "
        "the zoo. Pass the version folder, as saved_models/NAME/1, or a name: "
        f"{', '.join(zoo_names()) or 'the zoo is empty'}. Received: {str(model)!r}"
    )


def model_card(model: PathLike) -> dict[str, Any]:
    """The card of a model.

    Args:
        model: As for ``model_folder``.

    Returns:
        Its entries; empty if it has no card.

    Raises:
        ValueError: If there is no such model, or its card cannot be read.
    """
    path = model_folder(model) / MODEL_CARD
    return read_json(path) if path.is_file() else {}


def _versions(home: Path) -> list[int]:
    return [
        int(path.parent.name)
        for path in home.glob(f"*/{_GRAPH}")
        if path.parent.name.isdecimal() and str(int(path.parent.name)) == path.parent.name
    ]
