"""TensorFlow Serving's PredictionService and REST, as far as a client sees them, on loopback.

It stands in where there is no ``tensorflow_model_server``: the same protos, and models that run as
there, see ``servable``.

    python prediction_server.py NAME=VERSION_FOLDER ... [--batching] [--max_batch_size 32]

prints ``READY GRPC_PORT REST_PORT``.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import tensorflow as tf
from google.protobuf.any_pb2 import Any
from servable import Batching, Code, Failure, Servable
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


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
