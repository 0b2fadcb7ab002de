"""Whether the command lines on pages are ones that the programs take."""

import argparse
import contextlib
import importlib.util
import sys

import pytest
from absl import flags
from markdown_files import ROOT

from kerasgen.cli import command


@contextlib.contextmanager
def script(path):
    """A script of the repository as a module; its flags are forgotten in the end."""
    known, loaded = set(flags.FLAGS), set(sys.modules)
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    hook = sys.excepthook
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.excepthook = hook
        sys.path.remove(str(path.parent))
        for name in set(flags.FLAGS) - known:
            delattr(flags.FLAGS, name)
        for name in set(sys.modules) - loaded:
            if str(path.parent) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


class Parsed(Exception):
    """The arguments are fine; nothing more is wanted."""


def check_flags(words, monkeypatch):
    """Parses a command without running it."""
    if words[0] == "kerasgen":
        command._parser().parse_args(words[1:])
        return
    with script(ROOT / words[1]) as module:
        if hasattr(module, "FLAGS"):
            left = flags.FLAGS(words[1:])[1:]
            assert not left, f"{left} are no flags"
            return
        parse = argparse.ArgumentParser.parse_args

        def stop(parser):
            parse(parser)
            raise Parsed

        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
        monkeypatch.setattr(sys, "argv", words[1:])
        with pytest.raises(Parsed):
            module.main()
