"""The ``kerasgen client`` command."""

from __future__ import annotations

import argparse
import sys

from kerasgen.cli.arguments import number_from_zero, seconds, whole_number
from kerasgen.cli.start import check_there
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("client", help=_client.__doc__, description=_client.__doc__)
    add = command.add_argument
    add("url", metavar="URL", help="http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC)")
    add("model", metavar="MODEL", help="the model's name on the server, or NAME/VERSION")
    add(
        "files",
        metavar="FILES",
        nargs="*",
        help="pictures, or folders of them, for a refiner, a translator or a classifier",
    )
    add(
        "--out",
        default="answers",
        metavar="DIR",
        help="folder for the answers; an unfinished one is continued",
    )
    add("--count", type=whole_number, help="number of pictures of a generator")
    add("--seed", type=number_from_zero, default=0, help="random seed of a generator")
    add(
        "--labels",
        nargs="+",
        metavar="CLASS",
        help="classes of a generator, names or numbers (default: all, in turn)",
    )
    add("--batch_size", type=whole_number, default=32, help="files or pictures in a request")
    add("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="longest wait")
    command.set_defaults(run=_client)


def _client(arguments: argparse.Namespace) -> int:
    """Sends pictures to a model on a server, or asks it for some, and keeps the answers."""
    check_there(**{f"file {number}": path for number, path in enumerate(arguments.files, 1)})
    from kerasgen.deployment.client import RemoteModel, answer_files, generate_pictures

    model = RemoteModel(arguments.url, arguments.model, timeout=arguments.timeout)
    _check(arguments, model.kind)
    with progress("answers") as report:
        if model.kind == "generator":
            answers = generate_pictures(
                model,
                arguments.out,
                arguments.count,
                labels=arguments.labels or (),
                seed=arguments.seed,
                batch_size=arguments.batch_size,
                report=report,
            )
        else:
            answers = answer_files(
                model,
                arguments.files,
                arguments.out,
                batch_size=arguments.batch_size,
                report=report,
            )
    for name, reason in answers.refused.items():
        print(f"kerasgen: {name} is refused: {reason}", file=sys.stderr)
    print(answers)
    return 1 if answers.refused else 0


def _check(arguments: argparse.Namespace, kind: str) -> None:
    """Raises a ValueError if the arguments are those of a model of another kind."""
    asked = arguments.count is not None or arguments.labels is not None
    if kind == "generator" and (arguments.files or arguments.count is None):
        raise ValueError(
            "The model is a generator: pass --count, and no files. "
            f"Received: model={arguments.model!r}, files={arguments.files}"
        )
    if kind != "generator" and (asked or not arguments.files):
        raise ValueError(
            f"The model is a {kind}: pass files, and neither --count nor --labels. "
            f"Received: model={arguments.model!r}, files={arguments.files}"
        )
