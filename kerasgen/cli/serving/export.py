"""The ``kerasgen export`` command."""

from __future__ import annotations

import argparse

from kerasgen.cli.start import load_tensorflow


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("export", help=_export.__doc__, description=_export.__doc__)
    add = command.add_argument
    add("model", metavar="MODEL", help="name in the zoo, or an exported model's folder")
    add(
        "--to",
        required=True,
        type=lambda text: text.split(","),
        metavar="RUNTIMES",
        help="onnx, openvino, litert, or several of these with commas between",
    )
    add("--out", metavar="DIR", help="where to write (default: runtimes in the model's folder)")
    command.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> None:
    """Writes a model's network for ONNX Runtime, OpenVINO or LiteRT, checked and timed."""
    from kerasgen.deployment.model_folders import model_folder

    model_folder(arguments.model)
    load_tensorflow()
    from kerasgen.deployment.runtimes import convert
    from kerasgen.deployment.savedmodel import ExportError

    try:
        found = convert(arguments.model, arguments.to, arguments.out)
    except ExportError as error:
        raise ValueError(
            f"{error} oneDNN's rounding may be the cause: set TF_ENABLE_ONEDNN_OPTS=0 and run the "
            "same command again."
        ) from error
    for name, each in found.items():
        print(
            f"{name}: largest difference {each.largest_difference:.2g} over {each.inputs:,} "
            f"inputs; one row {each.p50_ms:.2g} ms (95 %: {each.p95_ms:.2g}), "
            f"{each.times_tensorflow:.2g} times TensorFlow's"
        )
    folder = arguments.out or model_folder(arguments.model) / "runtimes"
    print(f"{len(found)} runtimes in {folder}. Next: kerasgen zoo show {arguments.model}")
