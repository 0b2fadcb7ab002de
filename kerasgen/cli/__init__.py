"""The ``kerasgen`` command, and what the example scripts share: flags, settings, errors."""

from kerasgen.cli.arguments import (
    FAILED,
    Condition,
    Parser,
    add_sets,
    add_shard,
    condition,
    number_from_zero,
    seconds,
    whole_number,
)
from kerasgen.cli.command import run
from kerasgen.cli.examples import (
    HELD_OUT,
    define_length_flags,
    define_training_flags,
    kept_network,
    load_domain,
    quiet_start,
    run_card,
    run_example,
    run_length,
    set_precision,
)
from kerasgen.cli.start import check_there, load_tensorflow
from kerasgen.io.files import keep_settings, write_json
from kerasgen.io.parallel import processors
from kerasgen.io.progress import progress

__all__ = [
    "Condition",
    "FAILED",
    "Parser",
    "add_sets",
    "add_shard",
    "check_there",
    "load_tensorflow",
    "condition",
    "number_from_zero",
    "processors",
    "whole_number",
    "HELD_OUT",
    "define_length_flags",
    "define_training_flags",
    "keep_settings",
    "kept_network",
    "load_domain",
    "processors",
    "progress",
    "quiet_start",
    "run",
    "run_card",
    "run_example",
    "run_length",
    "seconds",
    "set_precision",
    "write_json",
]
