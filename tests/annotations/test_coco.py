"""Rows of synthetic pictures, and their COCO and YOLO forms as other readers see them."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from kerasgen.annotations.coco import InstancesWriter
from kerasgen.annotations.records import ManifestRow, PlacedObject, Source
from kerasgen.annotations.yolo import yolo_data, yolo_labels
from kerasgen.io.files import json_object, strict_json

SIZE = (6, 8)


def mask(*boxes, size=SIZE):
    """True within boxes (x0, y0, x1, y1)."""
    pixels = np.zeros(size, bool)
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = True
    return pixels


def placed(visible, whole=None, **changed):
    fields = {"label": 0, "matrix": np.eye(3), "source": "a.png", "truncation": 0.0, **changed}
    return PlacedObject(visible=visible, whole=visible if whole is None else whole, **fields)


def row(*objects, index=0, **changed):
    size = objects[0].visible.shape if objects else SIZE
    fields = {
        "file_name": f"images/{index:06}.png",
        "width": size[1],
        "height": size[0],
        "seed": 7,
        "index": index,
        "sources": (Source("foreground", "a.png", "0" * 64),),
        "parameters": {},
        "objects": objects,
    }
    return ManifestRow(**{**fields, **changed})


def written(rows, names):
    stream = io.BytesIO()
    writer = InstancesWriter(stream, io.BytesIO(), names)
    for one in rows:
        writer.add(one)
    writer.close()
    return stream.getvalue()


def loaded(path, rows, names):
    """What pycocotools reads."""
    path.write_bytes(written(rows, names))
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_box_and_occlusion_are_those_of_what_is_seen():
    whole = mask((1, 1, 5, 5))
    seen = placed(mask((1, 1, 5, 2), (1, 2, 2, 5)), whole)
    assert seen.box == (1.0, 1.0, 5.0, 5.0)
    assert seen.occlusion == 9 / 16
    hidden = placed(mask(), whole)
    assert (hidden.box, hidden.occlusion) == (None, 1.0)
    outside = placed(mask(), truncation=1.0)
    assert (outside.box, outside.occlusion) == (None, 0.0)
    assert placed(whole).occlusion == 0.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": -1}, "label=-1"),
        ({"label": 1.0}, "label=1.0"),
        ({"truncation": 1.01}, "truncation=1.01"),
        ({"truncation": float("nan")}, "truncation=nan"),
        ({"matrix": np.zeros((3, 3))}, "matrix="),
        ({"matrix": np.full((3, 3), np.inf)}, "matrix="),
        ({"visible": mask((0, 0, 4, 4), size=(8, 6))}, r"visible=\(8, 6\), whole=\(6, 8\)"),
        ({"visible": np.zeros(SIZE)}, r"dtypes=\['bool', 'float64'\]"),
        ({"visible": mask((0, 0, 3, 1))}, "1 pixels outside"),
    ],
)
def test_objects_that_cannot_be_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        placed(**{"visible": mask((0, 0, 1, 1)), "whole": mask((0, 0, 2, 2)), **changed})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("foreground", "a.png", "0" * 63), "64 digits"),
        (("foreground", "a.png", "0" * 63 + "A"), "64 digits"),
        (("", "a.png", "0" * 64), "not empty"),
        (("foreground", "", "0" * 64), "not empty"),
        (("foreground", "bad\udcff.png", "0" * 64), "Unicode"),
    ],
)
def test_sources_that_lead_nowhere_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Source(*fields)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width": 0}, "width=0"),
        ({"index": -1}, "index=-1"),
        ({"accepted": False}, "accepted=False, reason=None"),
        ({"reason": "dark"}, "accepted=True, reason='dark'"),
        ({"sources": ()}, "source='a.png'"),
        ({"height": 7}, r"masks=\(6, 8\), picture=\(7, 8\)"),
        ({"parameters": {"gamma": float("nan")}}, "Not to be kept as JSON"),
        ({"parameters": {"gamma": np.float32(1)}}, "Not to be kept as JSON"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        row(placed(mask((0, 0, 1, 1))), **changed)


def random_row(index, names=3):
    """Noise masks: holes, islands and runs over the borders of columns."""
    draw = np.random.default_rng([1, index])
    objects = []
    for _ in range(draw.integers(0, 5)):
        whole = draw.random((13, 9)) < draw.choice([0.0, 0.05, 0.5, 1.0])
        visible = whole & (draw.random((13, 9)) < draw.choice([0.0, 0.5, 1.0]))
        label, truncation = int(draw.integers(names)), float(draw.random())
        matrix = draw.normal(size=(3, 3))
        objects.append(placed(visible, whole, label=label, truncation=truncation, matrix=matrix))
    size = {"width": 9, "height": 13}
    return row(*objects, index=index, parameters={"a": [1, {"b": 0.1}], "t": (1, 2)}, **size)


def test_round_trip_through_json_is_exact():
    for before in map(random_row, range(30)):
        text = strict_json(before.to_dict())
        after = ManifestRow.from_dict(json_object(text, "here"))
        assert strict_json(after.to_dict()) == text
        assert after.parameters == before.parameters == {"a": [1, {"b": 0.1}], "t": [1, 2]}
        assert (after.sources, after.seed, after.index) == (before.sources, 7, before.index)
        for got, want in zip(after.objects, before.objects, strict=True):
            assert (got.label, got.source, got.truncation) == (want.label, "a.png", want.truncation)
            for name in ("visible", "whole", "matrix"):
                np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_numbers_of_numpy_are_kept_as_numbers():
    one = placed(mask((0, 0, 1, 1)), label=np.int64(1), truncation=np.float32(0.5))
    fields = json.loads(strict_json(row(one, index=np.int64(2), seed=np.uint32(9)).to_dict()))
    assert (fields["index"], fields["seed"]) == (2, 9)
    assert (fields["objects"][0]["label"], fields["objects"][0]["truncation"]) == (1, 0.5)
    assert yolo_labels(row(one)).startswith("1 ")


@pytest.mark.parametrize(
    "changed",
    [
        {"sources": [{"role": "a"}]},
        {"sources": None},
        {"objects": [{}]},
        {"width": "8"},
        {"parameters": None},
    ],
)
def test_a_damaged_row_is_refused(changed):
    with pytest.raises(ValueError, match="missing or of no use"):
        ManifestRow.from_dict({**row().to_dict(), **changed})


def test_pycocotools_reads_what_was_placed(tmp_path):
    names = ("cat", "dög", "no")
    rows = [random_row(index) for index in range(30)]
    coco = loaded(tmp_path / "instances.json", rows, names)
    assert [coco.cats[key]["name"] for key in (1, 2, 3)] == list(names)
    assert sorted(coco.imgs) == list(range(1, 31))
    seen = [(one, thing) for one in rows for thing in one.objects if thing.visible.any()]
    assert 20 < len(seen) < sum(len(one.objects) for one in rows)
    assert sorted(coco.anns) == list(range(1, len(seen) + 1))
    for identity, (one, thing) in enumerate(seen, 1):
        annotation = coco.anns[identity]
        assert annotation["image_id"] == one.index + 1
        assert coco.imgs[one.index + 1]["file_name"] == one.file_name
        assert annotation["category_id"] == thing.label + 1
        assert annotation["iscrowd"] == 0
        pixels = coco.annToMask(annotation).astype(bool)
        np.testing.assert_array_equal(pixels, thing.visible)
        ys, xs = np.nonzero(pixels)
        corner = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        assert annotation["bbox"] == corner
        assert annotation["area"] == len(xs)
    size = {"width": 9, "height": 13}
    assert all(size.items() <= image.items() for image in coco.imgs.values())


def test_no_picture_and_no_object_are_documents_too(tmp_path):
    coco = loaded(tmp_path / "instances.json", [], [])
    assert (coco.imgs, coco.anns, coco.cats) == ({}, {}, {})
    coco = loaded(tmp_path / "instances.json", [row(), row(index=4)], ["a"])
    assert (sorted(coco.imgs), coco.anns) == ([1, 5], {})
    assert set(json.loads(written([], []))) == {"info", "images", "annotations", "categories"}


def test_yolo_numbers_by_hand():
    first = placed(mask((2, 0, 6, 3)))
    hidden = placed(mask(), mask((0, 0, 2, 2)))
    last = placed(mask((7, 5, 8, 6)), label=12)
    assert yolo_labels(row(first, hidden, last)) == (
        "0 0.500000 0.250000 0.500000 0.500000\n12 0.937500 0.916667 0.125000 0.166667\n"
    )
    full = placed(mask((0, 0, 8, 6)))
    assert yolo_labels(row(full)) == "0 0.500000 0.500000 1.000000 1.000000\n"
    assert yolo_labels(row(hidden)) == yolo_labels(row()) == ""


def test_yolo_data_names_the_classes():
    lines = yolo_data(["no", 'a "b": c', "grün"]).splitlines()
    assert {"train: images", "val: images", "names:"} <= {*lines}
    assert lines[-3:] == ['  0: "no"', r'  1: "a \"b\": c"', '  2: "grün"']
    assert yolo_data([]).endswith("names: {}\n")
