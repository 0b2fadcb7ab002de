"""The notebooks, executed on tiny settings; and what is committed of them."""

import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "examples/notebooks"
ZOO_MODEL = ROOT / "saved_models/fashion/1/model.keras"
LARGEST = 300_000

TINY = {
    "cut_paste_scenes_to_coco": {"GARMENTS": 20, "BACKGROUNDS": 4, "SCENES": 8, "SIZE": 128},
    "refine_renders": {
        "RENDERS": 16,
        "PHOTOGRAPHS": 20,
        "NEW_RENDERS": 20,
        "PREFIT_STEPS": 2,
        "REFINE_STEPS": 2,
    },
    "own_loss_and_second_discriminator": {
        "RENDERS": 16,
        "PHOTOGRAPHS": 20,
        "NEW_RENDERS": 8,
        "PREFIT_STEPS": 2,
        "REFINE_STEPS": 4,
        "RESUME_STEPS": 2,
    },
    "compare_and_prove": {
        "SIZE": 16,
        "REAL": 60,
        "SYNTHETIC": 160,
        "TEST": 40,
        "AMOUNTS": (20, 40),
        "SEEDS": 1,
        "HASTY_SEEDS": 1,
        "CLASSIFIER_STEPS": 2,
    },
    "fine_tune_a_zoo_model": {"SHOTS": 4, "STEPS": 2},
}

executed = runpy.run_path(str(NOTEBOOKS / "execute.py"))["executed"]


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """What kernels start with: this checkout's package, and a temporary folder of the test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))


def text_of(notebook):
    """Everything that the cells printed."""
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    return "".join(each.text for each in outputs if each.output_type == "stream")


def test_every_notebook_has_tiny_settings():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(TINY)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_notebook_runs_to_its_end(name, tmp_path, environment):
    if name == "fine_tune_a_zoo_model" and not ZOO_MODEL.exists():
        pytest.skip(f"{ZOO_MODEL} is not in this checkout")
    notebook = executed(NOTEBOOKS / f"{name}.ipynb", TINY[name], tmp_path)
    printed = text_of(notebook)
    if name == "cut_paste_scenes_to_coco":
        assert ": 0 failures" in printed and ": 2 failures" in printed
    if name == "own_loss_and_second_discriminator":
        assert "resumed up to 2: 0 differ" in printed
        assert "stopped after 1: 0 differ" not in printed
    if name == "compare_and_prove":
        assert "too few to tell" in printed


def write(path, *cells):
    """A notebook of a cell of parameters and some others."""
    first = new_code_cell("COUNT = 1000\nSIZE = 64", metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[first, *map(new_code_cell, cells)])
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
def test_parameters_are_replaced_in_the_run_only(tmp_path, environment):
    path = write(tmp_path / "own.ipynb", "print(COUNT, SIZE)")
    notebook = executed(path, {"COUNT": 3}, tmp_path)
    assert text_of(notebook) == "3 64\n"
    assert notebook.cells[0].source == "COUNT = 1000\nSIZE = 64"


@pytest.mark.slow
def test_a_cell_that_raises_is_an_error(tmp_path, environment):
    path = write(tmp_path / "own.ipynb", "print(COUNT)", "raise ArithmeticError('planted')")
    with pytest.raises(CellExecutionError, match="planted"):
        executed(path, {}, tmp_path)


def test_an_unknown_parameter_is_an_error(tmp_path):
    path = write(tmp_path / "own.ipynb")
    with pytest.raises(ValueError, match="no such parameter. Received: STEPS=3"):
        executed(path, {"STEPS": 3}, tmp_path)


@pytest.mark.parametrize("name", TINY)
def test_committed_outputs_are_small_and_of_no_machine(name):
    path = NOTEBOOKS / f"{name}.ipynb"
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    # IPython only prints what is raised within a captured cell: the notebook would go on.
    assert not any("%%capture" in cell.source for cell in notebook.cells)
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    assert all(each.output_type != "error" for each in outputs)
    assert all(each.get("name") != "stderr" for each in outputs)
    assert all(word not in text_of(notebook) for word in ("/tmp", "/home", "/work"))
