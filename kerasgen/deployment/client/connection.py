"""What a connection to a server offers, whatever its protocol, and its errors."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from kerasgen.io.interruption import Unfinished

Row: TypeAlias = Mapping[str, Any]
"""One row of the inputs or outputs of a signature: a value for each name."""

_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each new attempt."""

_Answer = TypeVar("_Answer")


class Refused(ValueError):
    """The server refuses a request for what is in it; the message is the server's reason."""


class ServerError(Unfinished):
    """The server gives no answer, or one that is of no use."""


class Unavailable(ServerError):
    """The server cannot answer yet, or no more: asking again may help."""


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of one signature.

    Attributes:
        name: Its name.
        inputs: TensorFlow's number of the dtype, or its name, of each input.
        outputs: Names of the outputs.
    """

    name: str
    inputs: Mapping[str, int | str]
    outputs: Sequence[str]


class Connection(Protocol):
    """A server's model over one protocol; a call is one attempt."""

    def metadata(self) -> tuple[int, dict[str, Signature]]:
        """Returns the version that answers, and its signatures; that version is asked from now."""

    def predict(
        self, signature: Signature, outputs: Sequence[str], rows: Sequence[Row]
    ) -> list[dict[str, Any]]:
        """Runs a signature on some rows.

        Args:
            signature: The signature.
            outputs: Names of the outputs that are wanted; there may be others in the answer.
            rows: Values by input; a file is bytes.

        Returns:
            A row of outputs for each: bytes for names that end in ``_bytes``, else JSON values.
        """


def patiently(call: Callable[[], _Answer]) -> _Answer:
    """Calls again, after growing pauses, while the server is unavailable.

    Args:
        call: One attempt.

    Returns:
        What it returns.

    Raises:
        Unavailable: If it still is after eight seconds.
    """
    for wait in _WAITS:
        try:
            return call()
        except Unavailable as error:
            warnings.warn(f"The server is unavailable, trying again: {error}", stacklevel=2)
            time.sleep(wait)
    return call()


def first_line(message: str) -> str:
    """The part of TensorFlow's message that is meant for people."""
    return message.strip().split("\n")[0].removeprefix("assertion failed: ").strip()
