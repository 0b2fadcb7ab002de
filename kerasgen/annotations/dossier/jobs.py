"""The jobs that fill folders, recognised by their ``settings.json``, in words for a data card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kerasgen.annotations.dossier import source_types


@dataclass(frozen=True)
class Job:
    """A job that fills a folder.

    Attributes:
        command: The subcommand of ``kerasgen``.
        title: What the set is called.
        made: How its pictures are made, as sentences.
        source_type: The digital source type of its pictures; None if it follows from their sources.
        limits: What the pictures cannot show.
        misuse: What they must not be used for, beside what holds for every synthetic set.
    """

    command: str
    title: str
    made: str
    source_type: str | None
    limits: tuple[str, ...]
    misuse: tuple[str, ...] = ()


EYES = Job(
    "eyes",
    "Eyes drawn by rule",
    "Each eye is drawn by rule from random numbers, with its gaze and its landmarks. No photograph "
    "and no trained model is involved.",
    source_types.DRAWN,
    ("The eyes vary less than those of people: shape, skin and light follow a few rules.",),
    ("To recognise people, or to infer anything about them.",),
)
SCENES = Job(
    "compose",
    "Scenes composed of cut-out objects",
    "Objects cut out of pictures are pasted on other pictures. Masks and boxes are exact, because "
    "each follows from the matrix that placed the object.",
    None,
    (
        "Place, size and light of an object do not follow from the scene around it.",
        "Edges of pasted objects may differ from those in photographs.",
    ),
)
SMOKE = Job(
    "smoke",
    "Smoke drawn over pictures",
    "Smoke is drawn by rule, as a lit turbulent volume, and laid over pictures. The mask is where "
    "it hides more than a share of the light.",
    None,
    ("The smoke follows rules: real smoke, fog and steam are more varied.",),
    ("As the only test of a system that warns of fire.",),
)
GENERATED = Job(
    "synthesize",
    "Pictures of a trained generator",
    "A trained generator makes each picture from a class and a random seed.",
    source_types.GENERATED,
    (
        "A generator repeats what it was trained on, with its gaps and biases.",
        "It may repeat single training pictures: search for copies before publication.",
        "A picture need not show its class.",
    ),
    ("To stand in for the training pictures where their licence or a person's consent is needed.",),
)
CHANGED = Job(
    "synthesize",
    "Pictures changed by a trained network",
    "A trained network changes each source picture. What is known of the source moves along to the "
    "new size: class, boxes, masks, keypoints.",
    source_types.EDITED,
    (
        "The network may move or invent detail that the annotations do not follow.",
        "It repeats the style of its training pictures.",
    ),
)


def job_of(settings: Mapping[str, Any]) -> Job | None:
    """Recognises the job that filled a folder.

    Args:
        settings: The content of its ``settings.json``.

    Returns:
        The job, or None if it is another program's.
    """
    if settings.get("kind") in ("rendered_eyes", "camera_eyes"):
        return EYES
    if settings.get("kind") == "scenes":
        return SCENES
    if "model_sha256" in settings:
        job = GENERATED if settings.get("sources") is None else CHANGED
        # A server does not say which weights it serves.
        return job if settings["model_sha256"] else replace(job, command="client")
    return SMOKE if {"sources", "times", "threshold"} <= set(settings) else None
