"""Models in other runtimes give the same pictures."""

import importlib.util
import json
import shutil

import numpy as np
import pytest

from kerasgen.cli import run
from kerasgen.deployment import ServedModel
from kerasgen.deployment.runtimes import RUNTIMES, conversion, convert
from kerasgen.deployment.seeded_latents import seeded_latents
from kerasgen.io.images import to_uint8

MISSING = {
    package
    for runtime in RUNTIMES.values()
    for package in runtime.packages
    if importlib.util.find_spec(package) is None
}
needs_runtimes = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {sorted(MISSING)}")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(conversion, "_INPUTS", 100)
    monkeypatch.setattr(conversion, "_ROUNDS", 20)


@needs_runtimes
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["generator", "refiner", "translator", "classifier"])
def test_each_kind_is_the_same_in_every_runtime(models, kind, tmp_path):
    found = convert(models[kind], list(RUNTIMES), tmp_path)
    assert set(found) == set(RUNTIMES) == {path.name for path in tmp_path.iterdir()}
    for each in found.values():
        assert 0 <= each.largest_difference < 1e-5 and each.inputs == 100
        assert 0 < each.p50_ms <= each.p95_ms and each.times_tensorflow > 0


@needs_runtimes
@pytest.mark.slow
def test_a_seed_is_the_same_picture_in_every_runtime(models, tmp_path):
    convert(models["generator"], list(RUNTIMES), tmp_path)
    seeds, labels = [3, -4, 2**60], [0, 1, 1]
    wanted = to_uint8(ServedModel(models["generator"]).generate(seeds, labels)).astype(int)
    inputs = {"latent": seeded_latents(seeds, 2).numpy(), "label": np.array(labels, np.int32)}
    for name, runtime in RUNTIMES.items():
        pictures = to_uint8(runtime.load(tmp_path / name)(inputs)["picture"]).astype(int)
        # A rounding may fall to the other side.
        assert np.abs(pictures - wanted).max() <= 1, name


@needs_runtimes
@pytest.mark.slow
def test_the_card_and_its_page_state_the_runtimes(models, tmp_path, capsys):
    folder = shutil.copytree(models["classifier"], tmp_path / "judge" / "1")
    assert run(["export", str(folder), "--to", "onnx,litert"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("2 runtimes in") and "Next: kerasgen zoo show" in last
    card = json.loads((folder / "model_card.json").read_text(encoding="utf-8"))
    assert set(card["runtimes"]) == {"onnx", "litert"} and card["class_names"]
    assert (folder / "runtimes/onnx/model.onnx").is_file()
    assert "| litert |" in (folder / "README.md").read_text(encoding="utf-8")


@needs_runtimes
def test_other_numbers_are_not_kept(models, tmp_path, monkeypatch):
    kept = RUNTIMES["onnx"]

    def darker(folder):
        exact = kept.load(folder)
        return lambda inputs: {name: value - 0.01 for name, value in exact(inputs).items()}

    monkeypatch.setitem(RUNTIMES, "onnx", kept._replace(load=darker))
    with pytest.raises(RuntimeError, match="onnx gives other numbers.*0.01.*not kept"):
        convert(models["classifier"], ["onnx"], tmp_path)
    assert not list(tmp_path.iterdir())


@needs_runtimes
def test_what_cannot_be_converted_is_named(models, tmp_path, monkeypatch):
    def fails(network, folder):
        raise RuntimeError("Op Whatever is not supported\nmore")

    monkeypatch.setitem(RUNTIMES, "litert", RUNTIMES["litert"]._replace(convert=fails))
    message = "greyer/1 cannot be converted for litert: Op Whatever is not supported. Received"
    with pytest.raises(ValueError, match=message):
        convert(models["translator"], ["litert"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_and_missing_runtimes_are_refused(models, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="onnx, openvino, litert. Received: tensorrt"):
        convert(models["classifier"], ["onnx", "tensorrt"], tmp_path)
    absent = RUNTIMES["onnx"]._replace(packages=("no_such_package",))
    monkeypatch.setitem(RUNTIMES, "onnx", absent)
    with pytest.raises(ValueError, match="no_such_package.*pip install 'kerasgen-zoo"):
        convert(models["classifier"], ["onnx"], tmp_path)
