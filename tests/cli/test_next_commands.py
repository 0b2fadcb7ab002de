"""Commands that messages name exist, with their flags."""

import argparse
import ast
import re
from pathlib import Path

import pytest

import kerasgen
from kerasgen.cli import command

PACKAGE = Path(kerasgen.__file__).parent
COMMAND = re.compile(r"kerasgen ([a-z][a-z-]*)((?: [^\n`.:;)]+)?)")


def texts():
    """All strings of the package but docstrings, with X for what is filled in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(each) for node in ast.walk(tree) for each in getattr(node, "values", ())}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                values = [getattr(each, "value", "") for each in node.values]
                yield path, "".join(v if isinstance(v, str) else "X" for v in values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) not in parts:
                    yield path, node.value


def subcommands():
    actions = command._parser()._actions
    (found,) = [each for each in actions if isinstance(each, argparse._SubParsersAction)]
    return found.choices


def faults(text, known):
    """What is wrong with the commands in a text."""
    for name, rest in COMMAND.findall(text):
        flags = re.findall(r"(--[a-z_-]+)", rest)
        if name not in known:
            # Prose about kerasgen; a flag makes it a command.
            yield from (f"kerasgen {name} has no {flag}" for flag in flags)
            continue
        own = {option for each in known[name]._actions for option in each.option_strings}
        yield from (f"kerasgen {name} has no {flag}" for flag in flags if flag not in own)
        if "next: kerasgen" in text.lower():
            words = [word for word in rest.split() if word != "..."]
            try:
                known[name].parse_args(words)
            except SystemExit:
                yield f"kerasgen {name} does not take {words}"


def test_every_command_in_a_message_is_one():
    known = subcommands()
    seen = [(path.name, text) for path, text in texts() if COMMAND.search(text)]
    assert len(seen) > 20
    wrong = [(name, fault) for name, text in seen for fault in faults(text, known)]
    assert not wrong, wrong


@pytest.mark.parametrize(
    "text",
    [
        "next: kerasgen compare --real REAL --synthetic X --out comparison",
        "Run `kerasgen dossier X --license MIT`",
        "next: kerasgen compose --foregrounds X --out scenes",
        "next: kerasgen merges X --sources Y",
    ],
)
def test_a_wrong_command_is_found(text):
    assert list(faults(text, subcommands()))
