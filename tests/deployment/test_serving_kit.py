"""Files beside the models: a server can start from them alone."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import yaml

from kerasgen.cli import run
from kerasgen.deployment.serving_kit import ENVIRONMENT, KIT, WARMUP, write_kit

FILES = {
    "README.md",
    "batching.config",
    "docker-compose.yml",
    "kubernetes.yaml",
    "models.config",
    "monitoring.config",
}


def test_an_export_leaves_a_kit_with_all_models(models):
    kit = models["generator"].parents[1] / KIT
    assert {path.name for path in kit.iterdir()} == FILES
    config = (kit / "models.config").read_text(encoding="utf-8")
    for name in ("lights", "brighter", "greyer", "judge"):
        assert f'name: "{name}"' in config and f'base_path: "/models/{name}"' in config
    assert KIT not in config


def test_manifests_are_yaml_with_a_limit_from_the_cards(models, tmp_path):
    home = models["generator"].parents[1]
    write_kit(home, tmp_path / "kit")
    limits = []
    for memory in (100, 1100):
        for path in home.glob("*/1/model_card.json"):
            card = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps({**card, "serving_memory_mb": memory}), encoding="utf-8")
        write_kit(home, tmp_path / "kit")
        compose = yaml.safe_load((tmp_path / "kit" / "docker-compose.yml").read_text("utf-8"))
        service = compose["services"]["serving"]
        assert f"{home}:/models:ro" in service["volumes"]
        assert service["image"].endswith(f":{tf.__version__}}}")
        assert service["environment"] == ENVIRONMENT
        limits.append(service["mem_limit"])
    # 1.5 * (512 + 300 + 4 * memory), in steps of 256.
    assert limits == ["2048m", "7936m"]
    deployment, _ = yaml.safe_load_all((tmp_path / "kit" / "kubernetes.yaml").read_text("utf-8"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "7936Mi"
    assert {each["name"]: each["value"] for each in container["env"]} == ENVIRONMENT
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/brighter"


def test_the_command_says_what_to_do_next(models, tmp_path, capsys):
    home = models["generator"].parents[1]
    assert run(["serve-kit", str(home), "--out", str(tmp_path / "kit")]) == 0
    assert "next: docker compose" in capsys.readouterr().out
    assert run(["serve-kit", str(tmp_path)]) == 1
    assert "no model in this folder" in capsys.readouterr().err


def recorded(path):
    return [bytes(each.numpy()) for each in tf.data.TFRecordDataset(str(path))]


@pytest.mark.parametrize("kind", ["generator", "refiner", "translator", "classifier"])
def test_warm_up_runs_every_signature_once(models, kind):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    loaded = tf.saved_model.load(str(models[kind]))
    found = [
        logs.PredictionLog.FromString(each).predict_log.request
        for each in recorded(models[kind] / WARMUP)
    ]
    assert {each.model_spec.signature_name for each in found} == set(loaded.signatures)
    assert {each.model_spec.name for each in found} == {models[kind].parent.name}
    for request in found:
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        answer = loaded.signatures[request.model_spec.signature_name](
            **{name: tf.constant(value) for name, value in inputs.items()}
        )
        assert all(len(value) == 1 for value in answer.values())


def test_fields_longer_than_a_byte_of_length_can_say_are_read_back(tmp_path):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    from kerasgen.deployment.serving_kit.warmup import write_warmup

    images = np.random.default_rng(0).normal(size=(1, 40, 50, 3)).astype(np.float32)
    write_warmup(tmp_path, "long", {"translate": {"images": images}})
    (only,) = recorded(tmp_path / WARMUP)
    request = logs.PredictionLog.FromString(only).predict_log.request
    np.testing.assert_array_equal(tf.make_ndarray(request.inputs["images"]), images)


def test_the_measured_memory_is_that_of_the_process(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from kerasgen.deployment import reload\n"
        "held = []\n"
        "reload.run_in_batches = lambda *_: held.append(np.ones(60_000_000, np.uint8)) or {}\n"
        "class Model: signatures = {'serve': None}\n"
        "reload.open_saved_model = lambda folder: Model\n"
        "reload.run_probes('', sys.argv[1], sys.argv[2])\n"
    )
    np.savez(tmp_path / "probe.npz")
    paths = [str(tmp_path / name) for name in ("probe.npz", "result.npz")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, *paths], check=True, env=environment)
    with np.load(paths[1]) as found:
        # 60 MB, and what the process needs to add a run.
        assert 55 < float(found["memory_mb"]) < 90
