"""The description of a set for programs: Croissant 1.1 with its fields on responsible AI.

Formats: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, with its extension
http://mlcommons.org/croissant/RAI/1.0 and W3C's https://www.w3.org/TR/prov-o/. It is written by
hand, so that every folder has it without ``mlcroissant``, and without dates, so that the same
command gives the same bytes.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from typing import Any

import kerasgen
from kerasgen.annotations.dossier.card import limits_of, patterns_of
from kerasgen.annotations.dossier.facts import Facts
from kerasgen.annotations.dossier.publication import Publication, Stated
from kerasgen.annotations.folder_layout import METADATA
from kerasgen.io.files import encoded_json
from kerasgen.io.xmp import source_type_uri

_SOFTWARE = "urn:kerasgen"
_IDS = {"fileSet": "pictures", "fileObject": METADATA}
_FORMATS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
_TERMS = (
    "annotation arrayShape citeAs column conformsTo containedIn equivalentProperty extract field "
    "fileProperty fileObject fileSet format includes isArray isLiveDataset jsonPath key md5 "
    "parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS.split()},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}


def croissant(facts: Facts, stated: Stated) -> bytes:
    """Describes a set in Croissant 1.1.

    Args:
        facts: The set in numbers.
        stated: What its publisher and reports state.

    Returns:
        JSON-LD; it depends on the arguments only. Its ``identifier`` is the SHA-256 of the rest.
    """
    command = facts.job.command if facts.job else "pictures"
    limits, misuse = limits_of(facts)
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": f"kerasgen-{command}-{facts.sha256[:12]}",
        "description": _description(facts),
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        **_publication(stated.publication, facts),
        "version": "1.0.0",
        "keywords": ["image", *(["synthetic"] if facts.synthetic else []), *facts.tasks],
        "rai:dataUseCases": [f"training: {task.replace('-', ' ')}" for task in facts.tasks],
        "rai:dataLimitations": [*limits, *(f"Not to be used: {each}" for each in misuse)],
        **_synthesis(facts, stated),
        "distribution": list(_distribution(facts)),
        "recordSet": list(_record_sets(facts)),
    }
    return signed_by_digest({key: value for key, value in content.items() if value})


def signed_by_digest(content: dict[str, Any]) -> bytes:
    """Encodes JSON with the SHA-256 of the rest as ``identifier``, which tells later changes.

    Args:
        content: JSON values; an ``identifier`` in it is replaced.

    Returns:
        The bytes.
    """
    rest = {key: value for key, value in content.items() if key != "identifier"}
    digest = hashlib.sha256(encoded_json(rest)).hexdigest()
    return encoded_json({**rest, "identifier": f"urn:sha256:{digest}"})


def _description(facts: Facts) -> str:
    made = facts.job.made if facts.job else "How they were made is not known."
    return f"{facts.title}: {facts.count:,} pictures. {made}"


def _publication(publication: Publication, facts: Facts) -> dict[str, Any]:
    licence = publication.licence
    if licence is not None and "://" not in licence:
        licence = f"https://spdx.org/licenses/{licence}.html"
    creator = publication.creator
    return {
        "license": licence,
        # It needs one of the two, and which of them was not asked.
        "creator": creator and {"@type": ["sc:Person", "sc:Organization"], "name": creator},
        "citeAs": creator and ". ".join(filter(None, (creator, facts.title, publication.url))),
        "url": publication.url,
        "datePublished": publication.published,
    }


def _synthesis(facts: Facts, stated: Stated) -> dict[str, Any]:
    """How the set was made, and from what."""
    if facts.job is None:
        return {"rai:hasSyntheticData": True} if facts.synthetic else {}
    model = facts.settings.get("model_sha256")
    software = {
        "@type": "prov:SoftwareAgent",
        "@id": _SOFTWARE,
        "name": "kerasgen",
        "version": kerasgen.__version__,
    }
    sources = [
        {
            "@type": "prov:Entity",
            "@id": f"urn:kerasgen:sources:{role}",
            "name": f"{count:,} files used as {role}, named with their SHA-256 in {METADATA}",
        }
        for role, count in facts.roles.items()
        if role != "model"
    ]
    if sources and stated.publication.source_licence:
        sources[0]["license"] = stated.publication.source_licence
    if model:
        name = facts.settings["model"]
        sources.append({"@type": "prov:Entity", "@id": f"urn:sha256:{model}", "name": str(name)})
    return {
        "rai:hasSyntheticData": True,
        "rai:dataCollection": facts.job.made,
        "rai:dataCollectionType": ["Others: synthetic"],
        "rai:machineAnnotationTools": [f"kerasgen {kerasgen.__version__}"],
        "prov:wasDerivedFrom": sources,
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": f"urn:kerasgen:{facts.job.command}:{facts.sha256[:12]}",
            "name": f"kerasgen {facts.job.command}, seed {facts.settings['seed']}",
            "prov:wasAssociatedWith": software,
            "sc:digitalSourceType": [
                source_type_uri(term) for term in facts.source_types if term is not None
            ],
        },
    }


def _distribution(facts: Facts) -> Iterator[dict[str, Any]]:
    if facts.has_rows:
        yield {
            "@type": "cr:FileObject",
            "@id": METADATA,
            "name": METADATA,
            "contentUrl": METADATA,
            "encodingFormat": "application/jsonlines",
            "sha256": facts.sha256,
        }
    endings = sorted({ending for _, ending in facts.groups})
    yield {
        "@type": "cr:FileSet",
        "@id": "pictures",
        "name": "pictures",
        "encodingFormat": sorted({_FORMATS.get(each.lower(), "image/*") for each in endings}),
        "includes": _patterns(facts),
    }


def _patterns(facts: Facts) -> list[str]:
    """Of the pictures; Croissant has ``excludes`` for others, but ``mlcroissant`` ignores it."""
    if facts.listed:
        return sorted(map(glob.escape, facts.listed))
    if facts.job:
        return patterns_of(facts)
    return sorted({f"{'**/' if folder else ''}*{ending}" for folder, ending in facts.groups})


def _record_sets(facts: Facts) -> Iterator[dict[str, Any]]:
    """The pictures, and the columns of the rows that hold for every set."""
    yield {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "key": {"@id": "images/file_name"},
        "field": [
            _field("images/file_name", "sc:Text", "fileSet", {"fileProperty": "fullpath"}),
            _field("images/image", "sc:ImageObject", "fileSet", {"fileProperty": "content"}),
        ],
    }
    if facts.job is None:
        return
    columns = {"file_name": "sc:Text", "width": "sc:Integer", "height": "sc:Integer"}
    columns |= {"seed": "sc:Integer", "index": "sc:Integer"}
    yield {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "key": {"@id": "rows/file_name"},
        "field": [
            _field(f"rows/{column}", kind, "fileObject", {"column": column})
            for column, kind in columns.items()
        ],
    }


def _field(name: str, kind: str, source: str, content: dict[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name.split("/")[1],
        "dataType": kind,
        "source": {source: {"@id": _IDS[source]}, "extract": content},
    }
