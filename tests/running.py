"""Examples as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WITHIN = 240
"""Seconds that one run may take, on a slow machine."""


def command(example, *flags):
    """The command line of `examples/<example>.py`."""
    return [sys.executable, str(ROOT / f"examples/{example}.py"), *map(str, flags)]


def options():
    """How to start it: this checkout's package, output kept, no tracebacks."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("KERASGEN_TRACEBACK", None)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return {"env": environment, **pipes}


def run_example(example, *flags):
    """Runs an example to its end."""
    return subprocess.run(command(example, *flags), timeout=WITHIN, **options())
