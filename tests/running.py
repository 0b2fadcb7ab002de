"""Examples as a user starts them, and workers that train together."""

import json
import os
import socket
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


def worker_environments(count):
    """The environment of each of some workers on this machine, on ports that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    for index in range(count):
        task = {"type": "worker", "index": index}
        yield {
            **options()["env"],
            "TF_CONFIG": json.dumps({"cluster": cluster, "task": task}),
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        }
