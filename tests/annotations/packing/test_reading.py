"""Packs as other programs read them: classes, numbers, pixels and boxes are those of the folder."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import webdataset
from manifest_files import NAMES
from markdown_files import ROOT, blocks_of
from packed_folders import CLASSES, fill, rows_of, scenes
from PIL import Image

from kerasgen.annotations.packing import pack_folder

PER_FILE = 8


def documented_spec():
    """The features as docs/formats.md has them."""
    page = ROOT / "docs/formats.md"
    block = next(each for each in blocks_of(page) if "image/encoded" in each.text)
    names = {}
    exec(block.text.partition("\n\n\n")[0], names)
    return names["spec"]


SPEC = documented_spec()


@pytest.fixture(scope="module")
def packed(scene_folder, class_folder, tmp_path_factory):
    """Packs a folder: by format, and whether it has classes."""
    root = tmp_path_factory.mktemp("packed")

    def pack(format, classes):
        out = root / f"{format} {classes}"
        folder = class_folder if classes else scene_folder
        return folder, pack_folder(folder, out, format, per_file=PER_FILE)

    return pack


def names(packed):
    return [str(packed.folder / name) for name in packed.packs]


def pixels_of(folder, row):
    with Image.open(folder / row["file_name"]) as image:
        return np.asarray(image)


def visible(row):
    return [each for each in row["objects"] if each["box"] is not None]


@pytest.mark.parametrize("classes", [False, True])
def test_tensorflow_reads_the_documented_features(packed, classes):
    folder, result = packed("tfrecord", classes)
    rows = rows_of(folder)
    records = tf.data.TFRecordDataset(names(result))
    read = [tf.io.parse_single_example(each, SPEC) for each in records]
    assert len(read) == len(rows) == result.pictures
    for found, row in zip(read, rows, strict=True):
        # Nothing is lost: masks, sources and parameters are in the row.
        assert json.loads(found["row"].numpy()) == row
        assert found["image/format"] == b"png" and found["image/filename"] == row["file_name"]
        assert (found["image/height"], found["image/width"]) == (row["height"], row["width"])
        expected = pixels_of(folder, row)
        pixels = tf.io.decode_png(found["image/encoded"]).numpy()
        np.testing.assert_array_equal(pixels.reshape(expected.shape), expected)
        name = row["parameters"].get("class_name")
        text = found["image/class/text"].numpy().decode()
        assert (
            (found["image/class/label"], text) == (CLASSES.index(name), name) if name else (-1, "")
        )
        labels = [each["label"] for each in visible(row)]
        assert found["image/object/class/label"].numpy().tolist() == labels
        texts = [each.decode() for each in found["image/object/class/text"].numpy()]
        assert texts == [NAMES[label] for label in labels]
        sides = (row["width"], row["height"], row["width"], row["height"])
        for position, corner in enumerate(("xmin", "ymin", "xmax", "ymax")):
            places = found[f"image/object/bbox/{corner}"].numpy() * sides[position]
            boxes = [each["box"][position] for each in visible(row)]
            np.testing.assert_allclose(places, boxes, atol=1e-5)
    assert any(visible(row) for row in rows) != classes


@pytest.mark.parametrize("classes", [False, True])
def test_tensorflow_datasets_reads_them_without_a_specification(packed, classes):
    folder, result = packed("tfrecord", classes)
    rows = rows_of(folder)
    builder = tfds.builder_from_directory(result.folder)
    assert builder.info.splits["made"].num_examples == len(rows)
    # In the order of the folder, also when files are shuffled by default.
    read = list(builder.as_dataset(split="made"))
    assert [json.loads(each["row"].numpy()) for each in read] == rows
    features = builder.info.features["image"]
    for found, row in zip(read, rows, strict=True):
        expected = pixels_of(folder, row)
        pixels = found["image"]["encoded"].numpy()
        np.testing.assert_array_equal(pixels.reshape(expected.shape), expected)
        if classes:
            label = features["class"]["label"].int2str(found["image"]["class"]["label"])
            assert label == row["parameters"]["class_name"]
        labels = [each["label"] for each in visible(row)]
        assert found["image"]["object"]["class"]["label"].numpy().tolist() == labels
        widths = found["image"]["object"]["bbox"]["xmax"].numpy() * row["width"]
        np.testing.assert_allclose(widths, [each["box"][2] for each in visible(row)], atol=1e-5)
    assert ("class" in features) == classes


def test_absent_classes_and_boxes_have_no_features(packed):
    for classes, absent in ((False, "image/class"), (True, "image/object")):
        _, result = packed("tfrecord", classes)
        for record in tf.data.TFRecordDataset(names(result)[:1]):
            found = tf.train.Example.FromString(record.numpy()).features.feature
            assert not [name for name in found if name.startswith(absent)]


def test_keras_trains_on_the_records(packed):
    _, result = packed("tfrecord", True)

    def example(record):
        found = tf.io.parse_single_example(record, SPEC)
        image = tf.io.decode_png(found["image/encoded"], channels=3)
        return tf.ensure_shape(image, (20, 24, 3)), found["image/class/label"]

    batches = tf.data.TFRecordDataset(names(result)).map(example).batch(4).repeat()
    model = keras.Sequential(
        [keras.Input((20, 24, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
         keras.layers.Dense(len(CLASSES))]
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    history = model.fit(batches, epochs=30, steps_per_epoch=6, shuffle=False, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


# webdataset leaves files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("classes", [False, True])
def test_webdataset_reads_the_tars(packed, classes):
    folder, result = packed("webdataset", classes)
    rows = rows_of(folder)
    found = list(webdataset.WebDataset(names(result), shardshuffle=False).decode())
    assert len(found) == len(rows)
    for sample, row in zip(found, rows, strict=True):
        assert sample["__key__"] == f"{row['index']:06}"
        name = row["parameters"].get("class_name")
        label = {"label": CLASSES.index(name)} if name else {}
        assert sample["json"] == {**row, **label}
        assert sample.get("cls") == label.get("label")
        # Its own decoders of pictures know neither grey nor alpha.
        assert sample["png"] == (folder / row["file_name"]).read_bytes()


@pytest.fixture
def hugging_face(tmp_path, monkeypatch):
    """The package, which is to fetch nothing."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()

    def load(folder, **more):
        return datasets.load_dataset(
            str(folder), split="train", cache_dir=str(tmp_path / "cache"), **more
        )

    return datasets, load


@pytest.mark.parametrize("classes", [False, True])
def test_hugging_face_reads_the_folder_by_its_card(packed, hugging_face, classes):
    _, load = hugging_face
    folder, result = packed("webdataset", classes)
    rows, found = rows_of(folder), load(result.folder)
    assert len(found) == len(rows)
    for sample, row in zip(found, rows, strict=True):
        name = row["parameters"].get("class_name")
        label = {"label": CLASSES.index(name)} if name else {}
        assert sample["json"] == {**row, **label}
        assert sample.get("cls") == label.get("label")
        expected = pixels_of(folder, row)
        np.testing.assert_array_equal(np.asarray(sample["png"]).reshape(expected.shape), expected)


def no_objects_at_first(indices):
    for entry in scenes(indices):
        if entry.row.index < 8:
            entry.row.__dict__["objects"] = ()
        yield entry


def test_hugging_face_reads_rows_unlike_the_first_with_the_documented_features(
    hugging_face, tmp_path
):
    datasets, load = hugging_face
    folder = fill(tmp_path / "made", no_objects_at_first, NAMES)
    result = pack_folder(folder, tmp_path / "packed", "webdataset")
    with pytest.raises(datasets.exceptions.DatasetGenerationError):
        load(result.folder)
    features = datasets.Features(
        {"__key__": datasets.Value("string"), "png": datasets.Image(), "json": datasets.Json()}
    )
    rows, found = rows_of(folder), load(result.folder, features=features)
    for sample, row in zip(found, rows, strict=True):
        boxes = [each["box"] for each in row["objects"]]
        assert [each["box"] for each in sample["json"]["objects"]] == boxes


def test_classes_are_found_where_settings_have_none(class_folder, tmp_path):
    folder = shutil.copytree(class_folder, tmp_path / "classes")
    settings = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps({**settings, "class_names": []}))
    pack_folder(folder, tmp_path / "out", "webdataset")
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["class_names"] == sorted(CLASSES)


@pytest.mark.parametrize("format", ["tfrecord", "webdataset"])
def test_the_default_is_a_thousand_pictures_a_file(scene_folder, tmp_path, format):
    packed = pack_folder(scene_folder, tmp_path / "out", format)
    assert len(packed.packs) == 1 and (tmp_path / "out/index.json").is_file()
