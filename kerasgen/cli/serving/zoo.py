"""The ``kerasgen zoo`` command."""

from __future__ import annotations

import argparse

from kerasgen.cli.start import load_tensorflow


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("zoo", help=_list.__doc__, description=_list.__doc__)
    command.set_defaults(run=_list)
    actions = command.add_subparsers(metavar="ACTION")
    for name, run in (("show", _show), ("check", _check), ("build", _build)):
        action = actions.add_parser(name, help=run.__doc__, description=run.__doc__)
        action.add_argument("name", metavar="NAME", help="a model's name, as the list shows it")
        action.set_defaults(run=run)
    action.add_argument(
        "flags",
        metavar="FLAG",
        nargs=argparse.REMAINDER,
        help="of the example, as --data=DIR or --export_to=DIR",
    )


def _list(arguments: argparse.Namespace) -> None:
    """Lists the trained models that come with kerasgen, with their figures."""
    from kerasgen.zoo.catalogue import zoo_models

    models = zoo_models()
    print("\n".join(map(str, models)))
    print(f"{len(models)} models. Next: kerasgen zoo show NAME")


def _show(arguments: argparse.Namespace) -> None:
    """Prints a model's card."""
    from kerasgen.deployment.hub_page import PAGE
    from kerasgen.deployment.model_folders import model_folder

    folder = model_folder(arguments.name)
    page = folder / PAGE
    if not page.is_file():
        raise ValueError(f"The model has no card: export it again. Received: {str(folder)!r}")
    print(page.read_text(encoding="utf-8").partition("\n---\n")[2].strip())
    print(f"\n{folder}. Next: kerasgen zoo check {arguments.name}")


def _check(arguments: argparse.Namespace) -> None:
    """Checks that a model's files and outputs are those of its export."""
    from kerasgen.deployment.model_folders import model_folder

    folder = model_folder(arguments.name)
    load_tensorflow()
    from kerasgen.deployment.signature_runs import check_copy

    found = check_copy(folder)
    for name, value in found.items():
        print(f"{name}: {value:.2g}")
    print(
        f"The files are those that were exported; the largest difference is "
        f"{max(found.values()):.2g}, on the scale [-1, 1]."
    )


def _build(arguments: argparse.Namespace) -> None:
    """Measures and exports a model again, from its kept network, as the next version."""
    from kerasgen.deployment.model_folders import model_folder

    model_folder(arguments.name)
    load_tensorflow()
    from kerasgen.zoo.building import rebuild

    rebuild(arguments.name, arguments.flags)
