"""Executes the notebooks of this folder and keeps their outputs.

    pip install -e ".[test]"
    python examples/notebooks/execute.py
    python examples/notebooks/execute.py refine_renders

The first command line executes all of them. A notebook that raises ends it, and its file stays as
it was.
"""

from __future__ import annotations

import argparse
import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent


def executed(
    path: Path, parameters: Mapping[str, Any] | None = None, folder: Path = HERE
) -> nbformat.NotebookNode:
    """Runs a notebook.

    Args:
        path: The notebook.
        parameters: Names and values that replace those of the cell tagged ``parameters``.
        folder: Working folder of the notebook.

    Returns:
        The notebook with its outputs.

    Raises:
        ValueError: If the notebook has no such parameter.
        nbclient.exceptions.CellExecutionError: If a cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    (cell,) = (each for each in notebook.cells if "parameters" in each.metadata.get("tags", ()))
    written = cell.source
    cell.source = _replaced(written, parameters or {}, path)
    # Messages of TensorFlow's start have the time in them; they go to the terminal.
    quiet = ["--IPKernelApp.capture_fd_output=False"]
    client = NotebookClient(
        notebook,
        timeout=1800,
        record_timing=False,
        extra_arguments=quiet,
        resources={"metadata": {"path": str(folder)}},
    )
    notebook = client.execute()
    cell.source = written
    return notebook


def _replaced(source: str, parameters: Mapping[str, Any], path: Path) -> str:
    lines = source.splitlines()
    for name, value in parameters.items():
        found = [index for index, line in enumerate(lines) if line.startswith(f"{name} = ")]
        if len(found) != 1:
            raise ValueError(f"{path.name} has no such parameter. Received: {name}={value!r}")
        lines[found[0]] = f"{name} = {value!r}"
    return "\n".join(lines)


def _shrink(data: dict[str, Any]) -> None:
    """Keeps a picture once, and as JPEG where that is much smaller."""
    data.pop("image/jpeg", None)
    if "image/png" not in data:
        return
    stream = io.BytesIO()
    png = base64.b64decode(data["image/png"])
    Image.open(io.BytesIO(png)).convert("RGB").save(stream, "JPEG", quality=85, optimize=True)
    if len(stream.getvalue()) < len(png) / 2:
        del data["image/png"]
        data["image/jpeg"] = base64.b64encode(stream.getvalue()).decode("ascii")


def main() -> None:
    """Executes the named notebooks, or all."""
    parser = argparse.ArgumentParser(description="Executes notebooks in place.")
    parser.add_argument("names", nargs="*", help="without .ipynb; all by default")
    names = parser.parse_args().names or sorted(path.stem for path in HERE.glob("*.ipynb"))
    for name in names:
        path = HERE / f"{name}.ipynb"
        notebook = executed(path)
        # What the kernel says of itself differs between machines.
        notebook.metadata.language_info = {"name": "python"}
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                _shrink(output.get("data", {}))
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} KB", flush=True)


if __name__ == "__main__":
    main()
