"""A version of a model, loaded and run as TensorFlow Serving does.

The same loader and ``Session.Run`` of TensorFlow, through its v1 session, which checks the shapes
of what is fed no more than the server's C++ does; batches that are merged and limited as by its
batching session; the status codes of its ``predict_util.cc`` and ``batching_session.cc``; and the
warm-up requests of the version, which it answers before it is ready.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

WARMUP = "assets.extra/tf_serving_warmup_requests"
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
        self._warm_up(Path(folder) / WARMUP)

    @property
    def answered(self):
        """Signature, inputs and outputs of each kind of request that it has answered."""
        return set(self._runs)

    def _warm_up(self, path):
        """Answers the requests that the model brings along, if any."""
        for record in tf.data.TFRecordDataset(str(path)) if path.exists() else ():
            request = prediction_log_pb2.PredictionLog.FromString(
                record.numpy()
            ).predict_log.request
            self.predict(request.model_spec.signature_name, request.inputs, request.output_filter)

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
