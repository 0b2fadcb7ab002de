"""Files that are whole or not there, and the settings.json that says whose a folder is."""

import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from kerasgen.io.images import PathLike


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Lets a file be written whole or not at all; folders are made.

    Yields:
        A hidden path beside it, of the same ending, to be written to within the block. It takes the
        file's place when the block ends without an error, and is gone in any case.

    Raises:
        ValueError: If it cannot be written; what was there before is then as it was.
    """
    target = Path(path)
    partial = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, target)
    except OSError as error:
        raise ValueError(f"Cannot write: {error}. Received: path={str(path)!r}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_file(path: PathLike, content: bytes) -> None:
    """Writes a file, at once or not at all; folders are made.

    Raises:
        ValueError: If it cannot be written.
    """
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes files that belong together: none takes its place before all are on the disk.

    Raises:
        ValueError: If one cannot be written; what was there before is then as it was.
    """
    with ExitStack() as stack:
        # The last to be opened is the first to take its place.
        for target in reversed(list(contents)):
            stack.enter_context(replacing(target)).write_bytes(contents[target])


def read_json(path: PathLike) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Raises:
        ValueError: If it is missing, or holds none.
    """
    place = f"path={str(path)!r}"
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"Cannot be read: {error}. Received: {place}") from error
    return json_object(content, place)


def json_lines(path: PathLike) -> Iterator[tuple[dict[str, Any], bytes, str]]:
    """Reads a file that holds a JSON object a line.

    Yields:
        The object, its line, and where that is, for messages.

    Raises:
        ValueError: If it cannot be read, or a line, which is named, holds no object.
    """
    with access_to(path), Path(path).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            place = f"path={str(path)!r}, line={number}"
            yield json_object(line, place), line, place


def check_settings(path: PathLike, settings: Mapping[str, Any]) -> None:
    """Compares settings with those that a folder was begun with.

    Args:
        path: The folder's `settings.json`.
        settings: JSON values; tuples are as good as lists.

    Raises:
        ValueError: If they differ, or the file cannot be read.
    """
    before, now = read_json(path), json.loads(json.dumps(dict(settings)))
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if changed:
        name = changed[0]
        raise ValueError(
            f"The folder {str(Path(path).parent)!r} was begun with other settings: use another "
            f"one, or delete it. Received: {name}={now.get(name)!r}, there: "
            f"{before.get(name)!r} (differing: {', '.join(changed)})"
        )


def keep_settings(folder: PathLike, settings: Mapping[str, Any]) -> None:
    """Writes ``settings.json`` into a new run's folder; in an old one they must be the same.

    A run that goes on with other data, another seed or another batch size is another run.

    Args:
        folder: The run's folder.
        settings: JSON values; not those that may change on the way, like the number of steps.

    Raises:
        ValueError: If the folder belongs to a run with other settings, or cannot be written.
    """
    path = Path(folder) / "settings.json"
    if path.exists():
        check_settings(path, settings)
    else:
        write_json(path, settings)


def write_json(path: PathLike, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, at once or not at all; folders are made.

    JSON has no NaN and no infinity: they become null.

    Raises:
        ValueError: If it cannot be written.
    """
    write_file(path, encoded_json(content))


def encoded_json(content: Mapping[str, Any]) -> bytes:
    """What ``write_json`` writes."""
    strict = json.loads(json.dumps(dict(content)), parse_constant=lambda name: None)
    return (json.dumps(strict, indent=2, ensure_ascii=False) + "\n").encode()


def check_writable(folder: PathLike) -> None:
    """Tries whether a folder, there or not yet, can be written to, and leaves nothing behind.

    Raises:
        ValueError: If it cannot.
    """
    path = Path(folder).absolute()
    try:
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        with tempfile.TemporaryDirectory(prefix=".", dir=nearest):
            pass
    except OSError as error:
        raise ValueError(
            f"The folder cannot be written ({error.strerror}). Received: folder={str(folder)!r}"
        ) from error


def check_apart(folder: PathLike, **inputs: PathLike | None) -> None:
    """Refuses to write among what is read: the next run would take results for inputs.

    Args:
        folder: The folder to fill, there or not yet.
        inputs: The folders to read by their names; None for those not given.

    Raises:
        ValueError: If it is one of them, lies within one, or contains one; links are followed.
    """
    target = Path(folder).resolve()
    for name, given in inputs.items():
        if given is None:
            continue
        source = Path(given).resolve()
        if target == source:
            relation = "is the folder of"
        elif target.is_relative_to(source):
            relation = "lies within"
        elif source.is_relative_to(target):
            relation = "contains"
        else:
            continue
        raise ValueError(
            f"The folder to write {relation} `{name}`, so what is written would be mixed with what "
            f"is read: give a folder beside it. Received: folder={str(target)!r}, "
            f"{name}={str(source)!r}"
        )


def strict_json(content: Any, indent: int | None = None) -> bytes:
    """Returns JSON that every reader takes: ASCII, no NaN, and a line end.

    Raises:
        ValueError: If JSON cannot hold the content.
    """
    try:
        return json.dumps(content, allow_nan=False, indent=indent).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"Not to be kept as JSON: {error}. Received: {content!r:.200}") from error


def json_object(content: bytes, place: str) -> dict[str, Any]:
    """Reads one JSON object, strictly: no NaN.

    Args:
        content: UTF-8.
        place: Where it comes from, for the message.

    Raises:
        ValueError: If it is none.
    """
    try:
        fields = json.loads(content, parse_constant=_no_constant)
    except ValueError as error:
        raise ValueError(f"Cannot be read as JSON: {error}. Received: {place}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"This is no JSON object. Received: {place}")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def file_sha256(path: PathLike) -> str:
    """Returns the SHA-256 of a file's bytes, 64 hexadecimal digits.

    Raises:
        ValueError: If the file cannot be read.
    """
    digest = hashlib.sha256()
    with access_to(path), open(path, "rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def access_to(path: PathLike) -> Iterator[None]:
    """Within the block an `OSError` becomes a `ValueError` that names the path."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"No access: {error}. Received: path={str(path)!r}") from error


@contextmanager
def kept_in(folder: PathLike | None) -> Iterator[Path]:
    """The folder of a job's work; None for a temporary one, which goes at the end."""
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
