"""A classifier as a gate: what it rejects, and what it cannot judge."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.manifest import read_manifest
from kerasgen.deployment.gate import check_gate
from kerasgen.deployment.served_model import ServedModel
from kerasgen.deployment.synthesis import synthesize
from kerasgen.io.images import read_image
from kerasgen.io.preprocessing import Preprocessing


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)


def test_a_gate_rejects_what_a_classifier_takes_for_another_class(models, tmp_path):
    model, gate = ServedModel(models["generator"]), ServedModel(models["classifier"])
    synthesize(model, tmp_path / "all", count=60)
    synthesize(model, tmp_path / "gated", count=60, gate=gate)
    right = {
        row.index
        for row in read_manifest(tmp_path / "all")
        if (read_image(tmp_path / "all" / row.file_name).mean() > 127.5) == row.parameters["label"]
    }
    assert 30 < len(right) < 60
    assert {row.index for row in read_manifest(tmp_path / "gated")} == right
    lines = (tmp_path / "gated/rejected.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = {json.loads(line)["reason"] for line in lines}
    assert reasons == {"taken for light by judge/1", "taken for dark by judge/1"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["cat/1.png"], "knows the classes .* every picture of cat"),
        (["dark/1.png", "stray.png"], "known classes.*stray.png"),
    ],
    ids=["another class", "no class"],
)
def test_what_a_gate_cannot_judge_is_refused_before_anything_is_made(models, tmp_path, files, said):
    for number, name in enumerate(files):
        write(tmp_path / "in" / name, noise(number))
    with pytest.raises(ValueError, match=said):
        synthesize(
            models["translator"],
            tmp_path / "out",
            sources=tmp_path / "in",
            gate=models["classifier"],
        )
    assert not (tmp_path / "out" / "metadata.jsonl").exists()


def test_a_gate_that_reads_pictures_in_another_form_is_said(models, tmp_path):
    write(tmp_path / "a" / "dark" / "1.png", noise(0))
    gate, model = ServedModel(models["classifier"]), ServedModel(models["translator"])
    sources = AnnotatedFolder(tmp_path / "a")
    check_gate(gate, model, sources)
    gate.preprocessing = Preprocessing(16, 16, 1, "pad")
    with pytest.warns(UserWarning, match="fit pad, and .* with fit crop"):
        check_gate(gate, model, sources)
