"""``python -m kerasgen`` is the ``kerasgen`` command."""

import sys

from kerasgen.cli.command import run

if __name__ == "__main__":
    sys.exit(run())
