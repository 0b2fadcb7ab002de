"""Atomic writing of files, strict JSON, and the settings.json that identifies a run's folder."""

import functools
import hashlib
import json
import os
import shutil
import socket
import stat
import tempfile
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from kerasgen.io.names import PathLike

_HOST = f"kerasgen{zlib.crc32(socket.gethostname().encode()):08x}"
"""Of several machines that share a folder, none knows which processes of the others are alive."""


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Replaces a file atomically; missing parent folders are created.

    Yields:
        A temporary hidden path beside the file, with the same ending, to write to. It replaces the
        file when the block ends without an error, with its permissions, and is removed otherwise.

    Raises:
        ValueError: If the file cannot be written; it is then unchanged.
    """
    target = Path(path)
    partial = hidden_path(target.parent, target.suffix)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        yield partial
        # A file that others cannot read stays so; some file systems know no modes.
        with suppress(OSError):
            partial.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(partial, target)
    except OSError as error:
        raise ValueError(f"Cannot write: {error}. Received: path={str(path)!r}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def hidden_path(folder: PathLike, suffix: str = "") -> Path:
    """A new hidden path in a folder, for what is renamed when it is complete.

    Args:
        folder: The folder.
        suffix: Ending of the name.

    Returns:
        The path; ``sweep`` removes it should this process be killed.
    """
    return Path(folder, f".{_HOST}-{os.getpid()}-{uuid.uuid4().hex}{suffix}")


@functools.cache
def sweep(folder: Path) -> None:
    """Removes, once a process, what killed processes of this machine left at hidden paths.

    Args:
        folder: The folder.
    """
    for path in folder.glob(f".{_HOST}-*-*"):
        process = path.name.split("-")[1]
        if process.isdecimal() and not _is_alive(int(process)):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It is another user's.
        return True
    return True


def write_file(path: PathLike, content: bytes) -> None:
    """Writes a file atomically; missing parent folders are created.

    Args:
        path: The file.
        content: Its bytes.

    Raises:
        ValueError: If it cannot be written.
    """
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes files that belong together: none is replaced before all are on the disk.

    Raises:
        ValueError: If one cannot be written; all are then unchanged.
    """
    with ExitStack() as stack:
        # The context opened last is the first to replace its file.
        for target in reversed(list(contents)):
            stack.enter_context(replacing(target)).write_bytes(contents[target])


def read_json(path: PathLike) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Raises:
        ValueError: If it is missing or unreadable, or holds no JSON object.
    """
    location = f"path={str(path)!r}"
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"Cannot be read: {error}. Received: {location}") from error
    return json_object(content, location)


def json_lines(path: PathLike) -> Iterator[tuple[dict[str, Any], bytes, str]]:
    """Reads a file that holds one JSON object per line; blank lines are skipped.

    Yields:
        The object, the bytes of its line, and path and line number for messages.

    Raises:
        ValueError: If the file cannot be read, or a line, which is named, holds no object.
    """
    with access_to(path), Path(path).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            location = f"path={str(path)!r}, line={number}"
            yield json_object(line, location), line, location


def check_settings(path: PathLike, settings: Mapping[str, Any]) -> None:
    """Compares settings with those that a folder was begun with.

    Args:
        path: The folder's `settings.json`.
        settings: JSON values; tuples equal lists.

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
    """Writes ``settings.json`` into a run's folder, or compares with it if it exists.

    Args:
        folder: The run's folder.
        settings: JSON values, without those that may change during a run, like the number of steps.

    Raises:
        ValueError: If the folder holds other settings, or cannot be written.
    """
    path = Path(folder) / "settings.json"
    if path.exists():
        check_settings(path, settings)
    else:
        write_json(path, settings)


def write_json(path: PathLike, content: Mapping[str, Any]) -> None:
    """Writes a JSON file atomically; missing parent folders are created.

    Args:
        path: The file.
        content: JSON values; NaN and infinity become null, since JSON has neither.

    Raises:
        ValueError: If it cannot be written.
    """
    write_file(path, encoded_json(content))


def encoded_json(content: Mapping[str, Any]) -> bytes:
    """Returns the bytes that ``write_json`` writes."""
    strict = json.loads(json.dumps(dict(content)), parse_constant=lambda name: None)
    text = json.dumps(strict, indent=2, ensure_ascii=False) + "\n"
    # Names that are not Unicode hold lone surrogates; escaped, JSON can hold them.
    return text.encode(errors="backslashreplace")


def check_writable(folder: PathLike) -> None:
    """Checks that a folder, which need not exist yet, can be written to; leaves nothing behind.

    Raises:
        ValueError: If it cannot be written to.
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
    """Checks that an output folder is apart from the inputs: a later run would read its files.

    Args:
        folder: The folder to write to, which need not exist yet.
        inputs: The folders to read, by argument name; None for those not used.

    Raises:
        ValueError: If `folder` is one of them, lies within one, or contains one; links are
            followed.
    """
    target = Path(folder).resolve()
    for name, path in inputs.items():
        if path is None:
            continue
        source = Path(path).resolve()
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
            f"is read: use a folder beside it. Received: folder={str(target)!r}, "
            f"{name}={str(source)!r}"
        )


def strict_json(content: Any, indent: int | None = None) -> bytes:
    """Encodes strict JSON: ASCII, no NaN.

    Args:
        content: JSON values; tuples become lists.
        indent: Spaces per level; None for a single line.

    Returns:
        The bytes, with a line break at the end.

    Raises:
        ValueError: If JSON cannot represent the content.
    """
    try:
        return json.dumps(content, allow_nan=False, indent=indent).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"Not to be kept as JSON: {error}. Received: {content!r:.200}") from error


def json_object(content: bytes, location: str) -> dict[str, Any]:
    """Decodes one JSON object, strictly: no NaN.

    Args:
        content: UTF-8 bytes.
        location: Where they come from, for the message.

    Returns:
        The object as a dictionary.

    Raises:
        ValueError: If the bytes are no JSON object.
    """
    try:
        fields = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Cannot be read as JSON: {error}. Received: {location}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"This is no JSON object. Received: {location}")
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
    """Turns an `OSError` within the block into a `ValueError` that names the path.

    Raises:
        ValueError: In place of an `OSError`, or if text is decoded in the block that is not UTF-8.
    """
    try:
        yield
    except OSError as error:
        raise ValueError(f"No access: {error}. Received: path={str(path)!r}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"Save it as UTF-8: {error}. Received: path={str(path)!r}") from error


@contextmanager
def kept_in(folder: PathLike | None) -> Iterator[Path]:
    """Yields a working folder; for None a temporary one, which is removed at the end.

    Raises:
        ValueError: If the folder cannot be written.
    """
    if folder is not None:
        check_writable(folder)
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
