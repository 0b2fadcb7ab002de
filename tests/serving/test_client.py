"""The client against a server: every family, bad files, and servers that do not answer."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.annotations import manifest_rows
from kerasgen.deployment import ServedModel, synthesize
from kerasgen.deployment.client import (
    RemoteModel,
    ServerError,
    answer_files,
    connection,
    generate_pictures,
)
from kerasgen.io import Stopped, file_sha256

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
from prediction_server import PredictionServer  # noqa: E402
from servable import Failure  # noqa: E402

BOTH = pytest.mark.parametrize("number", [0, 1], ids=["grpc", "rest"])
UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "still loading")
BROKEN = Failure(grpc.StatusCode.INTERNAL, "out of order")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(connection, "_WAITS", (0.01, 0.01, 0.01))


@pytest.fixture(autouse=True)
def forgotten(stand_in):
    """Nothing of the test before."""
    stand_in.service.failures.clear()
    stand_in.service.sizes.clear()


def pixels(path):
    return np.asarray(Image.open(path))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def served(models, kind, photos):
    """What the model gives in this process."""
    files = sorted(photos.iterdir())
    return files, ServedModel(models[kind]).serve([each.read_bytes() for each in files])


@pytest.mark.parametrize(("kind", "name"), [("refiner", "brighter"), ("translator", "greyer")])
def test_pictures_are_changed_as_by_the_model_itself(models, url, photos, tmp_path, kind, name):
    model = RemoteModel(url, name)
    assert (model.kind, model.name) == (kind, f"{name}/1")
    answers = answer_files(model, [photos], tmp_path / "out", batch_size=3)
    files, expected = served(models, kind, photos)
    rows = list(manifest_rows(tmp_path / "out"))
    assert answers.answered == len(rows) == 8 and not answers.refused
    for path, row, png in zip(files, rows, expected["png_bytes"], strict=True):
        (tmp_path / "one.png").write_bytes(png)
        found = pixels(tmp_path / "out" / row.file_name)
        np.testing.assert_array_equal(found, pixels(tmp_path / "one.png"))
        assert row.sources[0].path == path.name and row.parameters["model"] == f"{name}/1"
        assert row.sources[0].sha256 == file_sha256(path)
        assert ("changed" in row.parameters) == ("change_bytes" in expected)
    assert "kerasgen client" in (tmp_path / "out/README.md").read_text()


def test_files_are_classified_as_by_the_model_itself(models, url, photos, tmp_path):
    answers = answer_files(RemoteModel(url, "judge"), [photos], tmp_path / "out", batch_size=3)
    files, expected = served(models, "classifier", photos)
    rows = lines(tmp_path / "out/answers.jsonl")
    assert answers.answered == 8 and [row["file"] for row in rows] == [p.name for p in files]
    assert [row["class"].encode() for row in rows] == expected["class_name"].tolist()
    found = [row["probabilities"] for row in rows]
    np.testing.assert_allclose(found, expected["probabilities"], atol=1e-6)
    assert json.loads((tmp_path / "out/settings.json").read_text())["model"] == "judge/1"


def test_a_generator_gives_the_pictures_of_synthesize(models, url, tmp_path):
    model = RemoteModel(url, "lights/1")
    generate_pictures(model, tmp_path / "out", 6, seed=3, batch_size=4)
    synthesize(models["generator"], tmp_path / "own", count=6, seed=3)
    pairs = zip(manifest_rows(tmp_path / "out"), manifest_rows(tmp_path / "own"), strict=True)
    for found, own in pairs:
        assert {**found.parameters, **own.parameters} == found.parameters
        both = [pixels(tmp_path / name / found.file_name) for name in ("out", "own")]
        # Of another batch size the last digit may be another.
        assert np.abs(both[0].astype(int) - both[1]).max() <= 1
    generate_pictures(model, tmp_path / "light", 3, labels=["light", "1"])
    assert {row.parameters["label"] for row in manifest_rows(tmp_path / "light")} == {1}


@pytest.mark.parametrize("name", ["judge", "brighter"])
def test_of_eight_files_the_bad_one_is_named_and_seven_are_answered(
    url, photos, tmp_path, capsys, name
):
    (photos / "5.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    out = tmp_path / "out"
    words = ["client", url, name, str(photos), "--out", str(out)]
    assert cli.run(words) == 1
    said = capsys.readouterr()
    assert said.err.count("is refused") == 1 and "kerasgen: 5.png is refused: " in said.err
    assert f"7 {'classes' if name == 'judge' else 'pictures'} from {name}/1 in {out}" in said.out
    if name == "judge":
        answered = [row["file"] for row in lines(out / "answers.jsonl")]
    else:
        answered = [row.sources[0].path for row in manifest_rows(out)]
    assert answered == [f"{number}.png" for number in (0, 1, 2, 3, 4, 6, 7)]
    assert len(lines(out / "rejected.jsonl")) == 1
    # The answer to the same question is known.
    assert cli.run(words) == 1 and "5.png is refused" in capsys.readouterr().err


@BOTH
def test_a_bad_file_is_found_by_halves(stand_in, number, photos, tmp_path):
    (photos / "5.png").write_bytes(b"")
    model = RemoteModel(stand_in.urls[number], "judge")
    stand_in.service.sizes.clear()
    answer_files(model, [photos], tmp_path / "out")
    assert stand_in.service.sizes == [8, 4, 4, 2, 1, 1, 2]


def test_if_all_are_refused_all_are_named(url, tmp_path, photos):
    for path in photos.iterdir():
        path.write_bytes(b"no picture")
    for name in ("judge", "greyer"):
        answers = answer_files(RemoteModel(url, name), [photos], tmp_path / name)
        assert answers.answered == 0 and len(answers.refused) == 8


@BOTH
@pytest.mark.parametrize("name", ["judge", "brighter"])
def test_what_is_answered_is_not_sent_again(stand_in, number, photos, tmp_path, name):
    service, model = stand_in.service, RemoteModel(stand_in.urls[number], name)
    service.failures[:] = [0, 0, BROKEN]
    with pytest.raises(ServerError, match=r"out of order.* 2 of 8 .*Run the same command again"):
        answer_files(model, [photos], tmp_path / "out", batch_size=3)
    assert service.sizes == [3, 3]
    # A row that is lost is asked for alone, whatever the batches are.
    if name == "brighter":
        (tmp_path / "out/images/000001.png").unlink()
    answers = answer_files(model, [photos], tmp_path / "out", batch_size=8)
    assert service.sizes[2:] == [3 if name == "brighter" else 2] and answers.answered == 8
    answer_files(model, [photos], tmp_path / "out", batch_size=8)
    assert len(service.sizes) == 3


@pytest.mark.parametrize("name", ["judge", "brighter"])
def test_a_signal_stops_between_requests_and_the_same_call_goes_on(
    stand_in, photos, tmp_path, name
):
    def stop(done, total):
        # A second signal ends the process at once.
        if done == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    model, sizes = RemoteModel(stand_in.urls[1], name), stand_in.service.sizes
    with pytest.raises(Stopped, match=r"SIGTERM: stopped\..* of 8 .*Run the same command again"):
        answer_files(model, [photos], tmp_path / "out", batch_size=1, report=stop)
    # A few requests may be under way.
    assert 1 <= sum(sizes) < 8
    assert answer_files(model, [photos], tmp_path / "out").answered == 8 and sum(sizes) == 8


@BOTH
def test_only_an_unavailable_server_is_asked_again(stand_in, number, photos, tmp_path):
    service, model = stand_in.service, RemoteModel(stand_in.urls[number], "judge")
    service.failures[:] = [UNAVAILABLE, UNAVAILABLE]
    with pytest.warns(UserWarning, match="still loading"):
        assert answer_files(model, [photos], tmp_path / "out").answered == 8
    service.failures[:] = [BROKEN, UNAVAILABLE]
    with pytest.raises(ServerError, match="out of order"):
        answer_files(model, [photos], tmp_path / "other")
    assert service.failures == [UNAVAILABLE]
    service.failures[:] = [UNAVAILABLE] * 4
    with pytest.warns(UserWarning), pytest.raises(ServerError, match="still loading"):
        answer_files(model, [photos], tmp_path / "third")
    assert not service.failures


@BOTH
def test_a_server_that_never_answers_is_left(stand_in, number, photos, tmp_path):
    model = RemoteModel(stand_in.urls[number], "judge", timeout=0.3)
    stand_in.service.failures[:] = [3.0]
    begun = time.monotonic()
    with pytest.raises(ServerError, match=r"no answer in 0\.3 seconds: raise --timeout"):
        answer_files(model, [photos], tmp_path / "out")
    assert time.monotonic() - begun < 3


@BOTH
def test_a_server_that_is_gone_and_comes_back(stand_in, number, photos, tmp_path):
    server = PredictionServer({"judge": stand_in.service.servables["judge"]})
    url = server.start()[number]
    model = RemoteModel(url, "judge")
    server.stop()
    with pytest.warns(UserWarning), pytest.raises(ServerError, match="8 of 8 files") as stopped:
        answer_files(model, [photos], tmp_path / "out")
    assert url in str(stopped.value)
    with pytest.warns(UserWarning), pytest.raises(ServerError):
        RemoteModel(url, "judge")
    server.start(server.grpc_port, server.rest_port)
    try:
        assert answer_files(RemoteModel(url, "judge"), [photos], tmp_path / "out").answered == 8
    finally:
        server.stop()


@BOTH
def test_a_request_that_is_too_large_is_halved(stand_in, number, photos, tmp_path):
    server = PredictionServer(stand_in.service.servables, max_message=6000)
    try:
        model = RemoteModel(server.start()[number], "judge")
        assert answer_files(model, [photos], tmp_path / "out").answered == 8
        assert max(server.service.sizes) < 8
    finally:
        server.stop()


def test_rest_needs_no_tensorflow(stand_in, photos, tmp_path):
    code = "import sys; from kerasgen import cli; cli.run(sys.argv[1:]); print(*sys.modules)"
    for name in ("judge", "brighter"):
        words = ["client", stand_in.urls[1], name, str(photos), "--out", str(tmp_path / name)]
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert f"8 {'classes' if name == 'judge' else 'pictures'} from" in done.stdout, done.stderr
        loaded = done.stdout.split("\n")[-2].split()
        assert "kerasgen" in loaded and not {"tensorflow", "keras", "grpc"} & set(loaded)


def test_grpc_without_its_packages_names_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "kerasgen.deployment.client.over_grpc", None)
    with pytest.raises(ValueError, match=r"pip install 'kerasgen-zoo\[serving\]'"):
        RemoteModel("grpc://127.0.0.1:8500", "judge")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ftp://host", "judge", "{photos}"], "must be http://HOST:8501"),
        (["{url}", "judge/one", "{photos}"], "NAME or NAME/VERSION"),
        (["{url}", "other", "{photos}"], "name of a model there"),
        (["{url}", "judge"], "pass files"),
        (["{url}", "judge", "{photos}", "--count", "3"], "neither --count"),
        (["{url}", "lights"], "pass --count"),
        (["{url}", "lights", "{photos}", "--count", "3"], "no files"),
        (["{url}", "lights", "--count", "3", "--labels", "green"], "the classes are dark, light"),
        (["{url}", "judge", "{photos}/none.png"], "none.png"),
        (["{url}", "judge", "{photos}", "--out", "{photos}/out"], "lies within"),
    ],
)
@BOTH
def test_wrong_arguments_are_named_before_anything_is_sent(
    stand_in, number, photos, tmp_path, capsys, words, message
):
    filled = [each.format(url=stand_in.urls[number], photos=photos) for each in words]
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]
    assert cli.run(["client", *filled, *out]) == 1
    assert message in capsys.readouterr().err
    assert not {8, 3} & set(stand_in.service.sizes) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "soon"])
def test_a_wrong_timeout_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        cli.run(["client", "http://host", "judge", "--timeout", text])
    assert "--timeout: must be a number of seconds above 0" in capsys.readouterr().err
