"""The page: whole, self-contained, honest about names, and never half-written."""

import html.parser
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from kerasgen.evaluation.comparison.compare import compare
from kerasgen.evaluation.comparison.distances import compared_sets
from kerasgen.evaluation.comparison.options import CompareOptions
from kerasgen.evaluation.comparison.picture_sets import PictureSet
from kerasgen.evaluation.comparison.real_fake_classifier import CONFIG, Network
from kerasgen.evaluation.features.extractors import FeatureExtractor, pixel_features
from kerasgen.io import files


def compared(real, synthetic, spaces, folder, *, network=None, **more):
    """A comparison on given features, saved; its numbers."""
    options = CompareOptions(features=spaces, network=network)
    comparison = compare(real, synthetic, options, workdir=folder, **more)
    comparison.save(folder)
    return comparison.numbers


def pictures(count, seed, level=110):
    generator = np.random.default_rng(seed)
    coarse = generator.normal(level, 30, (count, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
    return np.clip(np.rint(coarse), 0, 255).astype(np.uint8)


def picture_set(count, seed, level=110, prefix="p", labels=None):
    names = [f"{prefix}{number}.png" for number in range(count)]
    return PictureSet(pictures(count, seed, level), names, names, labels)


class Page(html.parser.HTMLParser):
    """What a reader of the page meets."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.unclosed = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unclosed.append(tag)

    def all(self, tag, **wanted):
        found = [attributes for name, attributes in self.elements if name == tag]
        return [each for each in found if wanted.items() <= each.items()]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    odd = '<b onclick="x()">&.png'
    synthetic = picture_set(40, 1, level=80)
    synthetic.names[3] = odd
    messages = []
    numbers = compared(
        picture_set(60, 0),
        synthetic,
        [pixel_features(4)],
        folder,
        title="a & b",
        report=messages.append,
    )
    text = (folder / "index.html").read_text(encoding="utf-8")
    return folder, numbers, text, Page(text), messages


def test_the_page_says_first_what_came_out(written):
    folder, numbers, text, page, messages = written
    assert numbers["summary"] in text
    assert text.index(numbers["summary"]) < text.index("<table")
    assert numbers == json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert numbers["sets"] == {
        "real": 60, "synthetic": 40, "reference": 30, "compared": 30, "size": "16x16",
    }  # fmt: skip
    assert messages[0] == "distances on pixels-4 (1 of 1)" and len(messages) == 3


def test_nothing_is_loaded_from_elsewhere(written):
    _, _, text, page, _ = written
    for _, attributes in page.elements:
        for name in ("src", "href"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#", "report.json")), value
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert "http" not in without_names.replace("http-equiv", "")
    assert len(text) < 10_000_000


def test_it_is_well_formed_and_says_what_pictures_show(written):
    _, _, _, page, _ = written
    assert not page.open and not page.unclosed
    assert page.all("html", lang="en")
    images = page.all("img")
    assert len(images) == 7 and all(image["alt"] for image in images)
    assert page.all("svg", id="map")[0]["tabindex"] == "0"


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """With everything: classes, a network and its maps, a remark."""
    folder = tmp_path_factory.mktemp("learned")
    numbers = compared(
        picture_set(50, 0, labels=["<bag>"] * 44 + ["coat"] * 6),
        picture_set(40, 1, level=80, prefix="s", labels=["<bag>", "coat"] * 20),
        [pixel_features(4)],
        folder,
        network=Network(
            config=replace(CONFIG, steps=2, batch_size=8, validate_every=1, patience=1)
        ),
        remarks=["a <quick> note"],
        report=lambda text: None,
    )
    text = (folder / "index.html").read_text(encoding="utf-8")
    return folder, numbers, text, Page(text)


def test_what_was_learned_is_on_the_page(learned):
    folder, numbers, text, page = learned
    assert not page.open and not page.unclosed
    assert numbers == json.loads((folder / "report.json").read_text(encoding="utf-8"))
    network, maps = numbers["network"], numbers["feature_maps"]
    assert "A small network, trained here from scratch, pictures at 16x16." in text
    area = network["area_under_roc"]["baseline"]
    assert f"{area['value']:.3g} [{area['low']:.3g}, {area['high']:.3g}]" in text
    assert f"(real-vs-real baseline {area['value']:.2f})" in numbers["summary"]
    sheets = [image for image in page.all("img") if image["alt"].startswith("Feature maps: ")]
    assert len(sheets) == len(maps["layers"]) == 4
    assert [each["size"] for each in maps["layers"]][:2] == ["16x16x16", "8x8x32"]
    assert maps["real"].startswith("p") and maps["synthetic"].startswith("s")
    assert f"{maps['synthetic']},\nsynthetic" in text


def test_the_maps_are_of_a_synthetic_picture_and_its_nearest_real_one(learned):
    _, numbers, _, _ = learned
    maps = numbers["feature_maps"]
    real, synthetic = pictures(50, 0), pictures(40, 1, 80)
    space = pixel_features(4)
    index = int(maps["synthetic"][1:-4])
    distances = np.linalg.norm(space(real) - space(synthetic[index : index + 1]), axis=1)
    # The nearest of those that the network did not learn from: a half.
    sets = compared_sets(real, synthetic)
    assert (
        int(maps["real"][1:-4]) == sets.indices.baseline[distances[sets.indices.baseline].argmin()]
    )


def test_classes_and_remarks_are_on_the_page_as_text(learned):
    _, numbers, text, _ = learned
    assert list(numbers["classes"]["by_class"]) == ["<bag>", "coat"]
    assert numbers["classes"]["by_class"]["coat"] == {"real": 6, "synthetic": 20, "too_few": True}
    table = text[text.index("<h2>Class by class</h2>") :]
    assert "&lt;bag&gt;" in table and "<bag>" not in text
    assert '6, 20</td>\n<td colspan="3">too few</td>' in table
    assert numbers["remarks"] == ["a <quick> note"] and "a &lt;quick&gt; note" in text


def test_what_is_not_there_is_not_on_the_page(written):
    _, numbers, text, _, _ = written
    assert numbers["network"] is numbers["feature_maps"] is numbers["classes"] is None
    for title in ("Class by class", "Trained network", "Feature maps"):
        assert title not in text
    # Fewer pictures than features: noted where the distances are.
    assert "30 samples of 48 features: the Frechet distance is much too large" in text


def test_too_few_pictures_for_a_network_are_said(tmp_path):
    numbers = compared(
        picture_set(20, 0), picture_set(20, 1), [pixel_features(4)], tmp_path, network=Network()
    )
    assert numbers["network"] is None
    (remark,) = numbers["remarks"]
    assert "reference has 10 pictures" in remark
    assert remark in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("levels", [(90, 90), (0, 255), (None, 128)])
def test_constant_pictures_are_compared_without_a_number_that_is_none(levels, tmp_path):
    sets = [picture_set(24, seed) for seed in (0, 1)]
    for level, each in zip(levels, sets, strict=True):
        if level is not None:
            each.images[:] = level
    numbers = compared(*sets, [pixel_features(4)], tmp_path, report=lambda text: None)
    assert numbers == json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "nan" not in (tmp_path / "report.json").read_text(encoding="utf-8").lower()
    assert ">nan" not in text and "inf [" not in text and "null" not in json.dumps(numbers["map"])
    space = numbers["features"]["pixels-4"]
    # Equal pictures are one source, of which there are too few.
    assert space["two_sample_area"]["synthetic"] is None
    scores = [space[name]["synthetic"]["value"] for name in ("precision", "recall")]
    assert levels[0] is None or scores == [levels[0] == levels[1]] * 2
    assert any("24 of 24 synthetic pictures are equal" in text for text in numbers["remarks"])


def test_features_that_are_not_finite_end_it_and_leave_the_old_report(tmp_path):
    (tmp_path / "index.html").write_text("old page")
    broken = FeatureExtractor("broken", lambda images: np.full((len(images), 3), np.nan))
    with pytest.raises(ValueError, match="'broken' must be finite"):
        compared(picture_set(20, 0), picture_set(20, 1), [pixel_features(4), broken], tmp_path)
    assert (tmp_path / "index.html").read_text() == "old page"


def test_every_picture_is_a_dot_with_its_name(written):
    _, _, text, page, _ = written
    dots = [dot for dot in page.all("circle") if "data-index" in dot]
    assert [dot["data-index"] for dot in dots] == [str(index) for index in range(100)]
    assert sum(dot["class"] == "real" for dot in dots) == 60
    # As text, not as an element.
    assert '<b onclick="x()">&.png' in {dot["data-name"] for dot in dots}
    assert '<b onclick="x()">' not in text
    assert all(0 <= float(dot["cx"]) <= 600 and 0 <= float(dot["cy"]) <= 420 for dot in dots)


def test_the_same_sets_make_the_same_page(written, tmp_path):
    _, numbers, text, _, _ = written
    synthetic = picture_set(40, 1, level=80)
    synthetic.names[3] = '<b onclick="x()">&.png'
    again = compared(picture_set(60, 0), synthetic, [pixel_features(4)], tmp_path, title="a & b")
    assert again == numbers
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == text


def test_a_comparison_shows_itself_in_a_notebook(tmp_path):
    options = CompareOptions(features=[pixel_features(4)], network=None)
    comparison = compare(picture_set(20, 0), picture_set(20, 1, level=80), options)
    shown = comparison._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and shown.count('"') == 8
    assert comparison.summary in comparison.html and comparison.measured("network_area") == []
    (distance,) = comparison.measured("kernel_distance")
    found = comparison.numbers["features"]["pixels-4"]["kernel_distance"]["synthetic"]
    assert distance == found["value"] and found["low"] <= distance <= found["high"]


@pytest.mark.parametrize("failing", ["index.html", "report.json"])
def test_a_full_disk_leaves_the_old_report(written, tmp_path, monkeypatch, failing):
    old = {"index.html": b"old page", "report.json": b"{}"}
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    write = files.Path.write_bytes

    def full(path, content):
        # What takes its place is written under another name of the same ending.
        if failing.endswith(path.suffix):
            write(path, content[:100])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(files.Path, "write_bytes", full)
    options = CompareOptions(features=[pixel_features(4)], network=None)
    comparison = compare(picture_set(20, 0), picture_set(20, 1), options)
    with pytest.raises(ValueError, match="No space left"):
        comparison.save(tmp_path)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_copies_are_listed_by_name(tmp_path):
    real, synthetic = picture_set(80, 0), picture_set(50, 1, prefix="s")
    sets_images = synthetic.images.copy()
    sets_images[5:9] = real.images[:40:10]
    sets_images[9] = real.images[50][:, ::-1]
    numbers = compared(
        real,
        PictureSet(sets_images, synthetic.names, synthetic.groups),
        [pixel_features(8)],
        tmp_path,
    )
    # Those of the half that is the reference, and no others.
    assert numbers["copies"]["files"]
    assert set(numbers["copies"]["files"]) <= {f"s{number}.png" for number in range(5, 10)}
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    listed = text[text.index("Most certain first:") :]
    assert all(name in listed for name in numbers["copies"]["files"])


def test_wrong_options_and_lists_are_refused_at_once():
    for options, message in (
        ({"sources": "folders"}, "Rules of sources are picture, folder, name"),
        ({"synthetic_sources": "x"}, "Rules of sources"),
        ({"limit": 0}, "`limit` at least 1"),
        ({"channels": 4}, "`channels` must be 1 or 3"),
    ):
        with pytest.raises(ValueError, match=message):
            CompareOptions(**options)
    with pytest.raises(ValueError, match="one name, group and label a picture"):
        PictureSet(pictures(8, 0), ["a"], range(8))
