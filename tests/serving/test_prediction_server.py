"""The stand-in for TensorFlow Serving: status codes, batches and limits."""

import json
import shutil
import threading
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from serving_files import picture

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
import grpc  # noqa: E402
from prediction_server import PredictionServer  # noqa: E402
from servable import WARMUP, Batching, Servable  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

CODES = grpc.StatusCode


@pytest.fixture(scope="module")
def batching(models):
    """A server that merges up to four rows."""
    server = PredictionServer({"judge": Servable(models["classifier"], Batching(4, 0.3))})
    server.urls = server.start()
    yield server
    server.stop()


def request_of(files, model="judge", signature="", name="image_bytes", **more):
    request = predict_pb2.PredictRequest(**more)
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(files))
    return request


def stub_of(server):
    channel = grpc.insecure_channel(server.urls[0].removeprefix("grpc://"))
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (request_of([b""], model="none"), CODES.NOT_FOUND),
        (request_of([b""], signature="none"), CODES.FAILED_PRECONDITION),
        (request_of([b""], name="images"), CODES.INVALID_ARGUMENT),
        (request_of([1.0]), CODES.INVALID_ARGUMENT),
        (request_of([b""], output_filter=["none"]), CODES.INVALID_ARGUMENT),
        (request_of(b""), CODES.INVALID_ARGUMENT),
        (request_of([b""] * 5), CODES.INVALID_ARGUMENT),
        (request_of([b"no picture"]), CODES.INVALID_ARGUMENT),
    ],
)
def test_each_failure_has_its_code(batching, request_, code):
    with pytest.raises(grpc.RpcError) as failed:
        stub_of(batching).Predict(request_, timeout=30)
    assert failed.value.code() == code, failed.value.details()


def test_requests_are_merged_and_their_answers_kept_apart(batching, monkeypatch):
    servable, seen = batching.service.servables["judge"], []
    run = servable._run

    def counted(key, inputs):
        seen.append(len(inputs["image_bytes"]))
        return run(key, inputs)

    files = [picture(number) for number in range(4)]
    stub = stub_of(batching)
    alone = [stub.Predict(request_of([each]), timeout=30).outputs for each in files]
    monkeypatch.setattr(servable, "_run", counted)
    found = {}

    def ask(number):
        found[number] = stub.Predict(request_of([files[number]]), timeout=30).outputs

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(seen) == 4 and len(seen) < 4
    for number, own in enumerate(alone):
        pair = [tf.make_ndarray(each["probabilities"]) for each in (own, found[number])]
        np.testing.assert_allclose(*pair, atol=1e-6)


def test_status_of_a_model_over_both_protocols(batching):
    channel = grpc.insecure_channel(batching.urls[0].removeprefix("grpc://"))
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "judge"
    (state,) = stub.GetModelStatus(request, timeout=30).model_version_status
    assert (state.version, state.state) == (1, state.AVAILABLE)
    with urllib.request.urlopen(f"{batching.urls[1]}/v1/models/judge", timeout=30) as answer:
        (state,) = json.load(answer)["model_version_status"]
    assert state == {"version": "1", "state": "AVAILABLE"}


def test_a_tensor_that_is_shorter_than_its_shape_is_not_blown_up(batching):
    request = request_of([b""])
    request.inputs["image_bytes"].tensor_shape.dim[0].size = 10**12
    with pytest.raises(grpc.RpcError) as failed:
        stub_of(batching).Predict(request, timeout=30)
    assert "Tensor parsing error" in failed.value.details()


def test_a_version_answers_its_warm_up_requests_before_it_is_ready(models, tmp_path):
    servable = Servable(models["classifier"])
    assert {signature for signature, *_ in servable.answered} == {*servable.signatures}
    shutil.copytree(models["classifier"], tmp_path / "1")
    (tmp_path / "1" / WARMUP).unlink()
    assert not Servable(tmp_path / "1").answered
