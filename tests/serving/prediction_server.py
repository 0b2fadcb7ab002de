"""TensorFlow Serving's PredictionService and REST, as far as a client sees them, on loopback.

It stands in where there is no ``tensorflow_model_server``: the same protos, the same loader and
``Session.Run`` of TensorFlow (through its v1 session, which checks the shapes of what is fed no
more than the server's C++ does), batches that are merged and limited as by its batching session,
and the status codes of its ``predict_util.cc`` and ``batching_session.cc``.

    python prediction_server.py NAME=VERSION_FOLDER ... [--batching] [--max_batch_size 32]

prints ``READY GRPC_PORT REST_PORT``.
"""

from __future__ import annotations

import argparse
import queue
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.any_pb2 import Any
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

Code = grpc.StatusCode


class Failure(Exception):
    """A status other than OK."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Batching:
    """The settings of a ``batching_parameters_file``."""

    max_batch_size: int = 32
    timeout_seconds: float = 0.002
    max_enqueued: int = 100


@dataclass
class _Task:
    key: tuple
    inputs: dict
    rows: int
    answer: Future = field(default_factory=Future)


class Servable:
    """One version of a model in a session."""

    def __init__(self, folder, batching=None):
        self.version = int(Path(folder).name)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder))
        own = ("__saved_model_init_op", "__saved_model_train_op")
        self.signatures = {
            name: each for name, each in graph.signature_def.items() if name not in own
        }
        self._runs, self._lock = {}, threading.Lock()
        self._batching = batching
        self._queue = queue.Queue(batching.max_enqueued if batching else 0)
        if batching:
            threading.Thread(target=self._work, daemon=True).start()

    def predict(self, name, protos, wanted):
        """Runs a signature: protos by input -> arrays by output."""
        name = name or "serving_default"
        if name not in self.signatures:
            raise Failure(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        signature = self.signatures[name]
        inputs = self._parsed(signature, protos)
        for alias in wanted:
            if alias not in signature.outputs:
                message = f"output tensor alias not found in signature: {alias}"
                raise Failure(Code.INVALID_ARGUMENT, message)
        outputs = tuple(wanted) or tuple(signature.outputs)
        key = (name, tuple(inputs), outputs)
        return self._batched(key, inputs) if self._batching else self._run(key, inputs)

    def _parsed(self, signature, protos):
        sent, known = set(protos), set(signature.inputs)
        if sent != known:
            message = (
                f"input size does not match signature: {len(sent)}!={len(known)}. Sent extra: "
                f"{sorted(sent - known)}. Missing but required: {sorted(known - sent)}."
            )
            raise Failure(Code.INVALID_ARGUMENT, message)
        inputs = {}
        for name in signature.inputs:
            dtype = tf.dtypes.as_dtype(signature.inputs[name].dtype)
            if protos[name].dtype != dtype.as_datatype_enum:
                message = f"Expects arg[0] to be {dtype.name} but another type is provided"
                raise Failure(Code.INVALID_ARGUMENT, message)
            inputs[name] = _array(name, protos[name], dtype)
        return inputs

    def _run(self, key, inputs):
        name, names, outputs = key
        with self._lock:
            if key not in self._runs:
                signature = self.signatures[name]
                graph = self._session.graph
                self._runs[key] = self._session.make_callable(
                    [graph.get_tensor_by_name(signature.outputs[each].name) for each in outputs],
                    [graph.get_tensor_by_name(signature.inputs[each].name) for each in names],
                )
        try:
            values = self._runs[key](*(inputs[each] for each in names))
        except tf.errors.OpError as error:
            code = next(each for each in Code if each.value[0] == error.error_code)
            raise Failure(code, _message(error)) from error
        except UnicodeDecodeError as error:
            # TensorFlow's message quotes bytes of the input, which Python cannot decode.
            raise Failure(Code.INVALID_ARGUMENT, _undecoded(error)) from error
        return dict(zip(outputs, values, strict=True))

    def _batched(self, key, inputs):
        if any(value.ndim < 1 for value in inputs.values()):
            message = "Batching session Run() input tensors must have at least one dimension"
            raise Failure(Code.INVALID_ARGUMENT, message)
        counts = {len(value) for value in inputs.values()}
        if len(counts) > 1:
            message = "Batching session Run() input tensors must have equal 0th-dimension size"
            raise Failure(Code.INVALID_ARGUMENT, message)
        rows, most = counts.pop(), self._batching.max_batch_size
        if rows > most:
            message = f"Task size {rows} is larger than maximum input batch size {most}"
            raise Failure(Code.INVALID_ARGUMENT, message)
        shapes = tuple(value.shape[1:] for value in inputs.values())
        task = _Task((key, shapes), inputs, rows)
        try:
            self._queue.put_nowait(task)
        except queue.Full:
            message = "The batch scheduling queue to which this task was submitted is full"
            raise Failure(Code.UNAVAILABLE, message) from None
        return task.answer.result()

    def _work(self):
        waiting = []
        while True:
            first = waiting.pop(0) if waiting else self._queue.get()
            batch, until = [first], time.monotonic() + self._batching.timeout_seconds
            while (left := until - time.monotonic()) > 0:
                try:
                    task = self._queue.get(timeout=left)
                except queue.Empty:
                    break
                rows = sum(each.rows for each in batch) + task.rows
                fits = task.key == first.key and rows <= self._batching.max_batch_size
                (batch if fits else waiting).append(task)
                if not fits:
                    break
            self._finish(batch)

    def _finish(self, batch):
        (key, _), rows = batch[0].key, [task.rows for task in batch]
        merged = {
            name: np.concatenate([task.inputs[name] for task in batch]) for name in batch[0].inputs
        }
        try:
            outputs = self._run(key, merged)
            if any(value.ndim < 1 or len(value) != sum(rows) for value in outputs.values()):
                message = (
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                    "dimension sizes of the input tensors"
                )
                raise Failure(Code.FAILED_PRECONDITION, message)
        except BaseException as error:
            # A batch fails as a whole: TensorFlow Serving does not know whose row it was.
            for task in batch:
                task.answer.set_exception(error)
            return
        ends = np.cumsum(rows)
        for task, end in zip(batch, ends, strict=True):
            part = {name: value[end - task.rows : end] for name, value in outputs.items()}
            task.answer.set_result(part)


def _array(name, proto, dtype):
    """As ``Tensor::FromProto``; what is shorter than its shape says must not be blown up here."""
    sizes = [each.size for each in proto.tensor_shape.dim]
    count = int(np.prod(sizes, dtype=np.float64))
    payload = proto.ByteSize()
    if min(sizes, default=0) < 0 or proto.tensor_shape.unknown_rank or count > 8 * payload:
        raise Failure(Code.INVALID_ARGUMENT, f"Tensor parsing error for key: {name}")
    try:
        values = tf.make_ndarray(proto)
    except (TypeError, ValueError, IndexError) as error:
        message = f"Tensor parsing error for key: {name}: {error}"
        raise Failure(Code.INVALID_ARGUMENT, message) from error
    if list(values.shape) != sizes:
        raise Failure(Code.INVALID_ARGUMENT, f"Tensor parsing error for key: {name}")
    return values.astype(object if dtype == tf.string else dtype.as_numpy_dtype)


def _message(error):
    try:
        return error.message
    except UnicodeDecodeError as undecoded:
        return _undecoded(undecoded)


def _undecoded(error):
    return error.object.decode(errors="backslashreplace")


class Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Predict, GetModelMetadata and GetModelStatus."""

    def __init__(self, servables):
        self.servables = servables
        self.failures = []
        """Failures, or seconds to sleep, that the next calls of Predict meet first."""
        self.sizes = []
        """Rows of each request of Predict."""

    def servable(self, spec):
        """The model that a request names."""
        found = self.servables.get(spec.name)
        wanted = spec.version.value if spec.HasField("version") else None
        if found is None or wanted not in (None, found.version):
            raise Failure(Code.NOT_FOUND, f"Servable not found for request: Latest({spec.name})")
        return found

    def predict(self, request):
        """A request's outputs."""
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            time.sleep(failure)
        servable = self.servable(request.model_spec)
        first = next(iter(request.inputs.values()), None)
        if first is not None and first.tensor_shape.dim:
            self.sizes.append(first.tensor_shape.dim[0].size)
        name = request.model_spec.signature_name
        outputs = servable.predict(name, request.inputs, request.output_filter)
        return servable, outputs

    def Predict(self, request, context):
        try:
            servable, outputs = self.predict(request)
        except Failure as failure:
            context.abort(failure.code, failure.message)
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = servable.version
        for name, value in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer

    def GetModelMetadata(self, request, context):
        try:
            servable = self.servable(request.model_spec)
        except Failure as failure:
            context.abort(failure.code, failure.message)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = servable.version
        defined = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
        packed = Any()
        packed.Pack(defined)
        answer.metadata["signature_def"].CopyFrom(packed)
        return answer

    def GetModelStatus(self, request, context):
        try:
            servable = self.servable(request.model_spec)
        except Failure as failure:
            context.abort(failure.code, failure.message)
        state = get_model_status_pb2.ModelVersionStatus(
            version=servable.version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
        )
        return get_model_status_pb2.GetModelStatusResponse(model_version_status=[state])


class PredictionServer:
    """Both ports, from ``start`` to ``stop``."""

    def __init__(self, servables, max_message=-1, threads=8):
        self.service = Service(servables)
        self._options = [("grpc.max_receive_message_length", max_message)]
        self._options += [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
        self._threads = threads
        self._max_message = max_message

    def start(self, grpc_port=0, rest_port=0):
        """Listens; returns the two URLs."""
        from rest_front import start_rest

        pool = ThreadPoolExecutor(self._threads)
        self._server = grpc.server(pool, options=self._options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            self.service, self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(self.service, self._server)
        self.grpc_port = self._server.add_insecure_port(f"127.0.0.1:{grpc_port}")
        self._server.start()
        self._rest = start_rest(self.service, rest_port, self._max_message)
        self.rest_port = self._rest.server_port
        return f"grpc://127.0.0.1:{self.grpc_port}", f"http://127.0.0.1:{self.rest_port}"

    def stop(self):
        """Closes both ports."""
        self._server.stop(None).wait()
        self._rest.shutdown()
        self._rest.server_close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--max_batch_size", type=int, default=Batching.max_batch_size)
    parser.add_argument("--max_message", type=int, default=-1)
    arguments = parser.parse_args()
    folders = dict(each.split("=", 1) for each in arguments.models)
    batching = Batching(arguments.max_batch_size) if arguments.batching else None
    servables = {name: Servable(folder, batching) for name, folder in folders.items()}
    server = PredictionServer(servables, arguments.max_message)
    server.start()
    print("READY", server.grpc_port, server.rest_port, flush=True)
    # The end of the standard input, or of whoever holds it, ends the server.
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
