"""TensorFlow Serving's REST: JSON rows, files in base64."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from kerasgen.deployment.client.connection import (
    Refused,
    Row,
    ServerError,
    Signature,
    Unavailable,
    first_line,
)

_BYTES = "_bytes"
_REFUSALS = (400, 413)
"""Bad request, and content that is too large."""
_NOT_FOUND, _UNAVAILABLE = 404, 503


class RestConnection:
    """A model over REST.

    Args:
        url: ``http://HOST:PORT`` or ``https://...``.
        model: Its name.
        version: Its version; None for the server's choice.
        timeout: Seconds that the server may take for an answer.
    """

    def __init__(self, url: str, model: str, version: int | None, timeout: float) -> None:
        self._url = url
        self._model = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}"
        self._version, self._timeout = version, timeout

    def metadata(self) -> tuple[int, dict[str, Signature]]:
        """Returns the version that answers, and its signatures."""
        answer = self._ask("/metadata")
        try:
            defined = answer["metadata"]["signature_def"]["signature_def"]
            self._version = int(answer["model_spec"]["version"])
            return self._version, {
                name: Signature(
                    name,
                    {key: value["dtype"] for key, value in each["inputs"].items()},
                    tuple(each["outputs"]),
                )
                for name, each in defined.items()
                if "inputs" in each and "outputs" in each
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._other_program() from error

    def predict(
        self, signature: Signature, outputs: Sequence[str], rows: Sequence[Row]
    ) -> list[dict[str, Any]]:
        """Runs a signature on some rows; REST cannot leave out outputs."""
        body = {"signature_name": signature.name, "instances": [_sent(row) for row in rows]}
        answer = self._ask(":predict", json.dumps(body).encode())
        try:
            found = answer["predictions"]
            # The name of a single output is left out.
            if len(signature.outputs) == 1:
                found = [{signature.outputs[0]: value} for value in found]
            return [_received(row) for row in found]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._other_program() from error

    def _ask(self, end: str, body: bytes | None = None) -> dict[str, Any]:
        version = "" if self._version is None else f"/versions/{self._version}"
        url = f"{self._model}{version}{end}"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise _as_error(error, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from error
        try:
            return dict(json.loads(content))
        except (ValueError, TypeError) as error:
            raise self._other_program() from error

    def _no_answer(self, error: Exception) -> ServerError:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            return ServerError(
                f"The server gave no answer in {self._timeout:g} seconds: raise --timeout, or "
                f"lower --batch_size. Received: url={self._url!r}"
            )
        refused = isinstance(reason, ConnectionRefusedError)
        kind = Unavailable if refused else ServerError
        return kind(f"The server cannot be reached: {reason}. Received: url={self._url!r}")

    def _other_program(self) -> ServerError:
        return ServerError(
            "The answer is not one of TensorFlow Serving's REST, whose port usually is 8501. "
            f"Received: url={self._url!r}"
        )


def _as_error(error: urllib.error.HTTPError, url: str) -> Exception:
    content = error.read().decode(errors="replace")
    try:
        message = first_line(str(json.loads(content)["error"]))
    except (ValueError, KeyError, TypeError):
        message = first_line(content) or str(error.reason)
    if error.code in _REFUSALS:
        return Refused(message)
    kind = Unavailable if error.code == _UNAVAILABLE else ServerError
    hint = " Is this the name of a model there?" if error.code == _NOT_FOUND else ""
    return kind(f"The server's error {error.code}: {message}.{hint} Received: url={url!r}")


def _sent(row: Row) -> dict[str, Any]:
    return {
        name: {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in row.items()
    }


def _received(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value["b64"]) if name.endswith(_BYTES) else value
        for name, value in row.items()
    }
