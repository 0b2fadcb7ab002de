"""Small exported models, files for them, and the servers that serve them."""

import shutil
import socket
import subprocess
import time

import pytest
from deployment.conftest import models
from serving_files import picture

__all__ = ["models"]

BINARY = shutil.which("tensorflow_model_server")
STAND_IN, REAL = "stand-in", "tensorflow_model_server"
needs_binary = pytest.mark.skipif(BINARY is None, reason=f"no {REAL} on PATH: its stand-in ran")


@pytest.fixture
def photos(tmp_path):
    """A folder of eight pictures."""
    (tmp_path / "photos").mkdir()
    for number in range(8):
        (tmp_path / f"photos/{number}.png").write_bytes(picture(number))
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def stand_in(models):
    """The server of ``prediction_server``, without batching, as TensorFlow Serving starts."""
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    from prediction_server import PredictionServer
    from servable import Servable

    servables = {path.parent.name: Servable(path) for path in models.values()}
    server = PredictionServer(servables)
    server.urls = server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def binary(models, tmp_path_factory):
    """The URLs of TensorFlow Serving itself."""
    room = tmp_path_factory.mktemp("binary")
    entries = [
        f'config {{ name: "{path.parent.name}" base_path: "{path.parent}" '
        'model_platform: "tensorflow" }'
        for path in models.values()
    ]
    (room / "models.config").write_text(f"model_config_list {{ {' '.join(entries)} }}")
    ports = [free_port(), free_port()]
    flags = [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    command = [BINARY, *flags, f"--model_config_file={room / 'models.config'}"]
    with (room / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            wait_for(ports[1])
            yield f"grpc://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
        finally:
            process.terminate()


@pytest.fixture(params=[STAND_IN, pytest.param(REAL, marks=needs_binary)])
def urls(request):
    """gRPC and REST of a server, one after the other if there are two."""
    if request.param == STAND_IN:
        return request.getfixturevalue("stand_in").urls
    return request.getfixturevalue("binary")


@pytest.fixture(params=["grpc", "rest"])
def url(request, urls):
    """Each protocol of each server."""
    return urls[request.param == "rest"]


def free_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def wait_for(port, seconds=60):
    """Until something listens."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as place:
            if place.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"Nothing listens on port {port}")
