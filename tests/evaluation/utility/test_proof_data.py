"""The sets of a proof: copies between them, what the generator saw, pictures in memory."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from kerasgen.data.labelled_images import LabelledImages, save_labelled
from kerasgen.evaluation.utility.proof_data import ImageForm, read_proof_data
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.procedural.eyes import camera_eyes

CLASSES = ("left", "right")


def pictures(count, seed):
    images = camera_eyes(count, seed, 32).images
    labels = (np.arange(count) % 2).astype(np.int32)
    return LabelledImages(images, labels, CLASSES, tuple(f"{seed}/{n}" for n in range(count)))


REAL, SYNTHETIC, TEST = pictures(40, 0), pictures(30, 1), pictures(24, 2)


def near(images):
    """One level brighter, mirrored, or as JPEG, in turn."""
    changed = []
    for number, image in enumerate(images):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=75)
        kinds = (np.clip(image, 0, 254) + 1, image[:, ::-1], np.asarray(Image.open(stream)))
        changed.append(kinds[number % 3].astype(np.uint8))
    return np.stack(changed)


def planted(copied):
    """Synthetic pictures, the first of which are near copies of others."""
    images = np.concatenate([near(copied), SYNTHETIC.images[len(copied) :]])
    return LabelledImages(images, SYNTHETIC.labels, CLASSES, SYNTHETIC.names)


@pytest.mark.filterwarnings("ignore:.*synthetic pictures:UserWarning")
def test_near_copies_of_test_and_validation_pictures_are_left_out():
    copied = np.concatenate([TEST.images[:6], pictures(9, 3).images[:3]])
    data = read_proof_data(REAL, planted(copied), TEST, validation=pictures(9, 3))
    assert data.pools.synthetic.names == SYNTHETIC.names[9:]
    assert [remark[:36] for remark in data.remarks] == [
        "6 synthetic pictures were left out: ", "3 synthetic pictures were left out: ",
    ]  # fmt: skip
    assert data.copied == ""


def test_near_copies_of_training_pictures_are_named_first():
    with pytest.warns(UserWarning, match="12 of 30 synthetic pictures are copies or near copies"):
        data = read_proof_data(REAL, planted(REAL.images[:12]), TEST)
    assert data.copied.startswith("12 of 30 synthetic pictures") and not data.remarks
    assert len(data.pools.synthetic.labels) == 30


def test_sets_without_copies_have_no_remarks():
    data = read_proof_data(REAL, SYNTHETIC, TEST)
    assert not data.remarks and not data.copied and len(data.pools.synthetic.labels) == 30


@pytest.mark.parametrize(
    ("synthetic", "test", "said"),
    [(SYNTHETIC, REAL, "All 40 real pictures are test"), (TEST, TEST, "All 24 synthetic")],
)
def test_a_set_that_is_only_copies_of_test_pictures_is_refused(synthetic, test, said):
    with pytest.raises(ValueError, match=f"{said}.*pass other pictures.*Received: "):
        read_proof_data(REAL, synthetic, test)


def test_near_copies_among_real_pictures_are_said():
    images = np.concatenate([near(TEST.images[:4]), REAL.images[4:]])
    real = LabelledImages(images, REAL.labels, CLASSES, REAL.names)
    with pytest.warns(UserWarning, match="4 real pictures are near copies of test pictures"):
        data = read_proof_data(real, SYNTHETIC, TEST)
    assert len(data.pools.real.labels) == 40


def test_what_the_generator_saw(tmp_path):
    def saw(given, synthetic=SYNTHETIC):
        return read_proof_data(REAL, synthetic, TEST, generator_saw=given).generator_saw

    assert saw(None) is None and saw(700) == 700 and saw(REAL) == 40
    save_labelled(tmp_path / "real.npz", REAL)
    assert saw(tmp_path / "real.npz") == 40
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(REAL.images[number]).save(folder / f"{number}.png")
    assert saw(folder) == 3
    with pytest.raises(ValueError, match="Received: generator_saw=-1"):
        saw(-1)
    with pytest.raises(ValueError, match="nowhere"):
        saw(tmp_path / "nowhere")


def test_a_folder_of_synthesize_says_what_its_generator_saw(tmp_path):
    for label, name in enumerate(CLASSES):
        (tmp_path / name).mkdir()
        chosen = SYNTHETIC.images[SYNTHETIC.labels == label]
        for number, image in enumerate(chosen):
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    (tmp_path / "settings.json").write_text(json.dumps({"generator_saw": 512}))
    assert read_proof_data(REAL, tmp_path, TEST).generator_saw == 512
    assert read_proof_data(REAL, tmp_path, TEST, generator_saw=9).generator_saw == 9


def as_folders(folder, pictures, size=None):
    for number, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
        path = folder / CLASSES[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        (whole if size is None else whole.resize(size)).save(path)
    return folder


def test_the_form_is_that_of_the_model_and_what_differs_is_said(tmp_path):
    side, channels = SYNTHETIC.images.shape[1], SYNTHETIC.images.shape[3]
    model = Preprocessing(side, side, channels, "stretch")
    synthetic = as_folders(tmp_path / "synthetic", SYNTHETIC)
    (synthetic / "settings.json").write_text(json.dumps({"preprocessing": model.as_card()}))
    real = as_folders(tmp_path / "real", REAL, (2 * side, side))
    test = as_folders(tmp_path / "test", TEST, (2 * side, side))
    data = read_proof_data(real, synthetic, test)
    assert data.pools.real.images.shape[1:] == (side, side, channels) and not data.remarks
    expected = model.read(real / data.pools.real.names[0])
    np.testing.assert_array_equal(data.pools.real.images[0], expected)
    with pytest.warns(UserWarning, match="fit stretch; this proof reads pictures with fit pad"):
        other = read_proof_data(real, synthetic, test, form=ImageForm(fit="pad"))
    assert other.pools.real.images[0, 0].max() == 0


def test_a_generator_of_test_pictures_is_a_leak():
    seen = LabelledImages(
        np.concatenate([REAL.images, near(TEST.images[:5])]),
        np.zeros(45, np.int32),
        CLASSES,
        tuple(map(str, range(45))),
    )
    with pytest.warns(UserWarning, match="trained on 5 of the 24 test pictures"):
        data = read_proof_data(REAL, SYNTHETIC, TEST, generator_saw=seen)
    assert data.generator_saw == 45 and "use other test pictures" in data.remarks[0]


def test_pictures_in_memory_need_one_shape():
    small = LabelledImages(TEST.images[:, ::2, ::2], TEST.labels, CLASSES, TEST.names)
    with pytest.raises(ValueError, match=r"Received: test=\[16, 16, 3\], others=\[32, 32, 3\]"):
        read_proof_data(REAL, SYNTHETIC, small)
    with pytest.raises(ValueError, match=r"Received: real=\[32, 32, 3\], others=\[28, 28, None\]"):
        read_proof_data(REAL, SYNTHETIC, TEST, form=ImageForm(28))


def test_messages_name_arguments():
    with pytest.raises(ValueError, match="`real` has no test part: pass `test`"):
        read_proof_data(REAL, SYNTHETIC)
    other = LabelledImages(TEST.images, TEST.labels, ("left", "up"), TEST.names)
    with pytest.raises(ValueError, match="up, not among left, right, in `synthetic`"):
        read_proof_data(REAL, other, TEST)
