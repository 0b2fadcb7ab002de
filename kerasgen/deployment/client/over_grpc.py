"""TensorFlow Serving's gRPC. Importing this imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasgen.deployment.client.connection import (
    Refused,
    Row,
    ServerError,
    Signature,
    Unavailable,
    first_line,
)

_SIGNATURES = "signature_def"
_OPTIONS = [
    # gRPC's own limit for an answer is 4 MB, less than 32 pictures.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # By itself it connects again after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
]


class GrpcConnection:
    """A model over gRPC.

    Args:
        target: ``HOST:PORT``.
        model: Its name.
        version: Its version; None for the server's choice.
        timeout: Seconds that the server may take for an answer.
    """

    def __init__(self, target: str, model: str, version: int | None, timeout: float) -> None:
        self._target, self._model = target, model
        self._version, self._timeout = version, timeout
        channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def metadata(self) -> tuple[int, dict[str, Signature]]:
        """Returns the version that answers, and its signatures."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec(), metadata_field=[_SIGNATURES]
        )
        answer = self._call(self._stub.GetModelMetadata, request)
        defined = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata[_SIGNATURES].Unpack(defined)
        self._version = answer.model_spec.version.value
        return self._version, {
            name: Signature(
                name, {key: value.dtype for key, value in each.inputs.items()}, tuple(each.outputs)
            )
            for name, each in defined.signature_def.items()
        }

    def predict(
        self, signature: Signature, outputs: Sequence[str], rows: Sequence[Row]
    ) -> list[dict[str, Any]]:
        """Runs a signature on some rows."""
        request = predict_pb2.PredictRequest(model_spec=self._spec(), output_filter=outputs)
        request.model_spec.signature_name = signature.name
        for key, dtype in signature.inputs.items():
            values = tf.make_tensor_proto([row[key] for row in rows], dtype, [len(rows)])
            request.inputs[key].CopyFrom(values)
        found = self._call(self._stub.Predict, request).outputs
        columns = {key: _values(key, found[key]) for key in outputs}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _spec(self) -> Any:
        spec = model_pb2.ModelSpec(name=self._model)
        if self._version is not None:
            spec.version.value = self._version
        return spec

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._as_error(error.code(), error.details() or "") from error

    def _as_error(self, code: grpc.StatusCode, details: str) -> Exception:
        if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED):
            return Refused(first_line(details))
        received = f"Received: url={'grpc://' + self._target!r}"
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServerError(
                f"The server gave no answer in {self._timeout:g} seconds: raise --timeout, or "
                f"lower --batch_size. {received}"
            )
        kind = Unavailable if code == grpc.StatusCode.UNAVAILABLE else ServerError
        hint = " Is this the name of a model there?" if code == grpc.StatusCode.NOT_FOUND else ""
        return kind(f"The server's error {code.name}: {first_line(details)}.{hint} {received}")


def _values(name: str, proto: Any) -> list[Any]:
    values = tf.make_ndarray(proto)
    if proto.dtype != tf.string.as_datatype_enum:
        return list(_shortest(values).tolist())
    if name.endswith("_bytes"):
        return list(values)
    return np.vectorize(bytes.decode, otypes=[object])(values).tolist() if values.size else []


def _shortest(values: np.ndarray) -> np.ndarray:
    """The same decimals as JSON has: 0.1 in 32 bits is 0.10000000149 in 64."""
    return values.astype(str).astype(np.float64) if values.dtype == np.float32 else values
