"""A classifier that rejects pictures which it puts into another class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.images import Pixels


def check_gate(gate: ServedModel, model: ServedModel, sources: AnnotatedFolder | None) -> None:
    """Checks a gate before any picture is made; warns if it reads pictures in another form.

    Args:
        gate: The classifier.
        model: What makes the pictures.
        sources: The pictures that it changes; None for a generator.

    Raises:
        ValueError: If it is no classifier, a source has no class, or it does not know a class.
    """
    if gate.kind != "classifier":
        raise ValueError(f"The gate must be a classifier. Received: gate={gate.name} ({gate.kind})")
    names = model.class_names if sources is None else _source_classes(sources)
    unknown = sorted(set(names) - set(gate.class_names))
    if unknown:
        raise ValueError(
            f"The gate knows the classes {', '.join(gate.class_names)}, so it would reject every "
            f"picture of {', '.join(unknown)}. Received: gate={gate.name}"
        )
    form = model.preprocessing
    if form is not None and (form.size, form.fit) != (gate.form.size, gate.form.fit):
        warnings.warn(
            f"{gate.name} reads pictures of {gate.form.size} with fit {gate.form.fit}, and "
            f"{model.name} those of {form.size} with fit {form.fit}: the gate's answers may be "
            "worse than its card says.",
            stacklevel=3,
        )


def _source_classes(sources: AnnotatedFolder) -> list[str]:
    found = []
    for name in sources.names:
        class_name = sources.facts(name).class_name
        if class_name is None:
            raise ValueError(f"A gate needs pictures of known classes. Received: {name!r}, of none")
        found.append(class_name)
    return found


def gate_reasons(
    gate: ServedModel, images: Sequence[Pixels], class_names: Sequence[str]
) -> list[str | None]:
    """Compares the class that the gate gives to each picture with its own.

    Args:
        gate: The classifier.
        images: ``[H, W, 1 or 3]`` uint8 each.
        class_names: The class that each should have.

    Returns:
        Why it is rejected, or None.
    """
    found = gate.classify(images) if images else []
    return [
        None if own == wanted else f"taken for {own} by {gate.name}"
        for own, wanted in zip(found, class_names, strict=True)
    ]
