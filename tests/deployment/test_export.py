"""Exported refiners: outputs, version folders, and models that must not be kept."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_pictures import ROUNDED, decoded

from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import ExportError, export_refiner
from kerasgen.deployment.savedmodel import next_version
from kerasgen.io.images import to_float, to_uint8
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.refiner import build_residual_refiner

pytestmark = pytest.mark.slow

SHAPE = (16, 16, 3)
CARD = {"task": "test", "seed": 3, "figures": {"median": float("nan"), "share": 0.5}}
STYLES = np.random.default_rng(8).normal(size=(64, 2)).astype(np.float32)


def tiny_refiner(second_size):
    """A refiner of pictures, or of pictures and a vector, whose output depends on each number."""
    keras.utils.set_random_seed(1)
    images = keras.Input(SHAPE, name="images")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(images)
    inputs = images
    if second_size:
        second = keras.Input((second_size,), name="style")
        x = keras.layers.Add()([x, keras.layers.Reshape((1, 1, 4))(keras.layers.Dense(4)(second))])
        inputs = [images, second]
    picture = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    return keras.Model(inputs, picture)


def pictures(count, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def export_to(folder, refiner, name="eyes"):
    styles = STYLES if len(refiner.inputs) > 1 else None
    return export_refiner(
        refiner,
        folder,
        name,
        preprocessing=Preprocessing(*SHAPE),
        card=CARD,
        probes=pictures(3),
        styles=styles,
    )


@pytest.fixture(scope="module", params=[2, 0], ids=["two_inputs", "one_input"])
def exported(request, tmp_path_factory):
    """One export with its real check in a new process, for all tests that only use the model."""
    refiner = tiny_refiner(request.param)
    path = export_to(tmp_path_factory.mktemp("models") / "deep" / "new", refiner)
    loaded = tf.saved_model.load(str(path))

    def serve(items):
        return loaded.signatures["serving_default"](image_bytes=tf.constant(items))

    return SimpleNamespace(
        refiner=refiner,
        path=path,
        loaded=loaded,
        second_size=request.param,
        serve=serve,
        pictures=lambda items: decoded(serve(items)["png_bytes"]),
    )


@pytest.fixture
def unchecked(monkeypatch):
    """Exports without the check that starts a process."""
    monkeypatch.setattr(savedmodel, "_check", lambda *arguments: None)


def png(image):
    return tf.io.encode_png(image).numpy()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_first_export_is_version_1_and_alone(exported):
    assert exported.path.name == "1" and exported.path.parent.name == "eyes"
    assert names(exported.path.parent) == ["1"]
    # TensorFlow Serving may run as another user.
    assert exported.path.stat().st_mode & 0o777 == 0o755
    assert {"saved_model.pb", "variables", "model_card.json"} <= set(names(exported.path))


def test_the_float_signature_equals_the_network(exported):
    images = to_float(pictures(5, seed=4))
    signature = exported.loaded.signatures["refine"]
    inputs = {"images": tf.constant(images)}
    expected_inputs = inputs["images"]
    if exported.second_size:
        (name,) = set(signature.structured_input_signature[1]) - {"images"}
        inputs[name] = tf.random.stateless_normal([5, exported.second_size], [1, 2])
        expected_inputs = [inputs["images"], inputs[name]]
    reloaded = signature(**inputs)["picture"]
    expected = exported.refiner(expected_inputs, training=False)
    np.testing.assert_allclose(reloaded, expected, atol=1e-5, rtol=0)


def test_pictures_of_any_format_and_size_are_served(exported):
    items = [
        png(pictures(1, (16, 16, 3))[0]),
        png(pictures(1, (40, 25, 1))[0]),
        png(pictures(1, (16, 16, 4))[0]),
        tf.io.encode_jpeg(pictures(1, (9, 31, 3))[0]).numpy(),
        tf.io.encode_jpeg(pictures(1, (70, 64, 1))[0]).numpy(),
    ]
    served = exported.pictures(items)
    assert served.shape == (5, *SHAPE)
    for index, item in enumerate(items):
        np.testing.assert_allclose(exported.pictures([item])[0], served[index], atol=2 * ROUNDED)


def test_an_answer_has_files_and_no_floats(exported):
    served = exported.serve([png(image) for image in pictures(3, seed=5)])
    assert {name: value.dtype for name, value in served.items()} == {"png_bytes": tf.string}


def test_no_rows_give_no_pictures(exported):
    nothing = exported.serve(np.array([], bytes))
    assert [value.shape for value in nothing.values()] == [(0,)]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_floats_that_are_not_finite_are_refused_with_their_row(exported, wrong):
    signature = exported.loaded.signatures["refine"]
    specs = signature.structured_input_signature[1]
    inputs = {name: np.zeros((3, *spec.shape[1:]), np.float32) for name, spec in specs.items()}
    for name, value in inputs.items():
        damaged = value.copy()
        damaged[1].flat[2 % value[1].size] = wrong
        message = rf"(?s){name} must be finite.*row\]? \[1\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            signature(**{**inputs, name: tf.constant(damaged)})


def test_bytes_are_decoded_and_refined_in_one_of_the_styles(exported):
    image = pictures(1, seed=6)
    served = exported.pictures([png(image[0])])
    if exported.second_size:
        repeated = np.repeat(to_float(image), len(STYLES), axis=0)
        possible = exported.refiner([repeated, STYLES], training=False)
        differences = np.abs(possible - served).max(axis=(1, 2, 3))
        assert np.sum(differences <= ROUNDED) == 1
    else:
        expected = exported.refiner(to_float(image), training=False)
        np.testing.assert_allclose(served, expected, atol=ROUNDED, rtol=0)


@pytest.mark.parametrize(("second_size", "styles"), [(2, None), (0, STYLES)])
def test_styles_are_needed_if_the_refiner_takes_one_and_only_then(second_size, styles, tmp_path):
    with pytest.raises(ValueError, match="Received: styles="):
        export_refiner(
            tiny_refiner(second_size),
            tmp_path,
            "eyes",
            preprocessing=Preprocessing(*SHAPE),
            card=CARD,
            probes=pictures(3),
            styles=styles,
        )
    assert names(tmp_path) == []


def test_other_sizes_are_brought_to_the_networks_size(exported):
    flat = np.full((50, 30, 3), 77, np.uint8)
    if not exported.second_size:
        small = exported.pictures([png(flat[:16, :16])])
        np.testing.assert_allclose(exported.pictures([png(flat)]), small, atol=2 * ROUNDED)


def test_the_same_bytes_give_the_same_picture_and_other_bytes_another_style(exported):
    image = pictures(1, seed=7)[0]
    first, other = (tf.io.encode_png(image, compression=level).numpy() for level in (1, 9))
    assert first != other
    served = exported.pictures([first, other, first])
    np.testing.assert_array_equal(served[0], served[2])
    difference = np.abs(served[0] - served[1]).max()
    assert difference > 0.01 if exported.second_size else difference == 0


def test_bytes_that_are_no_picture_are_refused(exported):
    good = png(pictures(1)[0])
    for bad in (b"", b"no picture", good[: len(good) // 2]):
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            exported.serve([good, bad])
        assert any(word in str(error.value) for word in ("image", "PNG", "decode", "Input"))


def test_the_model_card_has_its_entries_and_the_versions(exported):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    text = (exported.path / "model_card.json").read_text(encoding="utf-8")
    card = json.loads(text, parse_constant=refuse)
    assert card["task"] == "test" and card["seed"] == 3
    assert card["figures"] == {"median": None, "share": 0.5}
    assert card["tensorflow"] == tf.__version__ and card["keras"] == keras.__version__
    assert card["python"] == sys.version.split()[0]


def test_versions_count_up_past_gaps_and_foreign_names(tmp_path, unchecked):
    refiner, home = tiny_refiner(0), tmp_path / "eyes"
    for expected in ("1", "2"):
        assert export_to(tmp_path, refiner) == home / expected
    shutil.move(home / "2", home / "7")
    for foreign in (".export-x", "abc", "9.old", "-12", "1e2"):
        (home / foreign).mkdir()
    assert next_version(home) == 8
    assert export_to(tmp_path, refiner) == home / "8"
    assert names(home) == sorted(["1", "7", "8", ".export-x", "abc", "9.old", "-12", "1e2"])


def test_a_number_taken_meanwhile_is_not_overwritten(tmp_path, unchecked, monkeypatch):
    home = tmp_path / "eyes"
    (home / "1").mkdir(parents=True)
    (home / "1" / "theirs").touch()
    numbers = iter([1, 2])
    monkeypatch.setattr(savedmodel, "next_version", lambda home: next(numbers))
    assert export_to(tmp_path, tiny_refiner(0)) == home / "2"
    assert names(home / "1") == ["theirs"] and names(home) == ["1", "2"]


@pytest.mark.parametrize("part", ["_write", "write_json", "_check", "_publish"])
def test_nothing_is_left_behind_when_a_part_fails(part, tmp_path, unchecked, monkeypatch):
    def fail(*arguments):
        raise ExportError(f"{part} failed")

    (tmp_path / "eyes" / "abc").mkdir(parents=True)
    monkeypatch.setattr(savedmodel, part, fail)
    with pytest.raises(ExportError, match=f"{part} failed"):
        export_to(tmp_path, tiny_refiner(0))
    assert names(tmp_path / "eyes") == ["abc"]


def test_a_model_written_with_other_weights_is_not_kept(tmp_path, monkeypatch):
    write = savedmodel._write

    def tampering(model, endpoints, folder, form):
        weights = model.get_weights()
        model.set_weights([weights[0] + 0.01, *weights[1:]])
        write(model, endpoints, folder, form)
        model.set_weights(weights)

    monkeypatch.setattr(savedmodel, "_write", tampering)
    with pytest.raises(ExportError, match="gives other pictures.*refine"):
        export_to(tmp_path, tiny_refiner(2))
    assert names(tmp_path / "eyes") == []


@pytest.mark.parametrize("wrong", ["refine/picture", "serving_default/png_bytes"])
@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_each_output_is_compared(wrong, value, tmp_path, monkeypatch):
    refiner = tiny_refiner(0)
    right = refiner(to_float(pictures(3)), training=False).numpy()
    results = {
        "refine/picture": right,
        "serving_default/png_bytes": to_uint8(right).astype(float),
    }
    results[wrong] = results[wrong] + value * (127.5 if "png" in wrong else 1.0)
    monkeypatch.setattr(savedmodel, "_reload", lambda *arguments: results)
    with pytest.raises(ExportError, match="it was not kept"):
        export_to(tmp_path, refiner)
    assert names(tmp_path / "eyes") == []


def test_a_model_that_cannot_be_reloaded_is_not_kept(tmp_path, monkeypatch):
    def empty(model, endpoints, folder, form):
        (folder / "saved_model.pb").write_bytes(b"")

    monkeypatch.setattr(savedmodel, "_write", empty)
    with pytest.raises(ExportError, match="could not be reloaded in a new process"):
        export_to(tmp_path, tiny_refiner(0))
    assert names(tmp_path / "eyes") == []


def test_the_check_runs_where_there_is_no_keras():
    code = "import kerasgen.deployment.reload\nprint('loaded')\nimport keras"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.strip() == "loaded"
    assert "keras" in done.stderr.splitlines()[-1] and "Error" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("in_the_way", ["models", "models/eyes"])
def test_a_folder_that_cannot_be_written_is_refused(in_the_way, tmp_path):
    path = tmp_path / in_the_way
    path.parent.mkdir(exist_ok=True)
    path.write_text("here first")
    with pytest.raises(ValueError, match="cannot be written.*Received: .*models"):
        export_to(tmp_path / "models", tiny_refiner(0))
    assert path.read_text() == "here first"


def test_a_network_that_computes_in_16_bits_is_exported(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    refiner = build_residual_refiner(width=4, blocks=1)
    kernel = refiner.layers[-2].kernel
    kernel.assign(tf.random.normal(kernel.shape, stddev=0.05))
    probes = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    folder = export_refiner(
        refiner, tmp_path, "half", preprocessing=Preprocessing(16, 16), card={}, probes=probes
    )
    assert folder.name == "1"
