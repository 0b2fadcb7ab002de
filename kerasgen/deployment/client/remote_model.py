"""An exported model on a server: which kind it is, and its answers to rows, bad ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from kerasgen.deployment.client.connection import (
    Connection,
    Refused,
    Row,
    ServerError,
    patiently,
)
from kerasgen.deployment.client.over_rest import RestConnection
from kerasgen.deployment.model_kinds import KINDS, Kind

_SERVED = "serving_default"
_WANTED = {"png_bytes", "change_bytes", "class_name", "probabilities"}
"""Outputs of ``serving_default`` that are asked for, of those that there are."""


class RemoteModel:
    """A model of ``kerasgen.deployment.export`` that TensorFlow Serving serves.

    A request is repeated, after a pause, only if the server says that it is unavailable, or the
    connection is refused.

    Args:
        url: ``http://HOST:8501`` for REST, or ``grpc://HOST:8500`` for gRPC.
        model: Its name there, or ``NAME/VERSION``; without a version the server chooses, and the
            version that it names is kept.
        timeout: Seconds that the server may take for an answer.

    Attributes:
        kind: ``generator``, ``refiner``, ``translator`` or ``classifier``.
        name: Name and version, as ``fashion/1``.

    Raises:
        ValueError: If an argument is of another form, gRPC's packages are missing, or kerasgen did
            not export the model.
        ServerError: If the server does not answer, or has no such model.
    """

    def __init__(self, url: str, model: str, *, timeout: float = 60.0) -> None:
        self.url = url
        name, _, number = model.partition("/")
        if not name or not (number or "1").isdecimal() or model.endswith("/"):
            raise ValueError(
                f"The model must be NAME or NAME/VERSION, a number. Received: model={model!r}"
            )
        self._connection = _connected(url, name, int(number) if number else None, timeout)
        version, self._signatures = patiently(self._connection.metadata)
        own = [each for each in KINDS if each in self._signatures]
        if len(own) != 1 or _SERVED not in self._signatures:
            raise ValueError(
                "Not a model that kerasgen exported: it has the signatures "
                f"{sorted(self._signatures)}. Received: model={model!r}"
            )
        self.kind: Kind = KINDS[own[0]]
        self.name = f"{name}/{version}"

    def class_names(self) -> tuple[str, ...]:
        """The names of a generator's labels 0, 1, ...

        Raises:
            ServerError: If the server does not answer.
        """
        (row,) = self._run("classes", ("all_class_names",), [{"label": 0}])
        return tuple(row["all_class_names"])

    def serve(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Runs ``serving_default`` in one request.

        Args:
            rows: Each ``{"image_bytes": file}``, or ``{"seed": integer, "label": integer}`` for a
                generator.

        Returns:
            A row of outputs for each, such as ``{"png_bytes": file}``.

        Raises:
            Refused: If the server refuses the request for what is in it.
            ServerError: If it does not answer.
        """
        wanted = tuple(sorted(_WANTED.intersection(self._signatures[_SERVED].outputs)))
        return self._run(_SERVED, wanted, rows)

    def serve_each(self, rows: Sequence[Row]) -> list[dict[str, Any] | Refused]:
        """Runs ``serving_default``; a bad row does not spoil the answers to the others.

        A request that is refused is sent again in halves, down to the rows that are to blame.

        Args:
            rows: As for ``serve``.

        Returns:
            For each row its outputs, or why it is refused.

        Raises:
            ServerError: If the server does not answer.
        """
        if not rows:
            return []
        try:
            return list(self.serve(rows))
        except Refused as error:
            if len(rows) == 1:
                return [error]
        middle = len(rows) // 2
        return [*self.serve_each(rows[:middle]), *self.serve_each(rows[middle:])]

    def _run(self, name: str, outputs: Sequence[str], rows: Sequence[Row]) -> list[dict[str, Any]]:
        signature = self._signatures[name]
        found = patiently(lambda: self._connection.predict(signature, outputs, rows))
        if len(found) != len(rows):
            raise ServerError(
                f"The server answered {len(found)} of {len(rows)} rows. Received: url={self.url!r}"
            )
        return found


def _connected(url: str, name: str, version: int | None, timeout: float) -> Connection:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        return RestConnection(url, name, version, timeout)
    if parts.scheme != "grpc" or not parts.netloc:
        raise ValueError(
            "The URL must be http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC). "
            f"Received: url={url!r}"
        )
    try:
        from kerasgen.deployment.client.over_grpc import GrpcConnection
    except ImportError as error:
        raise ValueError(
            f"gRPC needs tensorflow-serving-api ({error}): pip install 'kerasgen-zoo[serving]', or "
            f"use the REST, http://HOST:8501. Received: url={url!r}"
        ) from error
    return GrpcConnection(parts.netloc, name, version, timeout)
