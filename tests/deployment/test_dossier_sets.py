"""The description of each kind of set that kerasgen writes, checked by mlcroissant."""

import json
import subprocess
import sys

import pytest
from PIL import Image
from scene_files import material

from kerasgen import (
    Publication,
    SceneOptions,
    compose,
    draw_eyes,
    lay_smoke,
    synthesize,
    write_dossier,
)
from kerasgen.annotations.dossier import type_of_file
from kerasgen.io.files import file_sha256
from kerasgen.io.images import read_image
from kerasgen.io.xmp import SOURCE_TYPES

TERMS = {
    "eyes": "algorithmicMedia",
    "scenes": "compositeCapture",
    "smoke": "composite",
    "generated": "trainedAlgorithmicMedia",
    "changed": "compositeWithTrainedAlgorithmicMedia",
}
COUNTS = {"eyes": 3, "scenes": 3, "smoke": 4, "generated": 4, "changed": 3}
CHECK = """
import json, logging, sys
import mlcroissant
logging.disable()
found = {}
for folder in sys.argv[1:]:
    dataset = mlcroissant.Dataset(f"{folder}/croissant.json")
    issues = dataset.metadata.ctx.issues
    records = {each.id: list(dataset.records(each.id)) for each in dataset.metadata.record_sets}
    sizes = [list(each["images/image"].size) for each in records["images"]]
    names = [sorted(each[f"{n}/file_name"].decode() for each in records[n]) for n in records]
    import rdflib
    graph = rdflib.Graph().parse(f"{folder}/croissant.json", format="json-ld")
    verbs = sorted({str(verb) for _, verb, _ in graph})
    found[folder] = {
        "version": dataset.metadata.ctx.conforms_to.value, "errors": sorted(issues.errors),
        "warnings": len(issues.warnings), "sizes": sizes, "names": names, "verbs": verbs,
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def sets(models, tmp_path_factory):
    """A small set of each kind."""
    root = tmp_path_factory.mktemp("sets")
    foregrounds, backgrounds = material(root / "material", each=1)
    draw_eyes(root / "eyes", 3, size=16)
    options = SceneOptions(size=64)
    compose(foregrounds, backgrounds, root / "scenes", count=3, options=options, verify=0)
    lay_smoke(backgrounds, root / "smoke")
    synthesize(models["generator"], root / "generated", count=4)
    synthesize(models["refiner"], root / "changed", sources=root / "eyes")
    return {name: root / name for name in TERMS}


def test_mlcroissant_loads_class_folders(tmp_path):
    names = ["cat/0.png", "cat/1.jpg", "dog/0.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 6)).save(tmp_path / name)
    write_dossier(tmp_path, Publication("MIT", creator="A Lab", published="2026-01-31"))
    facts = validated([str(tmp_path)])[str(tmp_path)]
    assert facts["names"] == [names] and facts["sizes"] == [[8, 6]] * 3
    assert not facts["errors"] and not facts["warnings"]


@pytest.mark.filterwarnings("ignore:1 file.s. were taken for masks")
@pytest.mark.parametrize("rows", [False, True])
def test_masks_and_other_pictures_are_no_pictures_of_the_set(rows, tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "set"
    names = ["cat/0.png", "cat/1 [a].png", "dog/0.png", "2.png"]
    others = ["cat/0.mask.png", "dog/0_mask.png", *(["sheet.png", "dog/9.png"] if rows else [])]
    for name in (*names, *others):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(folder / name)
    if rows:
        text = "".join(json.dumps({"file_name": name}) + "\n" for name in names)
        (folder / "metadata.jsonl").write_text(text)
    write_dossier(folder, Publication("MIT", creator="A Lab", published="2026-01-31"))
    facts = validated([str(folder)])[str(folder)]
    assert facts["names"] == [sorted(names)] and not facts["errors"]
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(each) for split, each in loaded.items()} == {"train": len(names)}


def test_pictures_beside_folders_are_found(tmp_path):
    for name in ("cat/a/0.png", "1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(tmp_path / name)
    write_dossier(tmp_path)
    assert validated([str(tmp_path)])[str(tmp_path)]["names"] == [["1.png", "cat/a/0.png"]]


def validated(folders):
    """What mlcroissant finds, in a process of its own: it warns about itself on import."""
    words = [sys.executable, "-c", CHECK, *folders]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_mlcroissant_accepts_and_loads_every_kind_of_set(sets):
    found = validated(map(str, sets.values()))
    for name, folder in sets.items():
        facts = found[str(folder)]
        assert facts["version"] == "http://mlcommons.org/croissant/1.1" and not facts["errors"]
        # Licence, citation and date of publication, which only the publisher can state.
        assert facts["warnings"] == 3
        pictures = sorted(f"images/{path.name}" for path in (folder / "images").iterdir())
        assert facts["names"] == [pictures, pictures] and len(pictures) == COUNTS[name]
        sizes = [list(read_image(folder / each).shape[1::-1]) for each in pictures]
        assert facts["sizes"] == sizes
        spoken = set(facts["verbs"])
        assert "http://www.w3.org/ns/prov#wasGeneratedBy" in spoken
        assert "http://mlcommons.org/croissant/RAI/hasSyntheticData" in spoken
        derived = "http://www.w3.org/ns/prov#wasDerivedFrom" in spoken
        assert derived == (name != "eyes")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value"),
    [("conformsTo", "http://mlcommons.org/croissant/9"), ("distribution", [{"@type": "x"}])],
)
def test_mlcroissant_refuses_what_is_wrong(key, value, sets, tmp_path):
    content = json.loads((sets["eyes"] / "croissant.json").read_text())
    (tmp_path / "croissant.json").write_text(json.dumps({**content, key: value}))
    with pytest.raises(AssertionError, match="mlcroissant"):
        validated([str(tmp_path)])


@pytest.mark.parametrize("name", TERMS)
def test_each_kind_states_how_it_was_made(name, sets):
    folder = sets[name]
    pictures = [*(folder / "images").iterdir(), folder / "sheet.png"]
    stated = {type_of_file(path) for path in pictures[:-1]}
    assert stated == {TERMS[name]}
    described = json.loads((folder / "croissant.json").read_text())
    activity = described["prov:wasGeneratedBy"]
    assert activity["sc:digitalSourceType"] == [f"{SOURCE_TYPES}{TERMS[name]}"]
    (table,) = (each for each in described["distribution"] if "sha256" in each)
    assert table["sha256"] == file_sha256(folder / "metadata.jsonl")
    card = (folder / "README.md").read_text()
    assert f"{COUNTS[name]} pictures state `{TERMS[name]}`" in card


def test_a_models_sets_name_it_with_its_digest(sets):
    for name in ("generated", "changed"):
        settings = json.loads((sets[name] / "settings.json").read_text())
        described = json.loads((sets[name] / "croissant.json").read_text())
        entities = {each["@id"]: each for each in described["prov:wasDerivedFrom"]}
        assert f"urn:sha256:{settings['model_sha256']}" in entities
        card = (sets[name] / "README.md").read_text()
        assert settings["model"] in card and settings["model_sha256"] in card


def test_sheets_state_what_they_show(sets):
    expected = {
        "eyes": "algorithmicMedia",
        "scenes": "compositeCapture",
        # Drawn smoke beside its sources.
        "smoke": "composite",
        "generated": "compositeSynthetic",
        "changed": "compositeSynthetic",
    }
    assert {name: type_of_file(sets[name] / "sheet.png") for name in sets} == expected
