"""Settings and manifests for a server of all models in a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import jinja2

from kerasgen.deployment.endpoints.checks import MAX_ROWS
from kerasgen.deployment.model_folders import model_card, names_in
from kerasgen.io.files import check_writable, write_file
from kerasgen.io.names import PathLike

KIT = "serving_kit"
"""Its folder, beside the models."""

ENVIRONMENT = {
    # oneDNN's own pool keeps what it took, up to hundreds of megabytes.
    "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",
    # So does glibc for large blocks, once it has seen them, and for each thread.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_ARENA_MAX": "2",
}
"""Variables of a server's process that keep its memory small after large pictures."""

_SERVER_MB = 512
_FILE_MB = 300
"""What the largest file that is not refused takes while it is read."""
_UNKNOWN_MB = 500
_RESERVE = 1.5


@dataclass(frozen=True)
class _Served:
    name: str
    memory_mb: float
    tensorflow: str


def write_kit(models: PathLike, out: PathLike | None = None) -> list[Path]:
    """Writes what TensorFlow Serving needs to serve all models of a folder.

    ``models.config``, ``batching.config``, ``monitoring.config``, ``docker-compose.yml``,
    ``kubernetes.yaml`` and a ``README.md`` with the commands; files that exist are replaced.

    Args:
        models: Folder with ``NAME/VERSION`` folders, such as ``saved_models``.
        out: Where to write; ``serving_kit`` in the folder of models if None.

    Returns:
        The files.

    Raises:
        ValueError: If the folder holds no model, or nothing can be written.
    """
    home = Path(models).absolute()
    served = [_served(home, name) for name in names_in(home)]
    if not served:
        raise ValueError(
            "There is no model in this folder: it must hold NAME/VERSION/saved_model.pb. "
            f"Received: {str(models)!r}"
        )
    folder = home / KIT if out is None else Path(out)
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerasgen.deployment.serving_kit"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    values = {
        "models": served,
        "folder": ".." if out is None else home,
        "version": max((each.tensorflow for each in served), key=_numbers),
        "memory_mb": _memory_limit(served),
        "rows": MAX_ROWS,
        "environment": ENVIRONMENT,
    }
    written = []
    for name in sorted(environment.list_templates()):
        path = folder / name
        write_file(path, environment.get_template(name).render(values).encode())
        written.append(path)
    return written


def _served(home: Path, name: str) -> _Served:
    card = model_card(home / name)
    memory = card.get("serving_memory_mb") or _UNKNOWN_MB
    return _Served(name, float(memory), str(card.get("tensorflow", "2.20.0")))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _memory_limit(served: list[_Served]) -> int:
    """Megabytes, in steps of 256."""
    needed = _SERVER_MB + _FILE_MB + sum(each.memory_mb for each in served)
    return 256 * math.ceil(_RESERVE * needed / 256)
