"""``kerasgen beam compare``: the figures of one process, whatever the number of workers."""

import json

import numpy as np
import pytest
from pipelines.conftest import PROCESSES, run

from kerasgen.evaluation import CompareOptions
from kerasgen.evaluation.comparison import division, part_sums
from kerasgen.evaluation.comparison.picture_sets import ListedSet, read_set
from kerasgen.evaluation.features import appearance, grey_histograms, pixel_features
from kerasgen.evaluation.metrics import frechet_distance, kernel_distance
from kerasgen.io.interruption import Stopped
from kerasgen.pipelines import compare_in_pipeline, running

OPTIONS = CompareOptions(network=None, size=24)


def drawn(eyes, own, size=24):
    """The pictures of a set of the comparison, read at once."""
    folders = {kind: eyes / kind for kind in ("real", "synthetic")}
    census = division.count_pictures(folders["real"], folders["synthetic"], None, 0)
    parts, names = census.division(0), []
    kind = "synthetic" if own == "synthetic" else "real"
    for picture in division.listed_pictures(folders[kind], None):
        place = parts.place(kind, picture)
        if place is not None and place[1] == own:
            names.append(picture.name)
    listed = ListedSet(own, folders[kind], sorted(names), None, None)
    return read_set(listed, size, 3)[0].images


def test_the_figures_are_those_of_whole_sets(beam, eyes, tmp_path):
    found = compare_in_pipeline(eyes / "real", eyes / "synthetic", tmp_path, OPTIONS)
    assert list(tmp_path.iterdir()) == [] and found["parts"] == 1
    pictures = {own: drawn(eyes, own) for own in division.SETS}
    assert {own: len(each) for own, each in pictures.items()} == found["sets"]["compared"]
    space = pixel_features()
    features = {own: space(each) for own, each in pictures.items()}
    distances = found["features"]["pixels-16"]
    for arm in ("synthetic", "baseline"):
        pair = features["reference"], features[arm]
        kernel = kernel_distance(*pair, part_size=None).value
        assert distances["kernel_distance"][arm] == pytest.approx(kernel, rel=1e-9, abs=1e-12)
        with pytest.warns(UserWarning, match="samples of 768"):
            frechet = frechet_distance(*pair).value
        # Fewer samples than features: two ways to the root of a covariance without full rank.
        assert distances["frechet_distance"][arm] == pytest.approx(frechet, rel=1e-6)
        histograms = [grey_histograms(pictures[own]).mean(axis=0) for own in ("reference", arm)]
        moved = np.abs(np.cumsum(histograms[0] - histograms[1])).sum()
        assert found["appearance"]["grey_histogram"][arm] == pytest.approx(moved, rel=1e-9)
    for own, each in pictures.items():
        for name, values in appearance(each).items():
            looks = found["appearance"][name][own]
            assert looks["mean"] == pytest.approx(values.mean(), rel=1e-9)
            assert looks["deviation"] == pytest.approx(values.std(ddof=1), rel=1e-9)


@pytest.mark.slow
def test_three_processes_give_the_same_numbers(beam, eyes, tmp_path, monkeypatch):
    count = division.count_pictures(eyes / "real", eyes / "synthetic", None, 0)
    monkeypatch.setattr(division, "PART", 10)
    monkeypatch.setattr(division.Census.division, "__defaults__", (10,))
    assert count.division(0).parts > 3
    flags = {1: [], 3: [*PROCESSES, "--direct_num_workers=3"]}
    one, three = (
        compare_in_pipeline(eyes / "real", eyes / "synthetic", tmp_path, OPTIONS, each)
        for each in flags.values()
    )
    assert one == three and one["parts"] > 3


def test_the_command_writes_figures_and_what_it_left_out(beam, eyes, tmp_path, capsys):
    words = ["beam", "compare", eyes / "real", eyes / "synthetic", "--size", 24]
    assert run(*words, "--out", tmp_path / "out") == 0
    found = json.loads((tmp_path / "out/figures.json").read_text(encoding="utf-8"))
    assert found["sets"]["real"] == 120 and found["sets"]["synthetic"] == 90
    assert any("precision" in name for name in found["left_out"])
    assert found["command"].startswith("kerasgen beam compare")
    text = (tmp_path / "out/figures.txt").read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert text.strip() in printed and "Kernel distance on pixels-16" in text
    assert "next, for intervals and a page: kerasgen compare" in printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "figures.json",
        "figures.txt",
    ]


def test_unreadable_pictures_are_counted(beam, eyes, tmp_path):
    for number in range(40):
        picture = (eyes / f"real/images/{number:06}.png").read_bytes()
        (tmp_path / "real").mkdir(exist_ok=True)
        (tmp_path / f"real/{number}.png").write_bytes(picture if number % 4 else b"no picture")
    sets = tmp_path / "real", eyes / "synthetic"
    with pytest.warns(UserWarning, match="10 of 40 pictures left out"):
        found = compare_in_pipeline(*sets, tmp_path / "out", OPTIONS)
    unread = found["sets"]["unreadable"]
    assert unread["reference"] + unread["baseline"] <= 10 and unread["synthetic"] == 0
    assert unread["reference"] + unread["baseline"] > 0


def test_a_stopped_comparison_leaves_nothing(beam, eyes, tmp_path, monkeypatch):
    monkeypatch.setattr(running.Interruption, "name", "SIGTERM")
    monkeypatch.setattr(running, "_PATIENCE", 0.0)
    with pytest.raises(Stopped, match="SIGTERM"):
        compare_in_pipeline(eyes / "real", eyes / "synthetic", tmp_path, OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_are_refused_first(beam, eyes, tmp_path):
    (tmp_path / "few").mkdir()
    for number in range(5):
        picture = (eyes / f"real/images/{number:06}.png").read_bytes()
        (tmp_path / f"few/{number}.png").write_bytes(picture)
    with pytest.raises(ValueError, match="at least 8 pictures.* 5 synthetic"):
        compare_in_pipeline(eyes / "real", tmp_path / "few", tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", ["real", "synthetic", "out"])
def test_a_url_is_refused_by_name(eyes, tmp_path, capsys, folder):
    given = {"real": eyes / "real", "synthetic": eyes / "synthetic", "out": tmp_path / "out"}
    given[folder] = "s3://bucket/pictures"
    words = [given["real"], given["synthetic"], "--out", given["out"]]
    assert run("beam", "compare", *words) == 1
    error = capsys.readouterr().err
    assert "file system that all of them share" in error and f"{folder}='s3:" in error


def test_every_picture_has_one_place_and_sources_stay_in_one_half():
    parts = division.Division(0, 7, {"reference": 1.0, "baseline": 1.0, "synthetic": 0.5})
    halves, places = {}, []
    for number in range(4000):
        picture = division.Listed(f"{number}.png", f"group {number // 4}", None)
        place = parts.place("real", picture)
        assert place == parts.place("real", picture) and 0 <= place[0] < 7
        halves.setdefault(picture.group, set()).add(place[1])
        places.append(parts.place("synthetic", picture))
    assert all(len(each) == 1 for each in halves.values())
    shares = [half == {"reference"} for half in halves.values()]
    assert 0.45 < np.mean(shares) < 0.55
    assert 0.45 < np.mean([place is not None for place in places]) < 0.55
    counts = np.bincount([place[0] for place in places if place])
    assert counts.min() > 220 and counts.max() < 350


def test_a_set_is_listed_with_its_classes_and_stated_sources(eyes, tmp_path):
    for name in ("train/cat/a.png", "train/dog/b1.png", "test/dog/b2.png", ".hidden/c.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"x")
    (tmp_path / "set/train/cat/a_mask.png").write_bytes(b"x")
    listed = list(division.listed_pictures(tmp_path / "set", None))
    assert sorted((each.name, each.label) for each in listed) == [
        ("test/dog/b2.png", "dog"),
        ("train/cat/a.png", "cat"),
        ("train/dog/b1.png", "dog"),
    ]
    assert [each.group for each in listed] == [each.name for each in listed]
    by_name = list(division.listed_pictures(tmp_path / "set", "folder"))
    assert {each.group for each in by_name} == {"train/cat", "train/dog", "test/dog"}
    row = {
        "file_name": "a.png",
        "index": 0,
        "sources": [
            {"role": "model", "path": "m/1", "sha256": "0" * 64},
            {"role": "picture", "path": "p.png", "sha256": "0" * 64},
        ],
        "parameters": {"class_name": "hat"},
    }
    (tmp_path / "set/metadata.jsonl").write_text(json.dumps(row))
    assert list(division.listed_pictures(tmp_path / "set", None)) == [
        division.Listed("a.png", "p.png", "hat")
    ]


def test_a_kernel_distance_of_parts_is_that_of_kernel_distance(monkeypatch):
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 300, 5)) + [[[0.0]], [[0.3]]]
    centre = first[:20].mean(axis=0)
    order = [generator.permutation(300), generator.permutation(300)]
    parts = list(zip(*(np.array_split(each, 3) for each in order), strict=True))
    monkeypatch.setattr("kerasgen.evaluation.metrics.mmd._parts", lambda *arguments: iter(parts))
    expected = kernel_distance(first, second, part_size=100).value
    means = np.mean(
        [part_sums.part_distances(first[one], second[other]) for one, other in parts], axis=0
    )
    moments = [
        part_sums.Moments.from_sums(
            300, (each - centre).sum(axis=0), (each - centre).T @ (each - centre), centre
        )
        for each in (first, second)
    ]
    found = part_sums.kernel_distance_of_parts(tuple(means), *moments)
    assert found == pytest.approx(expected, rel=1e-12)
    frechet = part_sums.frechet_distance_of_moments(*moments)
    assert frechet == pytest.approx(frechet_distance(first, second).value, rel=1e-10)


def test_what_is_constant_in_the_real_set_has_no_scale():
    looks = {
        name: {own: {"mean": 1.0 + (own == "synthetic"), "deviation": 0.5} for own in division.SETS}
        for name in part_sums.STATISTICS
    }
    first, second, *_ = part_sums.STATISTICS
    looks[first]["reference"]["deviation"] = 0.0
    looks[second]["synthetic"]["mean"] = 9.0
    text = part_sums._summary({"pixels": {"kernel": {"synthetic": 0.5, "baseline": None}}}, looks)
    assert f"{second.replace('_', ' ')} (16)" in text and first.replace("_", " ") not in text
    assert "baseline unknown" in text


def test_a_part_without_a_readable_picture_is_counted(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    folders = {own: tmp_path for own in division.SETS}
    measure = part_sums.PartMeasure(folders, [], {}, 24, 3)
    found = dict(measure.sums({"reference": ["a.png"]}))
    assert {name: each.tolist() for name, each in found.items()} == {"count reference": [0.0, 1.0]}
