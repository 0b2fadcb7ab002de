"""The data card of a set: a ``README.md`` as Hugging Face reads it.

Format: https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from typing import Any

import kerasgen
from kerasgen.annotations.dossier.facts import SHEETS, Facts, sizes_text
from kerasgen.annotations.dossier.publication import Publication, Stated
from kerasgen.annotations.dossier.source_types import (
    COMPOSITE,
    COMPOSITE_CAPTURE,
    COMPOSITE_GENERATED,
    TERMS,
)
from kerasgen.annotations.folder_layout import IMAGES, INSTANCES, METADATA, REJECTED, SETTINGS
from kerasgen.io.front_matter import front_matter
from kerasgen.io.names import split_of

_SIZES = (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")
_LARGEST = "n>1M"
LIMITS = ("The pictures show nothing that happened: they follow from sources and settings.",)
MISUSE = (
    "As evidence, news or documentation of real events, people or places.",
    "In place of real pictures in a test: test on real pictures.",
    "With the marks removed, as photographs.",
)
_NOT_MEASURED = {
    "proof": "kerasgen prove --real REAL --synthetic DIR --test TEST --out proof",
    "comparison": "kerasgen compare REAL DIR --out comparison",
}


def data_card(facts: Facts, stated: Stated) -> str:
    """Writes the data card.

    Args:
        facts: The set in numbers.
        stated: What its publisher and reports state.

    Returns:
        Markdown with front matter; it depends on the arguments only.
    """
    parts = (
        front_matter(_front(facts, stated.publication)),
        f"# {facts.title}",
        _overview(facts, stated.publication),
        _classes(facts),
        _made(facts),
        _sources(facts, stated.publication),
        _provenance(facts),
        _found(facts, stated.findings),
        _limits(facts),
        f"This card was written by kerasgen {kerasgen.__version__}.",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(facts: Facts, publication: Publication) -> dict[str, Any]:
    count = facts.count
    licence = publication.licence or "unknown"
    fields: dict[str, Any] = {"license": licence.lower()}
    if "://" in licence:
        fields = {"license": "other", "license_name": "other", "license_link": licence}
    size = next((name for limit, name in _SIZES if count < limit), _LARGEST)
    splits = [
        {"split": split, "path": sorted(patterns)} for split, patterns in _data_files(facts).items()
    ]
    return {
        **fields,
        "pretty_name": facts.title,
        **({"task_categories": list(facts.tasks)} if facts.tasks else {}),
        "tags": sorted(["image", "kerasgen", *(["synthetic"] if facts.synthetic else [])]),
        "size_categories": [size],
        "configs": [{"config_name": "default", "data_files": splits}],
    }


def _data_files(facts: Facts) -> dict[str, set[str]]:
    """For each split, the patterns of its files; else the JSON files would count as data, too.

    Where other pictures lie, such as masks, the files are listed: patterns cannot leave any out.
    """
    if facts.job is not None and not facts.listed:
        return {"train": {METADATA, *patterns_of(facts)}}
    found: dict[str, set[str]] = {}
    tops = {folder.split("/")[0] for folder, _ in facts.groups}
    is_split = all(map(split_of, tops))
    for folder, ending in facts.groups:
        top = folder.split("/")[0]
        above = f"{top}/**/" if is_split else "**/" if tops != {""} else ""
        names = [name for name in facts.listed if not is_split or name.startswith(f"{top}/")]
        patterns = map(glob.escape, names) if facts.listed else [f"{above}*{ending}"]
        found.setdefault((is_split and split_of(top)) or "train", set()).update(patterns)
    if facts.has_rows:
        found.setdefault("train", set()).add(METADATA)
    return found


def patterns_of(facts: Facts) -> list[str]:
    """Patterns of the pictures of a folder that kerasgen filled."""
    below = [f"{IMAGES}/*/*.png"] if any("/" in folder for folder, _ in facts.groups) else []
    return [f"{IMAGES}/*.png", *below]


def _overview(facts: Facts, publication: Publication) -> str:
    rows = {
        "rejected": f"{facts.rejected:,} more, reasons in `{REJECTED}`" if facts.rejected else "",
        "size": sizes_text(facts),
        "annotations": ", ".join(task.replace("-", " ") for task in facts.tasks),
        "licence": publication.licence or "not stated",
        "creator": publication.creator or "",
        "page": publication.url or "",
        "published": publication.published or "",
    }
    listed = "\n".join(f"- {name}: {text}" for name, text in rows.items() if text)
    kind = "synthetic " if facts.is_synthetic else ""
    mixed = f", {facts.synthetic:,} of them synthetic" if facts.synthetic and not kind else ""
    text = f"{facts.count:,} {kind}pictures{mixed}."
    sheet = f"![Some pictures of the set]({SHEETS[0]})" if facts.has_sheet else ""
    return "\n\n".join(part for part in (text, sheet, listed) if part)


def _classes(facts: Facts) -> str:
    if not facts.classes:
        return ""
    counts = list(zip(*facts.classes.values(), strict=True))
    columns = [("class", list(facts.classes))]
    for title, numbers in zip(("pictures of the class", "objects"), counts, strict=True):
        if any(numbers):
            columns.append((title, [f"{number:,}" for number in numbers]))
    head, cells = zip(*columns, strict=True)
    return f"## Classes\n\n{_table(head, list(zip(*cells, strict=True)))}"


def _made(facts: Facts) -> str:
    if facts.job is None:
        return "## How it was made\n\nNot known: no settings of kerasgen lie beside the pictures."
    settings = {key: value for key, value in facts.settings.items() if key != "class_names"}
    model = ""
    if settings.get("model_sha256"):
        model = f"Model: `{settings['model']}`, SHA-256 `{settings['model_sha256']}`.\n\n"
    same = "pixels again; signatures differ" if facts.signed else "bytes again"
    return (
        f"## How it was made\n\n{facts.job.made} The same command with seed {settings['seed']} "
        f"gives the same {same}.\n\n{model}Job: `kerasgen {facts.job.command}`, with the "
        f"settings of `{SETTINGS}`:\n\n```json\n{_indented(settings)}\n```"
    )


def _indented(value: Any, indent: str = "  ") -> str:
    """JSON with one line for each entry of an object."""
    if not (isinstance(value, Mapping) and value):
        return json.dumps(value)
    lines = (
        f"{indent}{json.dumps(key)}: {_indented(each, indent + '  ')}"
        for key, each in value.items()
    )
    return "{\n" + ",\n".join(lines) + f"\n{indent[2:]}}}"


def _sources(facts: Facts, publication: Publication) -> str:
    files = {role: count for role, count in facts.roles.items() if role != "model"}
    if not files:
        return ""
    rows = [(role, f"{count:,}") for role, count in files.items()]
    licence = publication.source_licence or "not stated; the licence of each source file holds"
    return (
        f"## Sources\n\n{_table(('used as', 'files'), rows)}\n\nLicence of the sources: {licence}."
    )


def _provenance(facts: Facts) -> str:
    lines = []
    if facts.job is not None:
        files = "the source files of a picture with their SHA-256, and " if facts.roles else ""
        lines += [
            f"Each line of `{METADATA}` names {files}the numbers that make "
            f"{'it' if files else 'a picture'} again.",
            f"`{INSTANCES}` holds the objects in COCO's format."
            if "object-detection" in facts.tasks
            else "",
        ]
    kind = f"SHA-256 of `{METADATA}`" if facts.has_rows else "SHA-256 of names and pictures"
    lines.append(f"{kind}: `{facts.sha256}`.")
    for term, count in facts.source_types.items():
        meaning = "no digital source type" if term is None else f"`{term}`: {_meaning(term)}"
        lines.append(f"{count:,} pictures state {meaning}.")
    if {COMPOSITE, COMPOSITE_CAPTURE, COMPOSITE_GENERATED} & set(facts.source_types):
        lines.append("A source file that states no type was taken for a photograph.")
    if facts.signed:
        lines.append(f"{facts.signed:,} pictures hold a signed C2PA manifest.")
    listed = "\n".join(f"- {line}" for line in lines if line)
    return (
        f"## Provenance\n\n{listed}\n\nThe digital source type is IPTC's, in the XMP of each file "
        "(`Iptc4xmpExt:DigitalSourceType`). `croissant.json` describes the set for programs."
    )


def _meaning(term: str) -> str:
    return TERMS.get(term, "a term that kerasgen does not know")


def _found(facts: Facts, findings: Mapping[str, Mapping[str, Any]]) -> str:
    if not (facts.is_synthetic or findings):
        return ""
    sections = (("proof", "Does it help?"), ("comparison", "How does it differ?"))
    parts = [f"## {title}\n\n{_finding(name, findings.get(name))}" for name, title in sections]
    copies = findings.get("comparison", {}).get("copies")
    return "\n\n".join([*parts, f"## Copies\n\n{_copies(copies)}"])


def _finding(name: str, found: Mapping[str, Any] | None) -> str:
    if found is None:
        return f"Not measured. To measure it:\n\n    {_NOT_MEASURED[name]}"
    remarks = "".join(f"\n- {remark}" for remark in found["remarks"])
    command = f"\n\n    {found['command']}" if found.get("command") else ""
    return (
        f"{found['summary']}\n\nMeasured on {found['synthetic']:,} pictures by kerasgen "
        f"{found['version']}.{command}" + (f"\n\nRemarks:\n{remarks}" if remarks else "")
    )


def _copies(copies: Mapping[str, Any] | None) -> str:
    if copies is None:
        return "Not searched for among the real pictures: `kerasgen compare` does."
    share, baseline = copies["share"], copies["baseline"]
    return (
        f"{copies['exact']:,} pictures are identical to real ones. {copies['suspicious']:,} are "
        f"suspiciously close to one: {share['value']:.1%} [{share['low']:.1%}, "
        f"{share['high']:.1%}], beside {baseline['value']:.1%} of other real pictures."
    )


def limits_of(facts: Facts) -> tuple[list[str], list[str]]:
    """What a synthetic set cannot show, and what it must not be used for, as sentences."""
    if not facts.is_synthetic:
        return [], []
    own = ((), ()) if facts.job is None else (facts.job.limits, facts.job.misuse)
    return [*LIMITS, *own[0]], [*MISUSE, *own[1]]


def _limits(facts: Facts) -> str:
    limits, misuse = limits_of(facts)
    if not limits:
        return ""
    first, second = ("\n".join(f"- {line}" for line in lines) for lines in (limits, misuse))
    return f"## Limits\n\n{first}\n\n## Must not be used\n\n{second}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    line = " ".join(text.splitlines())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
