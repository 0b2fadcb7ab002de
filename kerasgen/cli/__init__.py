"""The ``kerasgen`` command, and the flags and manners that the examples share."""

from kerasgen.cli.arguments import processors
from kerasgen.cli.command import run
from kerasgen.cli.examples import define_training_flags, run_example, set_precision
from kerasgen.cli.progress import progress
from kerasgen.data.files import keep_settings, write_json

__all__ = [
    "define_training_flags",
    "keep_settings",
    "processors",
    "progress",
    "run",
    "run_example",
    "set_precision",
    "write_json",
]
