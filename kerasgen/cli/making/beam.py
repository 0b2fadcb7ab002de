"""The ``kerasgen beam`` command: other commands as pipelines of Apache Beam."""

from __future__ import annotations

import argparse
import functools
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import Parser, add_sets
from kerasgen.cli.making import eyes, smoke, synthesize
from kerasgen.cli.start import check_there, load_tensorflow
from kerasgen.io.progress import progress
from kerasgen.pipelines.running import check_shared

if TYPE_CHECKING:
    from kerasgen.annotations.fill_folder import FolderJob


class _Parser(Parser):
    """Keeps the words after ``--``, the flags of the pipeline, as ``pipeline``."""

    def parse_known_args(  # type: ignore[override]
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = list(args)
        end = words.index("--") if "--" in words else len(words)
        found, left = super().parse_known_args(words[:end], namespace)
        found.pipeline = words[end + 1 :]
        return found, left


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    beam = commands.add_parser("beam", help=_HELP, description=_DESCRIPTION)
    own = beam.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for name, module, run in (
        ("synthesize", synthesize, _synthesize),
        ("smoke", smoke, _smoke),
        ("eyes", eyes, _eyes),
    ):
        command = own.add_parser(name, help=run.__doc__, description=_DESCRIPTION)
        module.add_flags(command)
        command.set_defaults(run=run)
    _add_compare(own)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("compare", help=_compare.__doc__, description=_DESCRIPTION)
    add = command.add_argument
    add_sets(command)
    add("--out", required=True, metavar="DIR", help="folder of figures.json")
    add(
        "--features",
        action="append",
        metavar="NAME[:PATH]",
        help="feature space, as for `kerasgen compare`; may be repeated (default: pixels)",
    )
    add(
        "--sources",
        choices=("picture", "folder", "name"),
        help="which real pictures are one source and stay in one half, as for `kerasgen compare` "
        "(default: what rows of metadata.jsonl state, else each picture)",
    )
    command.set_defaults(run=_compare)


_HELP = "Runs a command on many machines, as a pipeline of Apache Beam."

_DESCRIPTION = (
    f"{_HELP} Flags of the pipeline follow after --, such as -- --runner=FlinkRunner "
    "--flink_master=HOST:8081; without them it runs in one process here. All workers must share "
    "the file system."
)


def _synthesize(arguments: argparse.Namespace) -> None:
    """As `kerasgen synthesize`: the same flags, and the same folder."""
    from kerasgen.deployment.model_folders import model_folder

    settings = synthesize.settings_of(arguments)
    for name in ("model", "gate"):
        check_shared(**{name: settings[name]})
        settings[name] = settings[name] and model_folder(settings[name])
    load_tensorflow()
    from kerasgen.deployment.synthesis import synthesis_job

    _fill(synthesis_job, settings, arguments)


def _smoke(arguments: argparse.Namespace) -> None:
    """As `kerasgen smoke`: the same flags, and the same folder."""
    from kerasgen.procedural.smoke.folder import smoke_job

    _fill(smoke_job, smoke.settings_of(arguments), arguments)


def _eyes(arguments: argparse.Namespace) -> None:
    """As `kerasgen eyes`: the same flags, and the same folder."""
    from kerasgen.procedural.eyes_folder import eyes_job

    _fill(eyes_job, eyes.settings_of(arguments), arguments)


def _fill(
    job: Callable[..., FolderJob], settings: dict[str, Any], arguments: argparse.Namespace
) -> None:
    check_shared(out=arguments.out, sources=settings.get("sources"))
    check_there(sources=settings.get("sources"))
    from kerasgen.pipelines.folders import fill_in_pipeline

    for name in ("folder", "sources"):
        if settings.get(name) is not None:
            # Workers may run in another folder.
            settings[name] = os.path.abspath(settings[name])
    with progress("pictures") as report:
        prepare = functools.partial(job, **settings)
        filled = fill_in_pipeline(prepare, arguments.pipeline, report=report)
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")


def _absolute(features: str) -> str:
    """``KIND:PATH`` as workers find it that run in another folder."""
    kind, _, path = features.partition(":")
    check_shared(features=path)
    return f"{kind}:{os.path.abspath(path)}" if path else kind


def _compare(arguments: argparse.Namespace) -> None:
    """Measures how synthetic pictures differ from real ones, by sums: for sets of any size."""
    from kerasgen.io.files import write_file, write_json

    folders = {name: getattr(arguments, name) for name in ("real", "synthetic", "out")}
    check_shared(**folders)
    check_there(real=arguments.real, synthetic=arguments.synthetic)
    load_tensorflow()
    from kerasgen.evaluation.comparison import CompareOptions
    from kerasgen.pipelines.comparison import compare_in_pipeline

    options = CompareOptions(
        features=[_absolute(name) for name in arguments.features or ("pixels",)],
        network=None,
        size=arguments.size,
        channels=arguments.channels,
        sources=arguments.sources,
        seed=arguments.seed,
    )
    with progress("parts") as report:
        found = compare_in_pipeline(
            **folders, options=options, flags=arguments.pipeline, report=report
        )
    write_file(os.path.join(arguments.out, "figures.txt"), f"{found['summary']}\n".encode())
    write_json(os.path.join(arguments.out, "figures.json"), {**found, "command": arguments.command})
    print(f"{found['summary']}\nfigures: {os.path.join(arguments.out, 'figures.json')}")
    sets = shlex.join([arguments.real, arguments.synthetic])
    print(f"next, for intervals and a page: kerasgen compare {sets} --quick --out report")
