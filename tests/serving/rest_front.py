"""TensorFlow Serving's REST in front of the service of ``prediction_server``: rows, base64."""

from __future__ import annotations

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

_PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?(?P<end>[:/]\w+)?")
_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def start_rest(service, port, max_message):
    """Serves in threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(metadata_of)

        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            if 0 <= max_message < length:
                self.rfile.read(length)
                self._send(413, {"error": "The request is too large"})
                return
            body = self.rfile.read(length)
            self._answer(lambda found, own: predictions(found, own, body))

        def _answer(self, reply):
            found = _PATH.fullmatch(self.path)
            try:
                if found is None:
                    self._send(404, {"error": "Malformed request: " + self.path})
                    return
                self._send(200, reply(found, service))
            except ValueError as error:
                self._send(400, {"error": str(error)})
            except Exception as error:
                # Those of the service have a code; others must not leave the client waiting.
                code = getattr(error, "code", None)
                self._send(_STATUS.get(code, 500), {"error": str(error)})

        def _send(self, status, content):
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def spec_of(found):
    """The model that a path names."""
    spec = model_pb2.ModelSpec(name=found["name"])
    if found["version"]:
        spec.version.value = int(found["version"])
    return spec


def metadata_of(found, service):
    """Names, dtypes and shapes of all signatures."""
    servable = service.servable(spec_of(found))
    if found["end"] is None:
        status = {"version": str(servable.version), "state": "AVAILABLE"}
        return {"model_version_status": [status]}
    defined = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
    spec = {"name": found["name"], "signature_name": "", "version": str(servable.version)}
    signatures = MessageToDict(defined, preserving_proto_field_name=True)
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


def predictions(found, service, body):
    """Rows in, rows out."""
    if found["end"] != ":predict":
        raise ValueError(f"Malformed request: {found['end']}")
    content = json.loads(body)
    if not isinstance(content, dict) or not isinstance(content.get("instances"), list):
        raise ValueError("Missing 'inputs' or 'instances' key")
    request = predict_pb2.PredictRequest(model_spec=spec_of(found))
    request.model_spec.signature_name = content.get("signature_name", "serving_default")
    servable = service.servable(request.model_spec)
    signature = servable.signatures.get(request.model_spec.signature_name)
    for name, values in _columns(content["instances"], signature).items():
        known = signature is not None and name in signature.inputs
        dtype = signature.inputs[name].dtype if known else None
        try:
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values, dtype))
        except (TypeError, OverflowError) as error:
            raise ValueError(f"JSON Value: not of the input's type: {error}") from error
    _, outputs = service.predict(request)
    return {"predictions": _rows(outputs)}


def _columns(rows, signature):
    """Values by input; a bare value is that of a single input."""
    only = next(iter(signature.inputs)) if signature and len(signature.inputs) == 1 else None
    columns = {}
    for row in rows:
        named = isinstance(row, dict) and "b64" not in row
        for name, value in (row if named else {only: row}).items():
            columns.setdefault(name, []).append(_decoded(value))
    if len({len(values) for values in columns.values()}) > 1 or None in columns:
        raise ValueError("Failed to process element: not every row has the same inputs")
    return columns


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if isinstance(value, dict):
        if set(value) != {"b64"} or not isinstance(value["b64"], str):
            raise ValueError("JSON Value: an object must be {'b64': text}")
        return base64.b64decode(value["b64"], validate=True)
    return value


def _rows(outputs):
    plain = {name: _plain(name, value) for name, value in outputs.items()}
    if len(plain) == 1:
        return next(iter(plain.values()))
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def _plain(name, values):
    if values.dtype == object:
        if name.endswith("_bytes"):
            return [{"b64": base64.b64encode(value).decode()} for value in values]
        return np.vectorize(bytes.decode, otypes=[object])(values).tolist() if values.size else []
    if values.dtype == np.float32:
        # As many digits as the number has.
        return values.astype(str).astype(np.float64).tolist()
    return values.tolist()
