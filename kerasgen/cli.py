"""The ``kerasgen`` command, and the flags and manners that the examples share."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import app, flags, logging

import kerasgen

_STRATEGIES = ("default", "mirrored", "multiworker")
_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def define_training_flags(*, workdir: str, batch_size: int) -> None:
    """Defines the flags that every training example has.

    Args:
        workdir: Default folder of the run.
        batch_size: Default number of pictures in a global batch.
    """
    flags.DEFINE_string("workdir", workdir, "Folder of checkpoints, logs and sheets.")
    flags.DEFINE_string("export_to", "saved_models", "Folder that gets <name>/<version>/.")
    flags.DEFINE_integer("batch_size", batch_size, "Pictures in a global batch.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed of everything random.", lower_bound=0)
    flags.DEFINE_enum("strategy", "default", _STRATEGIES, "How work is spread over devices.")
    flags.DEFINE_enum("precision", "float32", _PRECISIONS, "What the networks compute in.")
    flags.DEFINE_integer("log_every", 50, "Steps between two reports.", lower_bound=1)
    flags.DEFINE_integer("save_every", 500, "Steps between two checkpoints.", lower_bound=1)


def run_example(main: Callable[[], None]) -> None:
    """Runs an example's main function; what the user got wrong ends in one line, not a traceback.

    Args:
        main: Called after the flags are parsed.
    """

    def guarded(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            sys.exit(f"Arguments that are no flags: {' '.join(arguments[1:])}")
        # TensorFlow says at INFO how it writes files; a user wants the progress lines.
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, ArithmeticError, OSError, RuntimeError) as error:
            if os.environ.get("KERASGEN_TRACEBACK"):
                raise
            sys.exit(f"{error}\n(KERASGEN_TRACEBACK=1 shows where this comes from.)")

    app.run(guarded)


def set_precision(name: str, strategy: str) -> None:
    """Sets the Keras dtype policy.

    Args:
        name: ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        strategy: Name of the distribution strategy.

    Raises:
        ValueError: For float16 on several replicas, where Keras's loss scaling fails (keras#18666).
    """
    import keras

    if name == "mixed_float16" and strategy != "default":
        raise ValueError(
            "mixed_float16 works on one device only: use mixed_bfloat16. "
            f"Received: precision={name!r}, strategy={strategy!r}"
        )
    keras.mixed_precision.set_global_policy(name)


def keep_settings(workdir: str | Path, settings: Mapping[str, Any]) -> None:
    """Writes ``settings.json`` into a new run's folder; in an old one they must be the same.

    A run that goes on with other data, another seed or another batch size is another run.

    Args:
        workdir: The run's folder.
        settings: JSON values; not those that may change on the way, like the number of steps.

    Raises:
        ValueError: If the folder belongs to a run with other settings, or cannot be written.
    """
    path = Path(workdir) / "settings.json"
    if path.exists():
        before = _read_settings(path)
        now = json.loads(json.dumps(dict(settings)))
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if changed:
            name = changed[0]
            raise ValueError(
                f"The work folder {str(workdir)!r} holds a run with other settings: use another "
                f"--workdir, or delete it. Received: {name}={now.get(name)!r}, there: "
                f"{before.get(name)!r} (differing: {', '.join(changed)})"
            )
        return
    write_json(path, settings)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot be read: {error}. Received: path={str(path)!r}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"These are no settings of a run. Received: path={str(path)!r}")
    return settings


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, at once or not at all; folders are made.

    JSON has no NaN and no infinity: they become null.

    Raises:
        ValueError: If it cannot be written.
    """
    strict = json.loads(json.dumps(dict(content)), parse_constant=lambda name: None)
    _write_text(Path(path), json.dumps(strict, indent=2, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(f"Cannot write: {error}. Received: path={str(path)!r}") from error


def _draw_eyes(arguments: argparse.Namespace) -> None:
    """Writes pictures of eyes drawn by rule, and metadata.jsonl with what is true of them."""
    from kerasgen.data.procedural import camera_eyes, rendered_eyes
    from kerasgen.data.sheets import save_png

    draw = camera_eyes if arguments.look == "camera" else rendered_eyes
    eyes = draw(arguments.count, arguments.seed, arguments.size)
    folder = Path(arguments.out)
    rows = []
    for index, image in enumerate(eyes.images):
        name = f"eye-{index:06}.png"
        save_png(folder / name, image)
        pitch, yaw = map(float, eyes.gaze[index])
        row = {
            "file_name": name,
            "look": arguments.look,
            "seed": arguments.seed,
            "index": index,
            "gaze": {"pitch": pitch, "yaw": yaw},
            "annotation": eyes.annotation(index).to_dict(),
        }
        rows.append(json.dumps(row))
    _write_text(folder / "metadata.jsonl", "\n".join(rows) + "\n")
    print(f"{len(rows)} pictures and metadata.jsonl in {folder}")


def _draw_sheet(arguments: argparse.Namespace) -> None:
    """Writes one picture that shows all pictures of a folder."""
    from kerasgen.data.images import read_folder
    from kerasgen.data.sheets import contact_sheet, save_png

    folder = read_folder(arguments.folder, arguments.size, fit="pad")
    save_png(arguments.out, contact_sheet(folder.images[: arguments.most], arguments.columns))
    shown = min(len(folder.images), arguments.most)
    print(f"{shown} of {len(folder.images)} pictures in {arguments.out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kerasgen", description=kerasgen.__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=f"kerasgen {kerasgen.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    eyes = commands.add_parser("eyes", help=_draw_eyes.__doc__, description=_draw_eyes.__doc__)
    eyes.add_argument("--out", required=True, help="folder to write to")
    eyes.add_argument("--count", type=_whole_number, default=100)
    eyes.add_argument("--look", choices=("rendered", "camera"), default="rendered")
    eyes.add_argument("--size", type=_whole_number, default=64, help="side in pixels")
    eyes.add_argument("--seed", type=int, default=0)
    eyes.set_defaults(run=_draw_eyes)
    sheet = commands.add_parser("sheet", help=_draw_sheet.__doc__, description=_draw_sheet.__doc__)
    sheet.add_argument("folder", help="read with all folders below it")
    sheet.add_argument("out", help="the PNG to write")
    sheet.add_argument(
        "--size", type=_whole_number, default=96, help="side of each picture in pixels"
    )
    sheet.add_argument("--columns", type=_whole_number, default=12)
    sheet.add_argument("--most", type=_whole_number, default=240, help="pictures shown at most")
    sheet.set_defaults(run=_draw_sheet)
    return parser


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def run(arguments: Sequence[str] | None = None) -> int:
    """The ``kerasgen`` command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except ValueError as error:
        print(f"kerasgen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
