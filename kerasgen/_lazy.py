"""Exports of a package that are imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a package needs to export names of its modules without importing those.

    Use it as ``__getattr__, __dir__, __all__ = lazy(__name__, {"Trainer": "trainer"})``.

    Args:
        package: Its ``__name__``.
        modules: Exported name -> its module's, below the package. The name must be no module's of
            this package: that one takes its place once it is imported.

    Returns:
        ``__getattr__``, ``__dir__`` and ``__all__`` of the package.
    """
    exports = sorted(modules)

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exports})

    return get, names, exports
