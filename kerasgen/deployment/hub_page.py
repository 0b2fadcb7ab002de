"""A model card as a page of the Hugging Face Hub: YAML front matter and Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.deployment.model_folders import model_card
from kerasgen.deployment.model_kinds import Kind
from kerasgen.io.files import write_file
from kerasgen.io.front_matter import front_matter

PAGE = "README.md"
SHEET = "samples.png"

_TASKS: dict[Kind, str] = {
    "generator": "unconditional-image-generation",
    "refiner": "image-to-image",
    "translator": "image-to-image",
    "classifier": "image-classification",
}
"""The Hub's names of tasks; it has none for pictures of a class."""

_LICENCES = {"mit", "apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "bsd-3-clause"}
"""Identifiers that the Hub knows."""

_CHANGES = (
    "kerasgen synthesize {name} --sources DIR --out made",
    "It knows the kind of picture that it was trained on; others come out wrong without a warning.",
    "test sets, for its pictures are no evidence of how a model does on real ones; pictures that "
    "are to pass as photographs.",
)
_TEXTS: dict[Kind, tuple[str, str, str]] = {
    "generator": (
        "kerasgen synthesize {name} --count 1000 --out made",
        "It knows the classes and the kind of picture that it was trained on, nothing else, and "
        "repeats what is uneven in them.",
        _CHANGES[2],
    ),
    "refiner": _CHANGES,
    "translator": _CHANGES,
    "classifier": (
        "kerasgen synthesize GENERATOR --count 1000 --gate {name} --out made",
        "It knows the kind of picture that it was trained on; its probabilities on others mean "
        "nothing.",
        "decisions about the safety of people.",
    ),
}
"""A command, a limit and what it is not for."""


@dataclass(frozen=True)
class Figure:
    """A measured number of a card, with its interval and sample count where they are known."""

    name: str
    value: float
    low: float | None
    high: float | None
    count: int | None

    def __str__(self) -> str:
        """The number, then the interval in brackets."""
        if self.low is None or self.high is None:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def card_figures(figures: Any, name: str = "") -> Iterator[Figure]:
    """The numbers of a card's entry ``figures``, however deep they lie.

    Args:
        figures: Numbers, mappings with ``value``, or mappings and lists of such.
        name: Name of what they belong to.

    Yields:
        Figures, named by the path to them.
    """
    if isinstance(figures, Mapping) and isinstance(figures.get("value"), int | float):
        bounds = [figures.get(key) for key in ("low", "high", "count")]
        yield Figure(name, float(figures["value"]), *bounds)
    elif isinstance(figures, Mapping):
        if "value" in figures:
            return
        for key, value in figures.items():
            yield from card_figures(value, f"{name}, {key}" if name else str(key))
    elif isinstance(figures, list):
        for index, value in enumerate(figures):
            yield from card_figures(value, name if len(figures) == 1 else f"{name} {index + 1}")
    elif isinstance(figures, int | float) and not isinstance(figures, bool):
        yield Figure(name, float(figures), None, None, None)


def shown_figures(card: Mapping[str, Any]) -> list[Figure]:
    """The figures of a card for readers: those of ``headline``, then all with an interval.

    Args:
        card: A model card.

    Returns:
        The figures.
    """
    found = list(card_figures(card.get("figures", {})))
    first = list(card.get("headline", []))
    kept = [each for each in found if each.low is not None or each.name in first]
    return sorted(kept, key=lambda each: each.name not in first)


def hub_page(name: str, kind: Kind, card: Mapping[str, Any], *, sheet: bool) -> str:
    """The page of a model.

    Args:
        name: The model's name.
        kind: What it is.
        card: Its model card.
        sheet: Whether ``samples.png`` lies beside the page.

    Returns:
        Markdown, with front matter of the Hub: ``library_name``, ``pipeline_tag``, ``license``,
        ``datasets``, ``metrics`` and ``model-index``.
    """
    command, limit, not_for = _TEXTS[kind]
    limits = "\n".join(f"- {line}" for line in [limit, *card.get("limits", [])])
    figures = shown_figures(card)
    parts = [
        front_matter(_front(name, kind, card, figures)),
        f"# {name}\n\n{card.get('task', '')}",
        f"![pictures]({SHEET})" if sheet else "",
        _usage(name, command.format(name=shlex.quote(name)), card),
        _table(figures),
        _runtimes(card.get("runtimes", {})),
        _origin(card),
        f"## Limits\n\n{limits}\n\nIt is not for {not_for}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_page(folder: Path, name: str, kind: Kind) -> None:
    """Writes the page of a model from its card.

    Args:
        folder: The version folder, with the card and perhaps ``samples.png``.
        name: The model's name.
        kind: What it is.
    """
    page = hub_page(name, kind, model_card(folder), sheet=(folder / SHEET).is_file())
    write_file(folder / PAGE, page.encode())


def _front(name: str, kind: Kind, card: Mapping[str, Any], figures: list[Figure]) -> dict[str, Any]:
    licence = str(card.get("licence", "")).lower()
    dataset = card.get("dataset") or card.get("data", "")
    # What real pictures give is the baseline beside the model's own figures.
    own = [each for each in figures if not each.name.startswith("real")]
    measured = [{"type": each.name, "value": each.value} for each in own]
    result = {
        "task": {"type": _TASKS[kind]},
        "dataset": {"name": dataset, "type": dataset},
        "metrics": measured,
    }
    return {
        "library_name": "keras",
        "pipeline_tag": _TASKS[kind],
        **({"license": licence if licence in _LICENCES else "other"} if licence else {}),
        "datasets": [card["dataset"]] if card.get("dataset") else [],
        "metrics": sorted({each.name.rpartition(", ")[2] for each in figures}),
        "tags": ["kerasgen", "tensorflow", "synthetic-data"],
        "model-index": [{"name": name, "results": [result] if measured else []}],
    }


def _usage(name: str, command: str, card: Mapping[str, Any]) -> str:
    lines = [
        "```bash", command, "```", "", "```python", "import kerasgen", "",
        f'network = kerasgen.load("{name}")  # a keras.Model',
        f'served = kerasgen.ServedModel("{name}")  # as TensorFlow Serving runs it', "```",
    ]  # fmt: skip
    if card.get("class_names"):
        lines += ["", f"Classes: {', '.join(card['class_names'])}."]
    return "\n".join(lines)


def _table(figures: list[Figure]) -> str:
    if not figures:
        return ""
    rows = [f"| {each.name} | {each} | {each.count or ''} |" for each in figures]
    head = ["| measured on the served model | value [95 % interval] | n |", "| --- | --- | --- |"]
    note = "All that was measured is in `model_card.json`."
    return "\n".join(["## Figures", "", *head, *rows, "", note])


def _runtimes(runtimes: Mapping[str, Mapping[str, Any]]) -> str:
    if not runtimes:
        return ""
    rows = [
        f"| {name} | {each['largest_difference']:.1e} (n = {each['inputs']}) | "
        f"{each['p50_ms']:.2g}, {each['p95_ms']:.2g} | {each['times_tensorflow']:.2g} |"
        for name, each in sorted(runtimes.items())
    ]
    head = [
        "| runtime | largest difference | ms a row: median, 95 % | times TensorFlow's time |",
        "| --- | --- | --- | --- |",
    ]
    note = "The network from floats to floats, `kerasgen export` wrote it to `runtimes/`."
    return "\n".join(["## Other runtimes", "", *head, *rows, "", note])


def _origin(card: Mapping[str, Any]) -> str:
    pictures = card.get("pictures") or card.get("test_pictures") or {}
    counts = ", ".join(f"{count} {part}" for part, count in pictures.items())
    lines = [f"Pictures: {card.get('data', 'not stated')}" + (f" ({counts})." if counts else ".")]
    lines.append(f"Licence of the pictures: {card.get('licence_of_data', 'not stated')}.")
    lines.append(f"Licence of the model: {card.get('licence') or 'not stated'}.")
    if card.get("minutes"):
        lines.append(f"The training took {card['minutes']:.0f} minutes.")
    if card.get("command"):
        lines.append(f"\n    {card['command']}")
    return "## Training\n\n" + "\n".join(lines)
