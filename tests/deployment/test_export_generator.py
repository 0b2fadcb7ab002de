"""Exported generators: seeds that mean one picture, labels that mean one class, and names."""

import json
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_pictures import ROUNDED, decoded

from kerasgen.cgan import build_generator, build_original_generator
from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import ExportError, export_generator
from kerasgen.deployment.seeded_latents import seeded_latents
from kerasgen.io.images import to_uint8

pytestmark = pytest.mark.slow

NAMES = ["coat", "bag", "T-shirt/top", "Schürze"]
LATENT_SIZE = 5
SEEDS = [0, 1, -1, 7, 2**62, -(2**63), 12]
LABELS = [0, 1, 2, 3, 0, 1, 2]


def tiny_generator(channels=3, size=(8, 12)):
    """Weights large enough that each class and each latent gives another picture."""
    keras.utils.set_random_seed(2)
    shape = (*size, channels)
    generator = build_generator(shape, 4, latent_size=LATENT_SIZE, widths=(8, 6))
    random = np.random.default_rng(3)
    for weight in generator.trainable_variables:
        weight.assign_add(random.normal(0, 0.3, weight.shape))
    return generator


def export_to(folder, generator, **changes):
    options = {"class_names": NAMES, "card": {"task": "test"}, **changes}
    return export_generator(generator, folder, "clothes", **options)


@pytest.fixture(scope="module", params=[3, 1], ids=["rgb", "grey"])
def exported(request, tmp_path_factory):
    """One export with its real check in a new process, and one without, for all tests of use."""
    generator, folder = tiny_generator(request.param), tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == 1:
            patch.setattr(savedmodel, "_check", lambda *arguments: None)
        path = export_to(folder, generator)
    loaded = tf.saved_model.load(str(path))
    return SimpleNamespace(generator=generator, path=path, loaded=loaded, **signatures(loaded))


@pytest.fixture
def unchecked(monkeypatch):
    """Exports without the check that starts a process."""
    monkeypatch.setattr(savedmodel, "_check", lambda *arguments: None)


def signatures(loaded):
    def serve(seeds, labels):
        return call("serving_default", seed=(seeds, tf.int64), label=(labels, tf.int32))

    def generate(latents, labels):
        return call("generate", latent=(latents, tf.float32), label=(labels, tf.int32))

    def call(name, **inputs):
        tensors = {key: tf.constant(value, dtype) for key, (value, dtype) in inputs.items()}
        return {key: value.numpy() for key, value in loaded.signatures[name](**tensors).items()}

    def classes(labels):
        return call("classes", label=(labels, tf.int32))

    def latents(seeds):
        return call("latents", seed=(seeds, tf.int64))

    return {"serve": serve, "generate": generate, "classes": classes, "latents": latents}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def drawn(generator, seeds, labels):
    """Pictures of the trained network itself."""
    inputs = {"latent": seeded_latents(seeds, LATENT_SIZE), "label": tf.constant(labels, tf.int32)}
    return generator([inputs[tensor.name] for tensor in generator.inputs], training=False).numpy()


def test_a_served_picture_is_the_trained_networks_picture_of_that_seed_and_class(exported):
    seeds, labels = np.arange(12) - 5, np.repeat(range(4), 3)
    wanted = drawn(exported.generator, seeds, labels)
    served = decoded(exported.serve(seeds, labels)["png_bytes"])
    assert served.shape[:3] == (12, 8, 12)
    np.testing.assert_array_equal(to_uint8(served), to_uint8(wanted))
    latents = exported.latents(seeds)["latent"]
    np.testing.assert_array_equal(latents, seeded_latents(seeds, LATENT_SIZE))
    generated = exported.generate(latents, labels)["picture"]
    np.testing.assert_allclose(generated, wanted, atol=1e-5, rtol=0)


def test_a_seed_means_the_same_picture_alone_in_a_batch_and_in_any_order(exported):
    together = decoded(exported.serve(SEEDS, LABELS)["png_bytes"])
    order = np.random.default_rng(0).permutation(len(SEEDS))
    permuted = decoded(exported.serve(np.array(SEEDS)[order], np.array(LABELS)[order])["png_bytes"])
    np.testing.assert_allclose(permuted, together[order], atol=2 * ROUNDED, rtol=0)
    for row, (seed, label) in enumerate(zip(SEEDS, LABELS, strict=True)):
        alone = decoded(exported.serve([seed], [label])["png_bytes"])
        np.testing.assert_allclose(alone[0], together[row], atol=2 * ROUNDED, rtol=0)


def test_other_seeds_and_other_classes_are_other_pictures(exported):
    for seeds, labels in ((SEEDS, [1] * len(SEEDS)), ([5] * len(NAMES), range(len(NAMES)))):
        rows = decoded(exported.serve(seeds, labels)["png_bytes"]).reshape(len(seeds), -1)
        distances = np.abs(rows[:, None] - rows[None]).max(axis=2)
        assert distances[~np.eye(len(rows), dtype=bool)].min() > 0.01


def test_another_process_without_keras_gives_the_same_pictures(tmp_path, unchecked):
    code = (
        "import sys, numpy as np; sys.modules['keras'] = None\n"
        "import tensorflow as tf\n"
        "serve = tf.saved_model.load(sys.argv[1]).signatures['serving_default']\n"
        "label = tf.constant([2, 0], tf.int32)\n"
        "served = serve(seed=tf.constant([9, -4], tf.int64), label=label)\n"
        "files = [tf.io.decode_png(each).numpy() for each in served['png_bytes']]\n"
        "np.save(sys.argv[2], np.stack(files))\n"
    )
    generator, result = tiny_generator(), tmp_path / "picture.npy"
    path = export_to(tmp_path, generator)
    subprocess.run([sys.executable, "-c", code, str(path), str(result)], check=True)
    np.testing.assert_array_equal(np.load(result), to_uint8(drawn(generator, [9, -4], [2, 0])))


@pytest.mark.parametrize("wrong", [-1, 4, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("signature", ["serve", "generate", "classes"])
def test_a_label_that_is_no_class_is_refused_and_named(exported, signature, wrong):
    labels = [0, wrong, 3]
    inputs = {
        "serve": ([1, 2, 3], labels),
        "generate": (np.zeros((3, LATENT_SIZE)), labels),
        "classes": (labels,),
    }
    message = rf"(?s)label must be in 0\.\.3\. Received: row\]? \[1\].*with\]? \[{wrong}\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        getattr(exported, signature)(*inputs[signature])


def test_a_label_that_is_no_class_is_refused_where_tensorflow_serving_runs(exported):
    """In a session of the SavedModel's graph, which its optimizer may prune."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(exported.path))
        signature = meta.signature_def["generate"]
        feeds = {signature.inputs["latent"].name: np.zeros((2, LATENT_SIZE))}
        picture = signature.outputs["picture"].name
        label = signature.inputs["label"].name
        assert session.run(picture, {**feeds, label: [0, 3]}).shape[0] == 2
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"(?s)in 0\.\.3.*row\]? \[1\].*\[4\]"
        ):
            session.run(picture, {**feeds, label: [1, 4]})


def test_every_row_needs_its_own_label(exported):
    with pytest.raises(tf.errors.InvalidArgumentError, match="seed and label must have as many"):
        exported.serve([1, 2, 3], [0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="latent and label must have as many"):
        exported.generate(np.zeros((1, LATENT_SIZE)), [0, 1])


def test_no_rows_give_no_pictures(exported):
    assert all(len(value) == 0 for value in exported.serve([], []).values())


def test_more_rows_than_the_limit_are_refused(exported):
    assert len(exported.classes([0] * 256)["class_name"]) == 256
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)at most 256 rows.*\[257\]"):
        exported.serve([1] * 257, [0] * 257)


def test_the_names_are_in_the_model_and_in_the_card(exported):
    encoded = [name.encode() for name in NAMES]
    assert list(exported.serve([4, 4, 4], [3, 0, 2])["class_name"]) == [
        encoded[label] for label in (3, 0, 2)
    ]
    named = exported.classes([2, 1])
    assert list(named["class_name"]) == [encoded[2], encoded[1]]
    assert named["all_class_names"].tolist() == [encoded, encoded]
    card = json.loads((exported.path / "model_card.json").read_text(encoding="utf-8"))
    assert card["class_names"] == NAMES and card["task"] == "test"
    assert card["tensorflow"] == tf.__version__


def test_versions_count_up(tmp_path, unchecked, monkeypatch):
    def write(model, endpoints, folder, form):
        (folder / "saved_model.pb").touch()

    monkeypatch.setattr(savedmodel, "_write", write)
    monkeypatch.setattr(savedmodel, "saved_bytes", lambda folder: {})
    generator, home = tiny_generator(), tmp_path / "clothes"
    assert export_to(tmp_path, generator) == home / "1"
    assert export_to(tmp_path, generator) == home / "2"
    assert names(home) == ["1", "2"]


@pytest.mark.parametrize(
    "class_names",
    [NAMES[:3], [*NAMES, "hat"], [*NAMES[:3], "coat"], [*NAMES[:3], ""], [], "bags", range(4)],
)
def test_names_that_do_not_fit_the_classes_are_refused(class_names, tmp_path):
    with pytest.raises(ValueError, match="`class_names` must .*Received: .*class_names="):
        export_to(tmp_path, tiny_generator(), class_names=class_names)
    assert names(tmp_path) == []


def test_a_network_that_is_no_conditional_generator_is_refused(tmp_path):
    latent = keras.Input((3,), name="latent")
    wide, label = keras.Input((2,), dtype="int32", name="label"), keras.Input((), name="label")
    four = keras.layers.Reshape((4, 4, 4))(keras.layers.Dense(64)(latent))
    picture = keras.layers.Conv2D(1, 1)(four)
    wrong = [
        keras.Model(latent, picture),
        keras.Model([latent, wide], picture),
        keras.Model([latent, label], picture),
        keras.Model([latent, keras.Input((), dtype="int32", name="label")], four),
    ]
    for generator in wrong:
        with pytest.raises(ValueError, match="`generator` must take `latent`.*Received: inputs="):
            export_to(tmp_path, generator)
    assert names(tmp_path) == []


def test_a_fault_in_one_class_alone_is_caught_and_nothing_is_kept(tmp_path, monkeypatch):
    write, generator = savedmodel._write, tiny_generator()

    def tampering(model, endpoints, folder, form):
        weights = model.get_weights()
        embedding = next(w for w in model.weights if w.shape[0] == len(NAMES))
        embedding.assign(embedding.numpy() + 0.1 * np.eye(len(NAMES))[:, 3:])
        write(model, endpoints, folder, form)
        model.set_weights(weights)

    monkeypatch.setattr(savedmodel, "_write", tampering)
    with pytest.raises(ExportError, match="gives other pictures.*generate/picture"):
        export_to(tmp_path, generator)
    assert names(tmp_path / "clothes") == []


@pytest.mark.parametrize(
    "wrong",
    [
        "serving_default/png_bytes",
        "serving_default/class_name",
        "generate/picture",
        "latents/latent",
        "classes/all_class_names",
    ],
)
def test_each_output_is_compared(wrong, tmp_path, monkeypatch):
    def reloaded(folder, endpoints):
        results = savedmodel._expected(endpoints)
        results[wrong] = results[wrong][..., ::-1]
        return results

    monkeypatch.setattr(savedmodel, "_write", lambda *arguments: None)
    monkeypatch.setattr(savedmodel, "_reload", reloaded)
    with pytest.raises(ExportError, match=f"it was not kept.*{{'{wrong}'"):
        export_to(tmp_path, tiny_generator())
    assert names(tmp_path / "clothes") == []


def test_a_network_around_another_with_inputs_in_another_order(tmp_path, unchecked):
    inner = build_original_generator((8, 8, 1), 4, latent_size=LATENT_SIZE, embedding_size=2)
    latent, label = (keras.Input(t.shape[1:], dtype=t.dtype, name=t.name) for t in inner.inputs)
    outer = keras.Model([label, latent], inner([latent, label]))
    served = signatures(tf.saved_model.load(str(export_to(tmp_path, outer))))["serve"]([3], [1])
    wanted = drawn(inner, [3], [1])
    np.testing.assert_allclose(decoded(served["png_bytes"]), wanted, atol=ROUNDED, rtol=0)
    with pytest.raises(ValueError, match="the generator has 4"):
        export_to(tmp_path, outer, class_names=NAMES[:2])


def test_seeded_latents_are_standard_normal_rows_of_their_seed_alone():
    latents = seeded_latents(np.arange(2000), 8).numpy()
    assert latents.dtype == np.float32 and latents.shape == (2000, 8)
    assert abs(latents.mean()) < 0.03 and abs(latents.std() - 1) < 0.03
    assert np.abs(np.corrcoef(latents.T) - np.eye(8)).max() < 0.1
    # Neighbouring seeds share nothing.
    assert abs(np.corrcoef(latents[:-1].ravel(), latents[1:].ravel())[0, 1]) < 0.03
    np.testing.assert_array_equal(seeded_latents([1999, 3], 8), latents[[1999, 3]])
    np.testing.assert_array_equal(seeded_latents(tf.constant([3], tf.int32), 8), latents[[3]])


@pytest.mark.parametrize(("seeds", "size"), [([0.5], 4), (3, 4), ([[1, 2]], 4), ([1], 0)], ids=str)
def test_seeds_that_are_none_are_refused(seeds, size):
    with pytest.raises(ValueError, match="Received: "):
        seeded_latents(seeds, size)
