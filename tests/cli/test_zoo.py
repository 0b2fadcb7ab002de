"""The ``kerasgen zoo`` command, and names of the zoo in place of folders."""

import json

import pytest

from kerasgen import cli
from kerasgen.annotations.manifest import read_manifest


def test_the_list_names_each_model_with_its_figures(capsys):
    assert cli.run(["zoo"]) == 0
    listed = capsys.readouterr().out
    assert "eyes/1  rendered eye -> real-looking eye" in listed
    assert "drawn by rule" in listed and "pupil_shift, median: 0." in listed
    assert "models. Next: kerasgen zoo show NAME" in listed


def test_a_card_is_shown(capsys):
    assert cli.run(["zoo", "show", "eyes"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# eyes") and "It is not for" in shown


def test_a_copy_is_checked(capsys):
    assert cli.run(["zoo", "check", "eyes"]) == 0
    *lines, last = capsys.readouterr().out.strip().splitlines()
    values = {line.partition(": ")[0]: float(line.partition(": ")[2]) for line in lines}
    assert {"refine/picture", "serving_default/png_bytes", "styles/style"} <= set(values)
    # A PNG may be a rounding, one level of 255, apart.
    assert max(value for name, value in values.items() if "png" not in name) < 1e-5
    assert last.startswith("The files are those that were exported; the largest difference is")


@pytest.mark.parametrize("action", [["show"], ["check"], ["build"]])
def test_unknown_names_are_refused_with_those_there_are(action, capsys):
    assert cli.run(["zoo", *action, "mouths"]) == 1
    error = capsys.readouterr().err
    assert "no saved_model.pb" in error and "eyes" in error and "Received: 'mouths'" in error


def test_a_model_is_used_by_its_name(tmp_path, capsys):
    assert cli.run(["synthesize", "fashion", "--count", "3", "--out", str(tmp_path / "made")]) == 0
    rows = list(read_manifest(tmp_path / "made"))
    assert [row.parameters["class_name"] for row in rows] == ["T-shirt/top", "Trouser", "Pullover"]
    assert rows[0].sources[0].path == "fashion/1"
    settings = json.loads((tmp_path / "made/settings.json").read_text())
    assert settings["generator_saw"] == 12_000
