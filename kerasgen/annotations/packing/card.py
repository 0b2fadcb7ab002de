"""The data card of a folder, for its packs."""

from __future__ import annotations

from pathlib import Path

import yaml

from kerasgen.annotations.dossier.writing import CARD, LAST_LINE
from kerasgen.annotations.fill_folder import SHEET
from kerasgen.io.files import access_to
from kerasgen.io.front_matter import front_matter

_PACKED = """
## Packed

The pictures and their rows are in `{pattern}`; `index.json` lists these files, with numbers,
checksums and class names. Other files that are named above, such as `metadata.jsonl`,
`instances.json` and `croissant.json`, are those of the folder that was packed.
"""


def packed_files(folder: Path, pattern: str, format: str) -> dict[str, bytes]:
    """The data card of a folder, changed for its packs, and the sheet that it shows.

    The Croissant description is left out: it describes single files.

    Args:
        folder: The folder that is packed.
        pattern: A pattern that matches the names of the packs.
        format: Their format; the Hugging Face Hub loads "webdataset" only.

    Returns:
        The files by name; none for a folder without a card.

    Raises:
        ValueError: If a file cannot be read.
    """
    path, sheet = folder / CARD, folder / SHEET
    if not path.exists():
        return {}
    with access_to(path):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        files = {SHEET: sheet.read_bytes()} if sheet.exists() else {}
    text = _with_data_files(LAST_LINE.sub("", text), pattern if format == "webdataset" else None)
    packed = text + _PACKED.format(pattern=pattern)
    return {**files, CARD: packed.encode(errors="surrogateescape")}


def _with_data_files(text: str, pattern: str | None) -> str:
    """The card with the packs, in place of single pictures, as the files of its data set."""
    head, mark, body = text.removeprefix("---\n").partition("\n---\n")
    try:
        fields = yaml.safe_load(head) if mark and text.startswith("---\n") else None
    except yaml.YAMLError:
        fields = None
    if not isinstance(fields, dict):
        # Someone's own card without fields for programs.
        return text
    fields.pop("configs", None)
    if pattern is not None:
        files = [{"split": "train", "path": pattern}]
        fields["configs"] = [{"config_name": "default", "data_files": files}]
    return f"{front_matter(fields)}\n{body}"
