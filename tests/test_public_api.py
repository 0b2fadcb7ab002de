"""The public API: imported lazily, complete and documented."""

import ast
import importlib
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kerasgen

PACKAGE = Path(kerasgen.__file__).parent
ROOMS = sorted(
    "kerasgen." + ".".join(path.parent.relative_to(PACKAGE).parts)
    for path in PACKAGE.rglob("__init__.py")
    if path.parent != PACKAGE
)


def public_names():
    """(module, name) of all exports, each once."""
    seen = {}
    for room in ["kerasgen", *ROOMS]:
        module = importlib.import_module(room)
        for name in module.__all__:
            seen.setdefault(id(getattr(module, name)), (room, name))
    return sorted(seen.values())


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, time\nbegun = time.perf_counter()\nimport kerasgen\n"
        "print(time.perf_counter() - begun, *sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = found.stdout.split()
    assert float(seconds) < 0.2
    assert not {"tensorflow", "keras", "numpy", "cv2", "PIL", "matplotlib"} & set(modules)


def test_the_map_names_what_is_there():
    names = [name for name in kerasgen.__all__ if f"kerasgen.{name}" not in ROOMS]
    assert 35 <= len(names) <= 45
    for name in kerasgen.__all__:
        assert getattr(kerasgen, name) is not None, name
    for name in ("compose", "lay_smoke", "draw_eyes", "synthesize", "compare", "prove"):
        assert f"    {name} " in kerasgen.__doc__


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_exports_what_others_use(room):
    module = importlib.import_module(room)
    folder = PACKAGE.joinpath(*room.split(".")[1:])
    inside = {path.stem for path in folder.iterdir()}
    missing = {
        f"{name} of {source}"
        for source, name in imports_from_outside(room, folder)
        # A module's own name stays the module's.
        if name not in module.__all__ and name not in inside
    }
    assert not missing, missing
    # A module of that name would take the export's place once it is imported.
    assert not inside & set(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name), name


def imports_from_outside(room, folder):
    root = PACKAGE.parent
    paths = [
        path
        for name in ("kerasgen", "examples", "benchmarks")
        for path in (root / name).rglob("*.py")
    ]
    for path in paths:
        if folder == path.parent:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and innermost(node.module) == room:
                yield from ((node.module, alias.name) for alias in node.names)


def innermost(module):
    """The room of a module, or the module itself if it is a room."""
    return module if module in ROOMS else module.rpartition(".")[0]


def documented(name, value):
    """Yields what a docstring lacks."""
    text = inspect.getdoc(value) or ""
    if not text:
        yield f"{name} has no docstring"
    if not inspect.isfunction(value):
        return
    source = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    arguments = source.args.posonlyargs + source.args.args + source.args.kwonlyargs
    if len(arguments) > 1 and "Args:" not in text:
        yield f"{name} has arguments and no Args"
    returns = source.returns is not None and ast.unparse(source.returns) != "None"
    documents_returns = any(word in text for word in ("Returns", "Yields", "returns"))
    if returns and len(arguments) > 1 and not documents_returns and text.count("\n") > 0:
        yield f"{name} returns something and does not say what"
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(source))
    if raises and "Raises:" not in text:
        yield f"{name} raises and does not say when"


def test_every_public_name_is_documented():
    lacking = [
        what
        for room, name in public_names()
        for what in documented(f"{room}.{name}", getattr(importlib.import_module(room), name))
        if getattr(importlib.import_module(room), name).__class__.__name__
        in ("function", "type", "ABCMeta")
    ]
    assert not lacking, "\n".join(lacking)
