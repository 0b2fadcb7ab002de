"""The ``kerasgen dossier`` command."""

from __future__ import annotations

import argparse

from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("dossier", help=_dossier.__doc__, description=_dossier.__doc__)
    add = command.add_argument
    add("folder", metavar="DIR", help="finished folder of kerasgen, class folders or any pictures")
    add("--licence", metavar="SPDX_ID", help="licence of the set, such as CC-BY-4.0, or its URL")
    add("--source_licence", metavar="TEXT", help="licence of the pictures it was made from")
    add("--creator", metavar="NAME", help="person or organisation")
    add("--url", help="web page of the set")
    add("--published", metavar="YYYY-MM-DD", help="date of publication")
    add("--proof", metavar="REPORT", help="report of `kerasgen prove` on the set, or its folder")
    add("--comparison", metavar="REPORT", help="report of `kerasgen compare`, or its folder")
    add(
        "--source_type",
        metavar="TERM",
        help="IPTC digital source type of pictures that state none, such as digitalCapture or "
        "trainedAlgorithmicMedia (default: that of its row or of the job that filled the folder)",
    )
    add("--sign_certificate", metavar="PEM", help="certificate to sign each picture with (C2PA)")
    add("--sign_key", metavar="PEM", help="its private key")
    add(
        "--replace",
        action="store_true",
        help="replace a README.md or croissant.json that kerasgen did not write",
    )
    command.set_defaults(run=_dossier)


def _dossier(arguments: argparse.Namespace) -> None:
    """Describes a set, marks its pictures as synthetic, and signs them on request."""
    from kerasgen.annotations.dossier import Publication, write_dossier

    print(
        write_dossier(
            arguments.folder,
            Publication(
                arguments.licence,
                arguments.source_licence,
                arguments.creator,
                arguments.url,
                arguments.published,
            ),
            proof=arguments.proof,
            comparison=arguments.comparison,
            source_type=arguments.source_type,
            certificate=arguments.sign_certificate,
            key=arguments.sign_key,
            replace=arguments.replace,
            progress=progress,
        )
    )
