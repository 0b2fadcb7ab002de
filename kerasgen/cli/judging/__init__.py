"""Commands that judge pictures."""

from kerasgen.cli.judging.verify import check_failures

__all__ = ["check_failures"]
