"""Scenes whose masks, limits and records are checked against their pixels."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from kerasgen.annotations.annotation import Annotation
from kerasgen.annotations.records import ManifestRow
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.foregrounds import extract
from kerasgen.compositing.scene import SceneOptions, by_label, compose_scene

GROUND = (90, 110, 130)
FIRM = {"match": (0.0, 0.0), "shadow": 0.0, "distractors": (0, 0)}


def thing(label, colour, number=0):
    """A drawn object of its own colour, label and name."""
    rows, columns = np.mgrid[:60, :48] + 0.5
    mask = ((columns - 24) / 18) ** 2 + ((rows - 30) / 26) ** 2 < 1
    mask &= ~((rows < 24) & (abs(columns - 24) < 6 + 2 * label))
    image = np.full((60, 48, 3), colour, np.uint8)
    image[::4] //= 2
    return extract(image, mask, label=label, path=f"{label}/{number}.png")


@pytest.fixture(scope="module")
def things():
    colours = [(220, 30, 30), (30, 220, 30), (240, 240, 250)]
    return [thing(label, colour) for label, colour in enumerate(colours)]


@pytest.fixture(scope="module")
def grounds():
    random = np.random.default_rng(0)
    return Backgrounds([random.integers(0, 256, (90 + 20 * n, 120, 3), np.uint8) for n in range(3)])


@pytest.fixture(scope="module")
def plain():
    return Backgrounds([np.full((100, 100, 3), GROUND, np.uint8)])


def options(**changes):
    return SceneOptions(**{"size": 96, **changes})


def same(one, other):
    np.testing.assert_array_equal(one.image, other.image)
    assert one.parameters == other.parameters and one.sources == other.sources
    assert len(one.objects) == len(other.objects)
    for left, right in zip(one.objects, other.objects, strict=True):
        assert left.to_dict() == right.to_dict()


def test_a_scene_depends_on_its_seed_and_number_alone(things, grounds):
    first = [compose_scene(index, 3, things, grounds, options()) for index in range(4)]
    groups = by_label(things[::-1])
    others = Backgrounds([grounds[index].image for index in range(3)])
    for index in (2, 0, 3, 1):
        same(compose_scene(index, 3, groups, others, options()), first[index])
    cv2.setRNGSeed(5)
    np.random.seed(1)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1 if threads > 1 else 4)
    try:
        same(compose_scene(1, 3, things, grounds, options()), first[1])
    finally:
        cv2.setNumThreads(threads)
    assert not np.array_equal(compose_scene(1, 4, things, grounds, options()).image, first[1].image)
    assert not np.array_equal(first[0].image, first[1].image)
    # Seed and number are not added up.
    assert not np.array_equal(compose_scene(3, 1, things, grounds, options()).image, first[1].image)


@pytest.mark.parametrize("how, reach", [("hard", 0), ("soft", 2), ("feathered", 3), ("poisson", 3)])
def test_masks_agree_with_the_pixels_changed(things, plain, how, reach):
    seen = 0
    for index in range(8):
        scene = compose_scene(index, 0, things, plain, options(blendings=(how,), **FIRM))
        change = abs(scene.image.astype(int) - GROUND).max(axis=-1)
        union = np.any([item.visible for item in scene.objects], axis=0).astype(np.uint8)
        away = cv2.distanceTransform(1 - union, cv2.DIST_C, 3)
        # What is left of a soft edge, of some 150 levels, in the notch of an outline.
        assert change[away > reach].max() <= (12 if reach else 0)
        assert not change[away > reach + 2].any()
        assert (change[union > 0] > 0).mean() > 0.99
        seen += union.sum()
    assert seen > 4000


def test_pixels_inside_are_the_foregrounds(things, plain):
    """Each object shows its own colours under its visible mask, at its position in the source."""
    checked = 0
    for index in range(6):
        scene = compose_scene(index, 1, things, plain, options(blendings=("hard",), **FIRM))
        for item in scene.objects:
            source = next(other for other in things if other.path == item.source)
            rows, columns = np.nonzero(cv2.erode(item.visible.astype(np.uint8), np.ones((3, 3))))
            back = np.linalg.inv(item.matrix) @ (columns + 0.5, rows + 0.5, np.ones(len(rows)))
            x, y = (back[:2] / back[2] - np.array(source.offset)[:, None]).astype(int)
            expected = source.image[y, x].astype(float)
            shown = scene.image[rows, columns].astype(float)
            # Stripes are half as bright: hue, which they share, must agree.
            hue = expected / expected.max(axis=1, keepdims=True)
            np.testing.assert_allclose(shown / shown.max(axis=1, keepdims=True), hue, atol=0.04)
            checked += len(rows)
    assert checked > 2000


def test_later_pastes_hide_earlier_ones(things, plain):
    overlaps = 0
    for index in range(12):
        scene = compose_scene(
            index, 2, things, plain, options(objects=(3, 4), max_occlusion=0.6, **FIRM)
        )
        covered = np.zeros((96, 96), bool)
        for item in reversed(scene.objects):
            np.testing.assert_array_equal(item.visible, item.whole & ~covered)
            overlaps += bool((item.whole & covered).any())
            covered |= item.whole
    assert overlaps > 5


def test_distractors_hide_and_are_not_annotated(things, plain, grounds):
    strange = [thing(0, (250, 250, 0), number=9)]
    choice = options(objects=(1, 2), distractors=(2, 3), max_occlusion=0.6, shadow=0.0)
    hidden = 0
    for index in range(12):
        scene = compose_scene(index, 0, things[1:], plain, choice, strange)
        roles = [item["role"] for item in scene.parameters["items"]]
        assert roles.count("foreground") == len(scene.objects) and "distractor" in roles
        assert {item.source for item in scene.objects} <= {"1/0.png", "2/0.png"}
        assert ("distractor", "0/9.png") in {(item.role, item.path) for item in scene.sources}
        hidden += any(item.occlusion > 0 for item in scene.objects)
        union = np.any([item.whole for item in scene.objects], axis=0)
        assert (
            scene.image[~cv2.dilate(union.astype(np.uint8), np.ones((9, 9))).astype(bool)] != GROUND
        ).any()
    assert hidden > 3
    pieces = compose_scene(0, 0, things, grounds, options(distractors=(2, 2)))
    assert {item.path for item in pieces.sources if item.role == "distractor"} <= {
        f"pictures[{number}]" for number in range(3)
    }


def test_limits_hold(things, plain):
    strict = options(objects=(2, 5), max_occlusion=0.2, max_truncation=0.1, scale=(0.3, 0.6))
    loose = options(objects=(2, 5), max_occlusion=0.7, max_truncation=0.6, scale=(0.3, 0.6))
    worst = {}
    for name, choice in (("strict", strict), ("loose", loose)):
        items = [
            item
            for index in range(40)
            for item in compose_scene(index, 0, things, plain, choice).objects
        ]
        worst[name] = (
            max(item.occlusion for item in items), max(item.truncation for item in items)
        )  # fmt: skip
    assert worst["strict"][0] <= 0.2 and worst["strict"][1] <= 0.1 + 1e-9
    assert 0.4 < worst["loose"][0] <= 0.7 and 0.3 < worst["loose"][1] <= 0.6 + 1e-9


def test_truncation_is_the_share_outside_the_frame(things, plain):
    """Against the whole mask of the same placement in a frame large enough for all of it."""
    found = 0
    for index in range(20):
        scene = compose_scene(
            index, 0, things, plain, options(max_truncation=0.5, blendings=("soft",))
        )
        for item in scene.objects:
            source = next(other for other in things if other.path == item.source)
            mask = np.zeros((60, 48), bool)
            (x, y), (height, width) = source.offset, source.alpha.shape
            mask[y : y + height, x : x + width] = source.alpha > 127
            shift = np.array([[1.0, 0, 100], [0, 1, 100], [0, 0, 1]])
            whole = Annotation(mask=mask).transformed(shift @ item.matrix, (296, 296)).mask
            inside = whole[100:196, 100:196]
            assert item.truncation == pytest.approx(1 - inside.sum() / whole.sum(), abs=0.03)
            assert (inside != item.whole).sum() < 0.1 * inside.sum() + 8
            found += item.truncation > 0.1
    assert found > 5


def test_classes_are_drawn_evenly(plain):
    """Ten foregrounds of one class and one of another: half of the objects are of each."""
    many = [thing(0, (220, 30, 30), number) for number in range(10)]
    few = [*many, thing(1, (30, 220, 30))]
    scenes = [compose_scene(index, 0, few, plain, options(objects=(2, 3))) for index in range(60)]
    labels = [item.label for scene in scenes for item in scene.objects]
    assert 0.38 < np.mean(labels) < 0.62
    assert len({item.source for scene in scenes for item in scene.objects}) == 11


def test_the_number_of_objects_is_as_requested(things, plain):
    counts = [
        len(compose_scene(index, 0, things, plain, options(objects=(2, 4))).objects)
        for index in range(40)
    ]
    assert set(counts) == {2, 3, 4}
    some = [
        len(compose_scene(index, 0, things, plain, options(objects=(0, 1))).objects)
        for index in range(20)
    ]
    assert set(some) == {0, 1}


def test_objects_too_large_are_shrunk(things, plain):
    """At 1.6 times the frame nothing fits; the scene is composed again with smaller ones."""
    choice = options(scale=(1.6, 1.6), max_truncation=0.05, objects=(1, 1))
    scene = compose_scene(0, 0, things, plain, choice)
    assert len(scene.objects) == 1 and scene.parameters["round"] > 0
    assert scene.objects[0].truncation <= 0.05


def test_nothing_is_left_of_a_discarded_scene(things, plain):
    """The first object leaves no room for the second, until both are smaller."""
    choice = options(**FIRM, scale=(0.95, 0.95), rotation=0, max_truncation=0, max_occlusion=0)
    choice = dataclasses.replace(choice, objects=(2, 2), blendings=("hard",))
    rounds = []
    for index in range(4):
        scene = compose_scene(index, 0, things, plain, choice)
        union = np.any([item.whole for item in scene.objects], axis=0)
        assert (scene.image[~union] == GROUND).all()
        rounds.append(scene.parameters["round"])
    assert max(rounds) > 0


def test_an_impossible_scene_names_what_to_change(things, plain):
    crowd = options(objects=(30, 30), max_occlusion=0.0, scale=(0.5, 0.6), attempts=2)
    with pytest.raises(ValueError, match=r"Fewer than 30 objects.*lower `objects` or `scale`"):
        compose_scene(0, 0, things, plain, crowd)


def test_records_are_complete(things, grounds):
    choice = options(objects=(2, 3), distractors=(1, 1), size=(80, 120))
    scene = compose_scene(5, 7, things, grounds, choice)
    assert scene.image.shape == (80, 120, 3) and scene.image.dtype == np.uint8
    row = ManifestRow(
        "images/000005.png", 120, 80, 7, 5, scene.sources, scene.parameters, scene.objects
    )
    again = ManifestRow.from_dict(json.loads(json.dumps(row.to_dict())))
    assert again.to_dict() == row.to_dict()
    assert [source.role for source in scene.sources].count("background") == 1
    assert len(set(scene.sources)) == len(scene.sources)
    for item in scene.parameters["items"]:
        assert {"role", "source", "scale", "rotation", "blending", "match", "shadow"} <= set(item)
    for item in scene.objects:
        assert item.matrix.dtype == np.float64


def test_every_way_of_blending_occurs_and_its_failures_are_recorded(things, plain):
    items = [
        item
        for index in range(40)
        for item in compose_scene(index, 0, things, plain, options()).parameters["items"]
    ]
    assert {item["blending"] for item in items} == {"hard", "soft", "feathered", "poisson"}
    shadows = [item["shadow"] for item in items]
    assert 0.3 < np.mean([shadow is not None for shadow in shadows]) < 0.7
    faint = [extract(np.full((40, 40, 3), (105, 125, 145), np.uint8), np.ones((40, 40), bool))]
    scene = compose_scene(0, 0, faint, plain, options(blendings=("poisson",), **FIRM))
    fallen = [item for item in scene.parameters["items"] if "fallback" in item]
    assert fallen and fallen[0]["blending"] == "feathered" and "contrast" in fallen[0]["fallback"]


def test_shadows_lie_where_recorded(things, plain):
    dark = options(**{**FIRM, "shadow": 1.0, "blendings": ("hard",), "objects": (1, 1)})
    for index in range(6):
        scene = compose_scene(index, 0, things, plain, dark)
        shadow = scene.parameters["items"][0]["shadow"]
        assert shadow["y"] >= 0, "light comes from above"
        if scene.objects[0].truncation:
            continue
        whole = scene.objects[0].whole
        moved = np.zeros((296, 296), np.uint8)
        moved[100:196, 100:196][whole] = 255
        moved = np.roll(moved, (shadow["y"], shadow["x"]), axis=(0, 1))
        for reach in (shadow["reach"] // 2, shadow["reach"] - shadow["reach"] // 2):
            moved = cv2.blur(moved, (2 * reach + 1, 2 * reach + 1))
        moved = moved[100:196, 100:196]
        light = 1 - shadow["strength"] * moved[..., None] / 255
        np.testing.assert_allclose(scene.image[~whole], (GROUND * light)[~whole], atol=2)
        assert (scene.image[~whole].astype(int) - GROUND).min() < -5


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 8},
        {"size": (64, 64, 3)},
        {"objects": (3, 2)},
        {"objects": (0, 0)},
        {"objects": (-1, 2)},
        {"distractors": (2, 1)},
        {"scale": (0.0, 0.5)},
        {"scale": (0.5, 0.2)},
        {"aspect": (0.01, 1)},
        {"rotation": -1},
        {"perspective": 0.9},
        {"flip": 1.5},
        {"match": (0.5, 1.5)},
        {"max_occlusion": 1.0},
        {"max_truncation": float("nan")},
        {"shadow": -0.1},
        {"attempts": 0},
        {"blendings": ()},
        {"blendings": ("smooth",)},
    ],
)
def test_invalid_options_are_refused(changes):
    with pytest.raises(ValueError, match=f"Received: {next(iter(changes))}="):
        SceneOptions(**changes)


def test_invalid_arguments_are_refused(things, plain):
    with pytest.raises(ValueError, match="Received: index=-1"):
        compose_scene(-1, 0, things, plain)
    with pytest.raises(ValueError, match="Received: foregrounds="):
        compose_scene(0, 0, [], plain)
    with pytest.raises(ValueError, match="Received: pictures="):
        compose_scene(0, 0, things, [])
