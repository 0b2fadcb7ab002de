"""The ``kerasgen`` command; each subcommand is a module beside this one."""

from __future__ import annotations

import argparse
import functools
import shlex
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import kerasgen
from kerasgen.cli.arguments import Parser, escape_output, expanded
from kerasgen.cli.examples import STOPPED
from kerasgen.cli.judging import compare, prove, verify
from kerasgen.cli.making import (
    beam,
    compose,
    convert,
    cut,
    dossier,
    eyes,
    merge,
    pack,
    sheet,
    smoke,
    synthesize,
)
from kerasgen.cli.serving import client, export, serve_kit, zoo
from kerasgen.io.interruption import Stopped, Unfinished


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the ``kerasgen`` command.

    Returns:
        The exit status: 0, 1 for an error, 3 if a condition of ``--fail-if`` is met, 130 after
        Ctrl-C or SIGTERM.

    Raises:
        SystemExit: With status 2 if the arguments cannot be parsed.
    """
    escape_output()
    words = sys.argv[1:] if arguments is None else arguments
    parsed = _parser().parse_args(words)
    for name, value in vars(parsed).items():
        setattr(parsed, name, expanded(value))
    parsed.command = shlex.join(["kerasgen", *words])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = functools.partial(_show_warning, set())
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
        # The trainer exits with a message; argparse with a number.
        if not isinstance(stop.code, str):
            raise
        print(f"kerasgen: {stop.code}", file=sys.stderr)
        return STOPPED
    return status or 0


def _show_warning(shown: set[str], message: Warning | str, *where: Any, **more: Any) -> None:
    """Prints one line, without the location in the code, once."""
    if str(message) not in shown:
        shown.add(str(message))
        print(f"kerasgen: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="kerasgen", description=kerasgen.__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=f"kerasgen {kerasgen.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (
        eyes,
        cut,
        compose,
        verify,
        smoke,
        synthesize,
        merge,
        beam,
        pack,
        convert,
        client,
        compare,
        prove,
        dossier,
        sheet,
        zoo,
        serve_kit,
        export,
    ):
        module.add_to(commands)
    return parser
