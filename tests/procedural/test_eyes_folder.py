"""Folders of drawn eyes: the pictures and numbers of `eyes`, in the schema of all folders."""

import json

import numpy as np
import pytest
from manifest_files import tree

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.annotation import Annotation
from kerasgen.io.images import read_image
from kerasgen.procedural.eyes import camera_eyes, rendered_eyes
from kerasgen.procedural.eyes_folder import draw_eyes


@pytest.mark.parametrize(("kind", "draw"), [("rendered", rendered_eyes), ("camera", camera_eyes)])
def test_pictures_and_rows_are_those_of_the_batch(kind, draw, tmp_path):
    filled = draw_eyes(tmp_path, 70, kind=kind, size=32, seed=4)
    assert (filled.pictures, filled.rejected) == (70, 0) and filled.sheet.is_file()
    eyes = draw(70, 4, 32)
    for index, row in enumerate(filled.rows()):
        np.testing.assert_array_equal(read_image(tmp_path / row.file_name), eyes.images[index])
        assert row.parameters["annotation"] == eyes.annotation(index).to_dict()
        pitch, yaw = eyes.gaze[index]
        assert row.parameters["gaze"] == {"pitch": pitch, "yaw": yaw}
        assert (row.parameters["kind"], row.seed, row.objects, row.sources) == (kind, 4, (), ())
    settings = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert settings == {"kind": f"{kind}_eyes", "size": 32, "seed": 4, "class_names": []}


def test_what_is_known_of_an_eye_is_read_back(tmp_path):
    draw_eyes(tmp_path, 2, size=16)
    sources = AnnotatedFolder(tmp_path)
    known = sources.facts(sources.names[1])
    eyes = rendered_eyes(2, 0, 16)
    assert isinstance(known.annotation, Annotation)
    assert known.annotation.to_dict() == eyes.annotation(1).to_dict()
    assert known.extra["parameters"].keys() == {"kind", "gaze"}


def test_a_folder_may_grow_within_a_block(tmp_path):
    draw_eyes(tmp_path / "grown", 5, size=16)
    draw_eyes(tmp_path / "grown", 9, size=16)
    draw_eyes(tmp_path / "once", 9, size=16)
    assert tree(tmp_path / "grown") == tree(tmp_path / "once")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"kind": "painted"}, "kind='painted'"), ({"size": 8}, "size=8"), ({"count": 0}, "count=0")],
)
def test_nothing_is_written_for_wrong_arguments(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw_eyes(tmp_path / "out", **{"count": 1, **changes})
    assert not (tmp_path / "out").exists()
