"""The ``kerasgen`` command: its parts are the modules beside this one."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import kerasgen
from kerasgen.cli import compare, compose, cut, eyes, prove, sheet, smoke, synthesize, verify
from kerasgen.io.interruption import Stopped, Unfinished

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""


def run(arguments: Sequence[str] | None = None) -> int:
    """The ``kerasgen`` command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            status = parsed.run(parsed)
    except Unfinished as error:
        print(f"kerasgen: {error}", file=sys.stderr)
        return STOPPED if isinstance(error, Stopped) else 1
    except (ValueError, ArithmeticError) as error:
        print(f"kerasgen: {error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("kerasgen: out of memory: lower --size or the number of pictures", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("kerasgen: stopped. Run the same command again to go on.", file=sys.stderr)
        return STOPPED
    except SystemExit as stop:
        # A text is the trainer's, which says what it has saved; argparse leaves with a number.
        if not isinstance(stop.code, str):
            raise
        print(f"kerasgen: {stop.code}", file=sys.stderr)
        return STOPPED
    return status or 0


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """One line, without the place in the code."""
    print(f"kerasgen: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kerasgen", description=kerasgen.__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=f"kerasgen {kerasgen.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (eyes, cut, compose, verify, smoke, synthesize, compare, prove, sheet):
        module.add_to(commands)
    return parser
