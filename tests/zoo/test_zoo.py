"""Every model of the zoo, loaded in each way, gives the pictures that it gave when exported."""

import json
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from running import run_example

import kerasgen
from kerasgen.deployment import ServedModel, export_generator, model_folder, probe_differences
from kerasgen.deployment.canonical import save_network
from kerasgen.deployment.hub_page import card_figures
from kerasgen.deployment.model_folders import zoo_folder
from kerasgen.deployment.signature_runs import PROBE
from kerasgen.zoo import rebuild, zoo_models

NAMES = ["clothing-28", "eyes", "fashion", "smoke", "smoke-classifier"]
OWN = {
    "generator": "generate",
    "refiner": "refine",
    "translator": "translate",
    "classifier": "classify",
}
TOLERANCE = 1e-5


def probe_of(folder, signature):
    """Inputs and outputs of a signature, as they were at the export."""
    with np.load(folder / PROBE) as stored:
        sides = [
            {key.rpartition("/")[2]: stored[key] for key in stored if key.startswith(prefix)}
            for prefix in (f"{signature}/inputs/", f"{signature}/outputs/")
        ]
    return sides


def check_network(network, served):
    """Checks that a Keras network gives the outputs of the exported model."""
    inputs, expected = probe_of(served.folder, OWN[served.kind])
    arrays = [inputs[tensor.name] for tensor in network.inputs]
    found = network(arrays if len(arrays) > 1 else arrays[0], training=False)
    if served.kind == "classifier":
        found = {"probabilities": tf.nn.softmax(found)}
        expected = {"probabilities": expected["probabilities"]}
    elif not isinstance(found, dict):
        found = {"picture": found}
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=TOLERANCE, rtol=0)


def tiny_generator():
    keras.utils.set_random_seed(0)
    return kerasgen.cgan.build_generator((8, 8, 1), 3, widths=(8, 8))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A generator, exported with a sheet and figures."""
    return export_generator(
        tiny_generator(),
        tmp_path_factory.mktemp("models"),
        "tiny",
        class_names=["a", "b", "c"],
        card={
            "task": "class label -> picture",
            "licence_of_data": "MIT",
            "dataset": "someone/something",
            "command": "python examples/none.py --data=PATH",
        },
        measure=lambda served: {
            "figures": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "count": 9}}
        },
        sheet=np.zeros((8, 24, 3), np.uint8),
    )


def test_an_export_holds_network_probe_sheet_and_page(exported):
    check_network(kerasgen.load(exported), ServedModel(exported))
    assert max(probe_differences(exported).values()) < TOLERANCE
    page = (exported / "README.md").read_text(encoding="utf-8")
    front, text = re.fullmatch(r"---\n(.*?)\n---\n(.*)", page, re.DOTALL).groups()
    fields = yaml.safe_load(front)
    assert fields["library_name"] == "keras" and fields["license"] == "mit"
    assert fields["pipeline_tag"] == "unconditional-image-generation"
    assert fields["datasets"] == ["someone/something"] and fields["metrics"] == ["accuracy"]
    (result,) = fields["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": 0.5}]
    assert "| accuracy | 0.5 [0.4, 0.6] | 9 |" in text and "--data=PATH" in text
    assert (exported / "samples.png").is_file() and "samples.png" in text


def test_other_weights_do_not_pass_as_the_exported_ones(exported, tmp_path):
    network = kerasgen.load(exported)
    network.layers[-2].bias.assign_add([0.01])
    with pytest.raises(AssertionError):
        check_network(network, ServedModel(exported))
    with np.load(exported / PROBE) as stored:
        arrays = dict(stored)
    arrays["generate/outputs/picture"] = arrays["generate/outputs/picture"] + 0.01
    copied = tmp_path / "1"
    subprocess.run(["cp", "-r", str(exported), str(copied)], check=True)
    np.savez(copied / PROBE, **arrays)
    assert probe_differences(copied)["generate/picture"] == pytest.approx(0.01, abs=1e-4)


def test_a_preset_round_trips(exported, tmp_path):
    folder = kerasgen.save_preset(kerasgen.load(exported), tmp_path / "preset")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.weights.h5", "metadata.json"}
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["parameter_count"] == tiny_generator().count_params()
    check_network(kerasgen.load(folder), ServedModel(exported))
    with pytest.raises(ValueError, match="holds files.*Received"):
        kerasgen.save_preset(tiny_generator(), folder)
    (folder / "model.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="preset cannot be loaded.*Received"):
        kerasgen.load(folder)


def test_the_same_network_gives_the_same_file(tmp_path):
    for name in ("first.keras", "second.keras"):
        save_network(tiny_generator(), tmp_path / name)
        assert keras.saving.load_model(tmp_path / name).name == "generator"
    with zipfile.ZipFile(tmp_path / "first.keras") as archive:
        assert all(entry.date_time[0] == 1980 for entry in archive.infolist())
        assert "date_saved" not in archive.read("metadata.json").decode()


def test_names_folders_and_versions_are_found(exported, tmp_path, monkeypatch):
    assert model_folder(exported) == model_folder(exported.parent) == exported.resolve()
    monkeypatch.setattr("kerasgen.deployment.model_folders.zoo_folder", lambda: exported.parents[1])
    monkeypatch.chdir(tmp_path)
    assert model_folder("tiny") == model_folder("tiny/1") == exported.resolve()
    # A folder of pictures of the same name is no model.
    (tmp_path / "tiny").mkdir()
    assert model_folder("tiny") == exported.resolve()
    with pytest.raises(ValueError, match="no saved_model.pb.*a name: tiny. Received: 'big'"):
        model_folder("big")
    with pytest.raises(ValueError, match="cannot be loaded.*Received"):
        (tmp_path / "other.keras").write_bytes(b"no network")
        kerasgen.load(tmp_path / "other.keras")


def test_figures_are_found_at_any_depth():
    estimate = {"value": 1.0, "low": 0.5, "high": 1.5, "count": 4}
    found = list(card_figures({"a": estimate, "b": [{"c": 2}], "d": [1, 2], "e": {"f": True}}))
    assert [(each.name, each.value) for each in found] == [
        ("a", 1.0), ("b, c", 2.0), ("d 1", 1.0), ("d 2", 2.0)
    ]  # fmt: skip
    assert str(found[0]) == "1 [0.5, 1.5]" and str(found[1]) == "2"


def test_the_zoo_is_complete_and_small():
    models = {model.name: model for model in zoo_models()}
    assert set(NAMES) <= set(models)
    assert sum(models[name].megabytes for name in NAMES) < 60
    for name in NAMES:
        assert models[name].figures and models[name].card["command"].startswith("python examples/")
        licence = models[name].card["licence_of_data"].split(",")[0]
        assert licence in ("MIT", "CC0-1.0", "Apache-2.0")
        assert (models[name].folder / "README.md").is_file()
        assert any(figure.low is not None for figure in models[name].figures)


@pytest.mark.slow
def test_zoo_models_give_their_pictures_without_keras():
    folders = [str(model_folder(name)) for name in NAMES]
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "from kerasgen.deployment.signature_runs import probe_differences\n"
        f"print(*(max(probe_differences(folder).values()) for folder in {folders!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    differences = [float(word) for word in done.stdout.split()]
    assert len(differences) == len(NAMES) and max(differences) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_zoo_model_gives_its_pictures_in_keras(name, tmp_path):
    served, network = ServedModel(name), kerasgen.load(name)
    check_network(network, served)
    check_network(kerasgen.load(kerasgen.save_preset(network, tmp_path / name)), served)


@pytest.mark.slow
def test_a_model_is_measured_and_exported_again_without_training(tmp_path):
    flags = ["--size=16", "--steps=4", "--classifier_steps=3", "--batch_size=8", "--name=mine"]
    folders = [f"--workdir={tmp_path / 'run'}", f"--export_to={tmp_path / 'models'}"]
    done = run_example("train_clothing_cgan", *flags, *folders)
    assert done.returncode == 0, done.stderr
    first = tmp_path / "models/mine/1"
    rebuild(first, [f"--workdir={tmp_path / 'again'}"], directory=tmp_path / "models")
    second = first.with_name("2")
    cards = [json.loads((path / "model_card.json").read_text()) for path in (first, second)]
    assert cards[0] == cards[1] and cards[0]["figures"]
    check_network(kerasgen.load(first), ServedModel(second))
    assert not (tmp_path / "again/train").exists()
    with pytest.raises(ValueError, match="ended with status.*Received"):
        rebuild(first, ["--channels=2"], directory=tmp_path / "models")


def test_the_front_page_states_the_figures_of_the_cards():
    text = (zoo_folder().parent / "README.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for model in zoo_models():
        if model.name not in NAMES:
            continue
        stated = re.findall(r"\d+\.\d+", rows[model.name].split("|")[3])
        assert stated
        card = [
            each for figure in model.figures for each in (figure.value, figure.low, figure.high)
        ]
        for number in stated:
            digits = len(number.partition(".")[2])
            values = [round(scale * each, digits) for each in card if each for scale in (1, 100)]
            assert float(number) in values, (model.name, number)
