"""Every model of the zoo, loaded in each way, gives the pictures that it gave when exported."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from running import run_example

import kerasgen
from kerasgen.deployment import ServedModel, check_copy, export_generator, model_folder
from kerasgen.deployment.hub_page import card_figures, hub_page
from kerasgen.deployment.model_folders import zoo_folder
from kerasgen.deployment.signature_runs import PROBE, probe_differences
from kerasgen.zoo import rebuild, zoo_models

NAMES = ["clothing-28", "clothing-64", "eyes", "fashion", "smoke", "smoke-classifier"]
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
            "figures": {
                "accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "count": 9},
                "real, accuracy": {"value": 0.7, "low": 0.6, "high": 0.8, "count": 9},
                "unknown": {"value": None, "low": 0.1, "high": 0.2, "count": 9},
            }
        },
        sheet=np.zeros((8, 24, 3), np.uint8),
    )


def test_an_export_holds_network_probe_sheet_and_page(exported):
    check_network(kerasgen.load(exported), ServedModel(exported))
    assert max(probe_differences(exported).values()) < TOLERANCE
    page = (exported / "README.md").read_text(encoding="utf-8")
    front, text = re.fullmatch(r"---\n(.*?)\n---\n(.*)", page, re.DOTALL).groups()
    fields = yaml.safe_load(front)
    # The pictures' licence is not the model's, which nobody stated.
    assert fields["library_name"] == "keras" and "license" not in fields
    assert "Licence of the pictures: MIT." in text and "Licence of the model: not stated." in text
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


def copied(exported, folder):
    return Path(shutil.copytree(exported, folder / "1"))


def test_a_copy_is_the_model_or_is_refused(exported, tmp_path):
    assert max(check_copy(exported).values()) < TOLERANCE
    with np.load(exported / PROBE) as stored:
        # A row of each class: one class alone may be damaged.
        assert stored["generate/inputs/label"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["variables/variables.data-00000-of-00001", "model.keras"])
def test_other_bytes_are_not_the_model(name, exported, tmp_path):
    folder = copied(exported, tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match="not those that were exported.*Received"):
        check_copy(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match="one is missing|no SavedModel|not those"):
        check_copy(folder)


@pytest.mark.parametrize("value", [0.1, float("nan")])
def test_other_outputs_are_not_the_models(value, exported, tmp_path):
    folder = copied(exported, tmp_path)
    with np.load(folder / PROBE) as stored:
        arrays = dict(stored)
    # The last class alone.
    arrays["generate/outputs/picture"][2] += value
    np.savez(folder / PROBE, **arrays)
    with pytest.raises(ValueError, match="other outputs here.*generate/picture.*Received"):
        check_copy(folder)
    del arrays["latents/inputs/seed"]
    np.savez(folder / PROBE, **arrays)
    with pytest.raises(ValueError, match="no inputs of latents.*Received"):
        check_copy(folder)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "", ".hidden", "a/b", "caf\udce9"])
def test_names_that_are_no_folders_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match="must be that of a folder.*Received"):
        export_generator(tiny_generator(), tmp_path, name, class_names=["a", "b", "c"], card={})
    assert not list(tmp_path.iterdir())


def test_a_preset_that_cannot_be_loaded_again_leaves_nothing(tmp_path):
    images = keras.Input((4, 4, 1))
    network = keras.Model(images, keras.layers.Lambda(lambda x: x * 2)(images))
    with pytest.raises(ValueError, match="cannot be loaded.*Received"):
        kerasgen.save_preset(network, tmp_path / "preset")
    assert not list((tmp_path / "preset").iterdir())
    kerasgen.save_preset(tiny_generator(), tmp_path / "preset")


def test_a_card_cannot_run_other_files(exported, tmp_path):
    folder = copied(exported, tmp_path)
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for script in (str(evil), f"examples/../{evil}", "tests/conftest.py"):
        card = {"command": f"python {script} --x=1"}
        (folder / "model_card.json").write_text(json.dumps(card))
        with pytest.raises(ValueError, match="must name the example.*Received"):
            rebuild(folder)
    assert not (tmp_path / "ran").exists()


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
    code = (
        "import sys, keras; from kerasgen.deployment.canonical import save_network\n"
        "unused = [keras.layers.Dense(1) for _ in range(int(sys.argv[2]))]\n"
        "keras.utils.set_random_seed(0); keras.utils.clear_session()\n"
        "images = keras.Input((4,), name='images')\n"
        "shared = keras.regularizers.L2(1e-3)\n"
        "layers = [keras.layers.Dense(4, kernel_regularizer=shared) for _ in range(2)]\n"
        "save_network(keras.Model(images, layers[1](layers[0](images))), sys.argv[1])\n"
    )
    contents = []
    for count, name in enumerate(("first.keras", "second.keras")):
        subprocess.run([sys.executable, "-c", code, tmp_path / name, str(999 * count)], check=True)
        contents.append((tmp_path / name).read_bytes())
        assert len(keras.saving.load_model(tmp_path / name).layers) == 3
    assert contents[0] == contents[1]
    with zipfile.ZipFile(tmp_path / "first.keras") as archive:
        assert all(entry.date_time[0] == 1980 for entry in archive.infolist())
        assert "date_saved" not in archive.read("metadata.json").decode()


def test_names_folders_and_versions_are_found(exported, tmp_path, monkeypatch):
    assert model_folder(exported) == model_folder(exported.parent) == exported.resolve()
    monkeypatch.setattr("kerasgen.deployment.model_folders.zoo_folder", lambda: exported.parents[1])
    monkeypatch.chdir(tmp_path)
    assert model_folder("tiny") == model_folder("tiny/1") == exported.resolve()
    # A folder of the same name is written with its path.
    shutil.copytree(exported.parent, tmp_path / "tiny")
    assert model_folder("tiny") == exported.resolve()
    assert model_folder("./tiny") == model_folder(tmp_path / "tiny") == tmp_path / "tiny/1"
    with pytest.raises(ValueError, match="no saved_model.pb"):
        model_folder("../nowhere/tiny")
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
        page = (models[name].folder / "README.md").read_text(encoding="utf-8")
        kind = ServedModel(name).kind
        assert page == hub_page(name, kind, models[name].card, sheet=True)
        assert "\nlicense: apache-2.0\n" in page
        assert check_copy(models[name].folder)
        assert any(figure.low is not None for figure in models[name].figures)


@pytest.mark.slow
def test_zoo_models_give_their_pictures_without_keras():
    folders = [str(model_folder(name)) for name in NAMES]
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "from kerasgen.deployment.signature_runs import check_copy, probe_differences\n"
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
    target = f"--export_to={tmp_path / 'models'}"
    rebuild(first, [f"--workdir={tmp_path / 'again'}", target])
    second = first.with_name("2")
    cards = [json.loads((path / "model_card.json").read_text()) for path in (first, second)]
    for card in cards:
        # Names of layers, which are part of both files, depend on what was built before.
        del card["serving_memory_mb"], card["sha256"]
    assert cards[0] == cards[1] and cards[0]["figures"]
    check_network(kerasgen.load(first), ServedModel(second))
    assert not (tmp_path / "again/train").exists()
    with pytest.raises(ValueError, match="ended with status.*Received"):
        rebuild(first, ["--channels=2", target])


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
