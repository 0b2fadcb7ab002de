"""Model files whose bytes depend on their graph and weights only.

TensorFlow numbers functions and captured variables through the life of a process: the same network,
exported twice, has other names in its graph. Here they are numbered from 0, in their order. Names
of layers stay.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

_Renamed = Callable[[str], str]
_NAME = "_user_specified_name"
_END = re.compile(r"\d+$")
_UNUSED_ARGUMENT = "___redundant_placeholder"
_METADATA, _CONFIG = "metadata.json", "config.json"


def save_network(model: keras.Model, path: Path) -> None:
    """Saves a network in Keras's own format, without dates and addresses in memory.

    Args:
        model: The network.
        path: A new file that ends in ``.keras``.
    """
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members[_METADATA])
    del metadata["date_saved"]
    members[_METADATA] = json.dumps(metadata).encode()
    config = json.loads(members[_CONFIG])
    _renumber_shared(config, {})
    members[_CONFIG] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def _renumber_shared(config: Any, known: dict[int, int]) -> None:
    """Numbers objects that several layers share from 0; Keras names them by their address."""
    if isinstance(config, dict):
        if "shared_object_id" in config:
            own = config["shared_object_id"]
            config["shared_object_id"] = known.setdefault(own, len(known))
        for each in config.values():
            _renumber_shared(each, known)
    elif isinstance(config, list):
        for each in config:
            _renumber_shared(each, known)


def renumber_functions(folder: Path) -> None:
    """Rewrites ``saved_model.pb`` with functions that are numbered from 0.

    ``fingerprint.pb``, which holds a random number, is removed; loading a model does not need it.

    Args:
        folder: The SavedModel.
    """
    path = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    library = model.meta_graphs[0].graph_def.library.function
    ordered = sorted(library, key=lambda each: _number(each.signature.name))
    names = [each.signature.name for each in ordered]
    known = set(names)
    index_of = {_number(name): str(index) for index, name in enumerate(names)}

    def renamed(text: str) -> str:
        # Arguments that a loop does not use are named after its function.
        start, mark, rest = text.partition(_UNUSED_ARGUMENT)
        if not mark and start not in known:
            return text
        return _END.sub(lambda found: index_of.get(int(found[0]), found[0]), start) + mark + rest

    _rename(model, renamed)
    for function in ordered:
        for argument in function.arg_attr.values():
            # The name of a captured variable is a number that means nothing outside the process.
            if _NAME in argument.attr and argument.attr[_NAME].s.isdigit():
                del argument.attr[_NAME]
    del library[:]
    library.extend(ordered)
    path.write_bytes(model.SerializeToString(deterministic=True))
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _number(name: str) -> int:
    found = _END.search(name)
    return int(found[0]) if found else -1


def _rename(message: Message, renamed: _Renamed) -> None:
    """Renames every string and key of a message and of all in it."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _rename_map(value, renamed)
        elif field.type == field.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                _rename(each, renamed)
        elif field.type == field.TYPE_STRING and field.is_repeated:
            value[:] = [renamed(each) for each in value]
        elif field.type == field.TYPE_STRING:
            setattr(message, field.name, renamed(value))


def _rename_map(entries: Any, renamed: _Renamed) -> None:
    kept = []
    for key in list(entries):
        value = entries[key]
        if isinstance(value, Message):
            _rename(value, renamed)
            copy = type(value)()
            copy.CopyFrom(value)
            value = copy
        new = renamed(key) if isinstance(key, str) else key
        kept.append((new, renamed(value) if isinstance(value, str) else value))
    # A new name may be another's old one.
    entries.clear()
    for key, value in kept:
        if isinstance(value, Message):
            entries[key].CopyFrom(value)
        else:
            entries[key] = value
