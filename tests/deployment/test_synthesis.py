"""Pictures of exported models, with the annotations of their sources carried over."""

import hashlib
import json
import signal

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.annotations.annotation import Annotation, mask_from_run_lengths
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.manifest import read_manifest
from kerasgen.annotations.records import ManifestRow, PlacedObject, Source
from kerasgen.annotations.synthetic_folder import SyntheticFolder
from kerasgen.data.labelled_images import load_labelled
from kerasgen.deployment import synthesis
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.images import read_image, to_uint8
from kerasgen.io.interruption import Unfinished

NAMES = ["dark", "light"]
SIDE = 16


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def noise(seed, height=2 * SIDE, width=2 * SIDE):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def tree(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_generators_pictures_can_be_reproduced_from_their_rows(models, tmp_path):
    model = ServedModel(models["generator"])
    assert synthesis.synthesize(model, tmp_path, count=50, seed=3).pictures == 50
    rows = read_manifest(tmp_path)
    assert [row.parameters["class_name"] for row in rows] == NAMES * 25
    seeds = [row.parameters["model_seed"] for row in rows]
    labels = [row.parameters["label"] for row in rows]
    assert len(set(seeds)) == 50
    again = to_uint8(model.generate(seeds, labels))
    for row, image in zip(rows, again, strict=True):
        written = read_image(tmp_path / row.file_name, channels=1)
        assert np.abs(written.astype(int) - image).max() <= 1
        assert [source.role for source in row.sources] == ["model"]
    assert rows[0].sources[0].path == "lights/1" and len(set(row.sources for row in rows)) == 1
    # As a training set.
    loaded = load_labelled(tmp_path)["train"]
    assert loaded.class_names == tuple(NAMES) and loaded.labels.tolist() == labels


def test_the_sheet_of_a_generator_has_a_column_for_each_class(models, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "kerasgen.annotations.folder_sheet.labelled_sheet",
        lambda columns: drawn.append(columns) or np.zeros((9, 9, 3), np.uint8),
    )
    synthesis.synthesize(models["generator"], tmp_path, count=7)
    (shown,) = drawn
    assert list(shown) == ["dark", "light"] and [len(each) for each in shown.values()] == [3, 3]
    assert shown["light"].mean() > shown["dark"].mean() + 50


@pytest.mark.parametrize("sources", [False, True])
def test_a_stopped_run_goes_on_to_the_same_bytes(models, tmp_path, monkeypatch, sources):
    monkeypatch.setattr(synthesis, "BLOCK", 4)
    options = {"count": 63}
    if sources:
        for number in range(5):
            write(tmp_path / "in" / f"{number}.png", noise(number))
        options = {"sources": tmp_path / "in", "times": 12}
    model = ServedModel(models["refiner" if sources else "generator"])
    total = synthesis.synthesize(model, tmp_path / "whole", **options).pictures

    def signalled(done, of):
        assert of == total
        if done == 4:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Unfinished, match=rf"SIGTERM: stopped. \d\d of {total} pictures"):
        synthesis.synthesize(model, tmp_path / "broken", **options, report=signalled)
    kept = len(list((tmp_path / "broken/images").iterdir()))
    # And one was lost on the way.
    (tmp_path / "broken" / picture_name(1)).unlink()
    seen = []
    synthesis.synthesize(
        model, tmp_path / "broken", **options, report=lambda done, of: seen.append(done)
    )
    assert seen[0] == kept < 32 and seen[-1] == total
    assert tree(tmp_path / "broken") == tree(tmp_path / "whole")


def test_annotations_of_an_eye_are_scaled_with_it_and_its_styles_differ(models, tmp_path):
    assert cli.run(["eyes", "--out", f"{tmp_path / 'eyes'}", "--count", "3", "--size", "32"]) == 0
    filled = synthesis.synthesize(
        models["refiner"], tmp_path / "out", sources=tmp_path / "eyes", times=4
    )
    assert (filled.pictures, filled.rejected) == (12, 0)
    rows = list(filled.rows())
    lines = (tmp_path / "eyes/metadata.jsonl").read_text(encoding="utf-8").splitlines()
    levels = []
    for row in rows:
        eye = json.loads(lines[row.index // 4])
        before, moved = (
            Annotation.from_dict(each["annotation"]) for each in (eye["parameters"], row.parameters)
        )
        assert before.keypoints.keys() == moved.keypoints.keys() and before.keypoints
        for name, point in before.keypoints.items():
            assert moved.keypoints[name] == pytest.approx(np.array(point) / 2)
        assert moved.mask.shape == (SIDE, SIDE)
        assert row.parameters["source"]["parameters"]["gaze"] == eye["parameters"]["gaze"]
        assert row.parameters["variation"] == row.index % 4
        assert len(row.parameters["style"]) == 2 and row.parameters["model_seed"] >= 0
        content = (tmp_path / "eyes" / eye["file_name"]).read_bytes()
        assert row.sources[1] == Source(
            "picture", eye["file_name"], hashlib.sha256(content).hexdigest()
        )
        levels.append(read_image(tmp_path / "out" / row.file_name).mean())
    assert all(len(set(levels[first : first + 4])) == 4 for first in (0, 4, 8))


def test_pictures_of_synthetic_pictures_keep_the_whole_provenance(models, tmp_path):
    assert cli.run(["eyes", "--out", f"{tmp_path / 'eyes'}", "--count", "2", "--size", "32"]) == 0
    for kind, before, after in (("refiner", "eyes", "one"), ("translator", "one", "two")):
        synthesis.synthesize(models[kind], tmp_path / after, sources=tmp_path / before)
    for first, second in zip(
        *(read_manifest(tmp_path / name) for name in ("one", "two")), strict=True
    ):
        # The size is the same: so is what is known.
        assert second.parameters["annotation"] == first.parameters["annotation"]
        source = second.parameters["source"]["parameters"]
        kept = ("source", "variation", "model_seed", "style")
        assert source == {key: first.parameters[key] for key in kept}
        assert source["source"]["parameters"]["gaze"].keys() == {"pitch", "yaw"}
        roles = [(source.role, source.path) for source in second.sources]
        eye = picture_name(first.index)
        assert roles == [
            ("model", "greyer/1"),
            ("picture", first.file_name),
            ("model", "brighter/1"),
            ("picture", eye),
        ]


def test_objects_of_scenes_keep_their_masks_and_sources(models, tmp_path):
    scenes = SyntheticFolder(tmp_path / "scenes", settings={}, class_names=["hat", "shoe"])
    whole = np.zeros((40, 24), bool)
    whole[8:24, 6:18] = True
    visible = whole.copy()
    visible[:, 12:] = False
    paste = Source("foreground", "shoe/1.png", "0" * 64)
    placed = PlacedObject(1, visible, whole, np.diag([2.0, 2.0, 1.0]), paste.path)
    row = ManifestRow(picture_name(0), 24, 40, 5, 0, (paste,), {}, (placed,))
    scenes.write(row, noise(0, 40, 24))
    scenes.finish(1)
    synthesis.synthesize(models["translator"], tmp_path / "out", sources=tmp_path / "scenes")
    (row,) = read_manifest(tmp_path / "out")
    (moved,) = row.objects
    assert moved.label == 1 and moved.box == pytest.approx((4, 0, 8, 10.7), abs=0.5)
    # Two thirds as large, and a sixth of the height cut off at the top.
    cropped = [[4 / 3, 0, 0], [0, 4 / 3, -16 / 3], [0, 0, 1]]
    np.testing.assert_allclose(moved.matrix, cropped, atol=1e-12)
    assert moved.occlusion == pytest.approx(0.5, abs=0.1)
    assert [source.role for source in row.sources] == ["model", "picture", "foreground"]
    instances = json.loads((tmp_path / "out/instances.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in instances["categories"]] == ["hat", "shoe"]
    assert len(instances["annotations"]) == 1
    # So is the mask of what the network changed.
    changed = mask_from_run_lengths(row.parameters["changed"])
    written = read_image(tmp_path / "out" / row.file_name)
    np.testing.assert_array_equal((written == 128).all(axis=-1), changed)
    assert 0.1 < changed.mean() < 0.9


def test_class_folders_are_classes_and_unreadable_files_are_rejected(models, tmp_path):
    for number, name in enumerate(("cat", "cat", "dog")):
        write(tmp_path / "in" / name / f"{number}.png", noise(number))
    (tmp_path / "in/dog/broken.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    arguments = [str(models["translator"]), "--sources", str(tmp_path / "in"), "--out", str(out)]
    assert cli.run(["synthesize", *arguments]) == 0
    loaded = load_labelled(out)["train"]
    assert loaded.class_names == ("cat", "dog") and loaded.labels.tolist() == [0, 0, 1]
    (line,) = (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert "broken.png" in json.loads(line)["reason"]
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.size[1] > 3 * SIDE


def test_the_command_continues_and_prints_the_counts(models, tmp_path, capsys):
    arguments = ["synthesize", str(models["generator"]), "--out", str(tmp_path / "out")]
    assert cli.run([*arguments, "--count", "5"]) == 0
    first = tree(tmp_path / "out")
    assert cli.run([*arguments, "--count", "40"]) == 0
    assert "40 pictures and metadata.jsonl" in capsys.readouterr().out
    grown = tree(tmp_path / "out")
    assert all(grown[name] == first[name] for name in first if name.startswith("images/"))
    assert cli.run([*arguments, "--count", "40", "--seed", "1"]) == 1
    assert "seed" in capsys.readouterr().err and tree(tmp_path / "out") == grown


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("classifier", [], "A classifier makes no pictures"),
        ("generator", ["--sources", "PICTURES"], "A generator takes no sources"),
        ("generator", [], "needs `count`"),
        ("refiner", [], "A refiner needs sources"),
        ("translator", ["--sources", "PICTURES", "--times", "2"], "`times` must be 1"),
        ("translator", ["--sources", "PICTURES", "--gate", "GENERATOR"], "must be a classifier"),
        ("translator", ["--sources", "PICTURES", "--gate", "CLASSIFIER"], "known classes"),
        ("translator", ["--sources", "ROWS"], "line=2"),
        ("translator", ["--sources", "NOWHERE"], "nowhere"),
        ("translator", ["--sources", "PICTURES", "--count", "0"], "count"),
        ("nothing", [], "saved_model.pb"),
    ],
)
def test_wrong_arguments_end_in_one_line(models, tmp_path, capsys, kind, more, said):
    write(tmp_path / "in/1.png", noise(0))
    (tmp_path / "rows").mkdir()
    rows = '{"file_name": "1.png"}\n{"file": "2.png"}\n'
    (tmp_path / "rows/metadata.jsonl").write_text(rows, encoding="utf-8")
    paths = {
        "PICTURES": tmp_path / "in",
        "ROWS": tmp_path / "rows",
        "NOWHERE": tmp_path / "nowhere",
        "GENERATOR": models["generator"],
        "CLASSIFIER": models["classifier"],
    }
    model = models.get(kind, tmp_path)
    arguments = [str(paths.get(each, each)) for each in more]
    try:
        status = cli.run(["synthesize", str(model), "--out", str(tmp_path / "out"), *arguments])
    except SystemExit as error:
        status = error.code
    assert status in (1, 2)
    errors = capsys.readouterr().err
    assert said in errors and "Traceback" not in errors
    assert not (tmp_path / "out/metadata.jsonl").exists()


def test_a_file_gives_the_same_pictures_in_any_folder(models, tmp_path):
    for number in range(3):
        write(tmp_path / "one" / f"{number}.png", noise(number))
    write(tmp_path / "two" / "other.png", noise(9))
    write(tmp_path / "two" / "same.png", noise(1))
    model = ServedModel(models["refiner"])
    for name in ("one", "two"):
        synthesis.synthesize(model, tmp_path / f"{name}-out", sources=tmp_path / name, times=2)
    first, second = (list(read_manifest(tmp_path / f"{name}-out")) for name in ("one", "two"))
    for before, after in zip(first[2:4], second[2:4], strict=True):
        assert before.sources[1].sha256 == after.sources[1].sha256
        for key in ("variation", "model_seed", "style"):
            assert before.parameters[key] == after.parameters[key]
    again = synthesis.synthesize(model, tmp_path / "seeded", sources=tmp_path / "one", seed=1)
    seeds = [row.parameters["model_seed"] for row in again.rows()]
    assert not set(seeds) & {row.parameters["model_seed"] for row in first}


def test_a_refined_picture_can_be_reproduced_from_its_row(models, tmp_path):
    write(tmp_path / "in/1.png", noise(1))
    model = ServedModel(models["refiner"])
    filled = synthesis.synthesize(model, tmp_path / "out", sources=tmp_path / "in", times=3)
    for row in filled.rows():
        again = model.change([noise(1)], [row.parameters["model_seed"]])
        assert again["style"][0].tolist() == row.parameters["style"]
        written = read_image(tmp_path / "out" / row.file_name).astype(int)
        assert np.abs(written - to_uint8(again["picture"])[0]).max() <= 1
