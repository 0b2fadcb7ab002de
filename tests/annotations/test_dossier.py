"""What a set says of itself: its card, the marks of its pictures, what is kept and what refused."""

import json

import pytest
import yaml
from manifest_files import tree
from PIL import Image

from kerasgen import Publication, cli, draw_eyes, lay_smoke, write_dossier
from kerasgen.annotations import AnnotatedFolder
from kerasgen.annotations.dossier import composite_of, type_of_file
from kerasgen.annotations.dossier.findings import without_folders
from kerasgen.io.folders import list_images
from kerasgen.io.images import read_image
from kerasgen.io.xmp import with_source_type

DRAWN, CAPTURED, TRAINED = "algorithmicMedia", "digitalCapture", "trainedAlgorithmicMedia"


def front_matter(folder):
    _, text, body = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(text), body


def pixels(folder):
    return {str(path): read_image(path, channels=4).tobytes() for path in list_images(folder)}


@pytest.mark.parametrize(
    ("elements", "term"),
    [
        ([None, None], "compositeCapture"),
        ([None, "negativeFilm", "compositeCapture"], "compositeCapture"),
        ([None, DRAWN], "composite"),
        ([DRAWN, DRAWN], DRAWN),
        ([None, "screenCapture"], "composite"),
        ([DRAWN, TRAINED], "compositeSynthetic"),
        ([None, "compositeWithTrainedAlgorithmicMedia"], "compositeSynthetic"),
    ],
)
def test_the_type_of_a_composite_follows_from_its_elements(elements, term):
    assert composite_of(elements) == term


def test_smoke_states_what_it_was_laid_over(eyes, photographs, tmp_path):
    for sources, term in ((eyes, DRAWN), (photographs, "composite")):
        out = tmp_path / "out" / sources.name
        lay_smoke(sources, out)
        stated = {type_of_file(path) for path in (out / "images").iterdir()}
        assert stated == {term}
        assert type_of_file(out / "sheet.png") == term


def test_every_file_of_a_new_set_is_there_and_stated(eyes):
    names = {path.name for path in eyes.iterdir()}
    assert {"README.md", "croissant.json", "sheet.png"} <= names and "dossier.json" not in names
    for path in eyes.rglob("*.png"):
        assert type_of_file(path) == DRAWN
    matter, body = front_matter(eyes)
    assert matter["license"] == "unknown" and "synthetic" in matter["tags"]
    assert matter["task_categories"] == ["image-segmentation", "keypoint-detection"]
    assert matter["size_categories"] == ["n<1K"]
    paths = matter["configs"][0]["data_files"][0]["path"]
    assert sorted(str(each.relative_to(eyes)) for path in paths for each in eyes.glob(path)) == [
        "images/000000.png",
        "images/000001.png",
        "images/000002.png",
        "metadata.jsonl",
    ]
    for text in (
        "# Eyes drawn by rule",
        "(sheet.png)",
        '"seed": 0',
        "Not measured",
        "To recognise",
    ):
        assert text in body
    # Readers see pictures alone.
    assert len(list_images(eyes, count_others=True)) == 3
    assert len(AnnotatedFolder(eyes).names) == 3


def test_a_dossier_again_changes_nothing(eyes):
    before = tree(eyes)
    first = write_dossier(eyes)
    assert (first.marked, first.signed) == (0, 0) and tree(eyes) == before
    assert str(first).splitlines()[-1] == f"next: kerasgen dossier {eyes} --licence SPDX_ID"


def test_what_was_stated_stays_when_the_folder_grows(eyes):
    stated = Publication("CC-BY-4.0", "public domain", "A Lab", "https://example.org", "2026-01-31")
    assert "kerasgen prove" in str(write_dossier(eyes, stated))
    write_dossier(eyes, Publication(licence="https://example.org/terms"))
    draw_eyes(eyes, 5, size=16)
    matter, body = front_matter(eyes)
    assert (matter["license"], matter["license_link"]) == ("other", "https://example.org/terms")
    assert "5 synthetic pictures." in body and "A Lab" in body
    described = json.loads((eyes / "croissant.json").read_text())
    assert described["license"] == "https://example.org/terms"
    assert described["creator"]["name"] == "A Lab" and described["datePublished"] == "2026-01-31"
    write_dossier(eyes, Publication(licence="CC-BY-4.0"))
    described = json.loads((eyes / "croissant.json").read_text())
    assert described["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert front_matter(eyes)[0]["license"] == "cc-by-4.0"


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
@pytest.mark.parametrize("change", ["another", "edited", "longer"])
def test_files_of_others_are_kept(name, change, eyes):
    path = eyes / name
    text = path.read_text()
    text = {"another": "{}\n", "edited": text.replace("yes", "YES"), "longer": text + "more\n"}[
        change
    ]
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{name} would be replaced.*Received: folder="):
        write_dossier(eyes)
    with pytest.warns(UserWarning, match=f"{name} in .* kept: rename it, and run"):
        draw_eyes(eyes, 4, size=16)
    assert path.read_text() == text
    write_dossier(eyes, replace=True)
    assert path.read_text() != text
    write_dossier(eyes)


def test_photographs_are_described_and_marked_as_stated(photographs):
    names = AnnotatedFolder(photographs).names
    before = pixels(photographs)
    found = write_dossier(photographs)
    matter, body = front_matter(photographs)
    assert found.marked == 0 and matter["tags"] == ["image", "kerasgen"]
    assert matter["task_categories"] == ["image-classification"]
    assert "| cat | 2 |" in body and "Must not be used" not in body
    assert "rai:hasSyntheticData" not in (photographs / "croissant.json").read_text()
    found = write_dossier(photographs, source_type=CAPTURED)
    assert found.marked == 3 and "synthetic" not in front_matter(photographs)[0]["tags"]
    assert "1 left as they are: Only PNG and JPEG" in str(found)
    # A picture that states something is not said to be something else.
    assert write_dossier(photographs, source_type=TRAINED).marked == 0
    assert pixels(photographs) == before
    known = AnnotatedFolder(photographs)
    assert known.names == names and known.class_names == ("cat", "dog")
    assert len(list_images(photographs, count_others=True)) == 4


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["a/0.png", "b/c/1.jpg"], {"train": ["**/*.jpg", "**/*.png"]}),
        (["0.png", "1.JPG"], {"train": ["*.JPG", "*.png"]}),
        (
            ["train/a/0.png", "val/a/1.png", "test/a/2.png"],
            {
                "train": ["train/**/*.png"],
                "validation": ["val/**/*.png"],
                "test": ["test/**/*.png"],
            },
        ),
    ],
)
def test_the_card_names_the_files_of_each_split(names, patterns, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    write_dossier(tmp_path)
    (config,) = front_matter(tmp_path)[0]["configs"]
    assert {each["split"]: each["path"] for each in config["data_files"]} == patterns


def test_a_folder_of_generated_pictures_of_others_is_synthetic(photographs):
    (photographs / "dog/1.webp").unlink()
    write_dossier(photographs, source_type=TRAINED)
    matter, body = front_matter(photographs)
    assert "synthetic" in matter["tags"] and "# Synthetic pictures" in body
    described = json.loads((photographs / "croissant.json").read_text())
    assert described["rai:hasSyntheticData"] is True


def estimate(value):
    return {"value": value, "low": value / 2, "high": value * 2, "count": 9}


def reports(tmp_path):
    """Reports as `prove` and `compare` write them, in what is read of them."""
    sets = {"synthetic": 1000, "real": 9}
    shared = {"remarks": ["One | remark."], "version": "0.1.0", "sets": sets}
    copies = {"share": estimate(0.02), "baseline": estimate(0.03), "exact": 7, "files": ["a", "b"]}
    proof = {**shared, "summary": "It helps a little.", "verdicts": []}
    proof["command"] = (
        "kerasgen prove --real /home/me/cats --features savedmodel:/opt/net --out x/y"
    )
    comparison = {**shared, "summary": "They differ.", "appearance": {}, "copies": copies}
    for name, numbers in (("proof", proof), ("comparison", comparison)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(numbers))
    return tmp_path / "proof", tmp_path / "comparison"


def test_the_card_says_what_reports_found(eyes, tmp_path, capsys):
    proof, comparison = reports(tmp_path)
    words = ["dossier", str(eyes), "--licence", "MIT", "--proof", str(proof)]
    assert cli.run(words) == 0
    assert "next: hf upload REPOSITORY" in capsys.readouterr().out
    write_dossier(eyes, comparison=comparison / "report.json")
    text = (eyes / "README.md").read_text()
    for part in (
        "It helps a little.",
        "Measured on 1,000 pictures by kerasgen 0.1.0.",
        "    kerasgen prove --real cats --features savedmodel:net --out y",
        "- One | remark.",
        "They differ.",
        "7 pictures are identical to real ones. 2 are suspiciously close",
        "2.0% [1.0%, 4.0%], beside 3.0% of other real pictures",
    ):
        assert part in text
    assert "Not measured" not in text and "/home" not in text
    with pytest.raises(ValueError, match="no report of `kerasgen prove`.*Received: proof="):
        write_dossier(eyes, proof=comparison)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source_type": "photo"}, "`source_type` must be one of .*Received: source_type='photo'"),
        ({"certificate": "c.pem"}, "both `certificate` and `key`. Received: certificate='c.pem'"),
        ({"proof": "none"}, "Cannot be read.*none"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(arguments, message, photographs):
    before = tree(photographs)
    with pytest.raises(ValueError, match=message):
        write_dossier(photographs, **arguments)
    assert tree(photographs) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("licence", "all rights"),
        ("licence", "Foo"),
        ("licence", "cc0"),
        ("licence", "LicenseRef-ours"),
        ("licence", "MIT OR Apache-2.0"),
        ("url", "example"),
        ("published", "1.2.26"),
        ("published", "2026-W05-1"),
        ("published", "20260131"),
        ("creator", "a\nb"),
    ],
)
def test_statements_have_a_form(name, value):
    with pytest.raises(ValueError, match=f"Received: {name}="):
        Publication(**{name: value})


def test_identifiers_of_licences_are_written_as_spdx_does():
    names = {name: Publication(name).licence for name in ("cc0-1.0", "mit", "odbl-1.0")}
    assert list(names.values()) == ["CC0-1.0", "MIT", "ODbL-1.0"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("prove --real '/home/me/My Secret Project/cats/' -v", "prove --real cats -v"),
        ("prove --real ~/clients/acme/x --test ../acme/secret/t", "prove --real x --test t"),
        (
            "prove --real='acme/a b' --features savedmodel:/opt/acme/net",
            "prove '--real=a b' --features savedmodel:net",
        ),
        ("zoo --url https://example.org/a", "zoo --url https://example.org/a"),
        ("prove 'acme", None),
    ],
)
def test_commands_name_no_folders(command, expected):
    assert without_folders(command) == expected


def test_a_mixed_set_says_how_much_of_it_is_synthetic(photographs):
    (photographs / "dog/1.webp").unlink()
    path = photographs / "dog/0.jpg"
    path.write_bytes(with_source_type(path.read_bytes(), CAPTURED))
    write_dossier(photographs, source_type=TRAINED)
    matter, body = front_matter(photographs)
    assert "synthetic" in matter["tags"] and "3 pictures, 2 of them synthetic." in body
    described = json.loads((photographs / "croissant.json").read_text())
    assert described["rai:hasSyntheticData"] is True and "synthetic" in described["keywords"]


def test_the_card_promises_what_holds(eyes):
    body = front_matter(eyes)[1]
    assert "names the numbers that make a picture again" in body and "source files" not in body


def test_a_class_name_stays_in_its_line(photographs):
    (photographs / "cat").rename(photographs / "cat\nand dog")
    write_dossier(photographs)
    assert "\n| cat and dog | 2 |\n" in (photographs / "README.md").read_text()


@pytest.mark.parametrize("text", ['{"editor.fontSize": 12}', "{ // a comment\n}"])
def test_settings_of_other_programs_do_not_matter(text, photographs):
    (photographs / "settings.json").write_text(text)
    assert write_dossier(photographs).facts.count == 4


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("settings.json", '{"kind": "scenes"}', "settings lack `seed`"),
        ("settings.json", '{"kind": "camera_eyes", "class_names": []}', "settings lack `seed`"),
        ("dossier.json", '{"publication": {}, "findings": {"proof": {}}}', "no file of"),
        ("dossier.json", '{"publication": {}, "findings": {"proof": []}}', "no file of"),
        ("dossier.json", '{"publication": {"licence": "x"}, "findings": {}}', "`licence` must be"),
    ],
)
def test_damaged_files_are_named(name, text, message, eyes):
    (eyes / name).write_text(text)
    with pytest.raises(ValueError, match=f"{message}.*{name}"):
        write_dossier(eyes)


def test_a_damaged_report_is_named(eyes, tmp_path):
    proof, comparison = reports(tmp_path)
    for folder, key in ((proof, "remarks"), (comparison, "copies")):
        numbers = json.loads((folder / "report.json").read_text())
        del numbers[key]
        (folder / "report.json").write_text(json.dumps(numbers))
        with pytest.raises(ValueError, match=f"The report is damaged.*{folder.name}="):
            write_dossier(eyes, **{folder.name: folder})
