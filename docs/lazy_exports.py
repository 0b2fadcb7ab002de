"""Lets griffe see what the rooms of kerasgen load lazily."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import griffe


class LazyExports(griffe.Extension):
    """Takes the names that a stub imports for the module's ``__all__``, as ``lazy_loader`` does."""

    def on_package(self, *, pkg: griffe.Module, **others: Any) -> None:
        """Sets the exports of each module beside a stub, once all stubs are merged."""
        for module in [pkg, *_modules(pkg)]:
            stub = Path(str(module.filepath)).with_suffix(".pyi")
            if stub.is_file():
                module.exports = exported(stub)

    def on_function(self, *, func: griffe.Function, **others: Any) -> None:
        """Hides what nobody calls."""
        if func.name == "__post_init__":
            func.public = False


def exported(stub: Path) -> list[str]:
    """The names that a stub imports from its own package."""
    nodes = ast.walk(ast.parse(stub.read_text(encoding="utf-8")))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    return [str(alias.asname) for node in imports for alias in node.names]


def _modules(parent: griffe.Module) -> list[griffe.Module]:
    found = [each for each in parent.modules.values() if not each.is_alias]
    return [*found, *(below for each in found for below in _modules(each))]
