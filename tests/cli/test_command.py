"""Exit status and message of a command with wrong arguments, stopped, or out of memory."""

import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.io.interruption import Stopped, Unfinished
from kerasgen.procedural.smoke import folder


@pytest.mark.parametrize("command", ["compare", "compose", "eyes", "smoke", "synthesize"])
def test_a_negative_seed_is_refused_by_the_name_of_its_flag(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.run([command, "--seed", "-1"])
    assert stopped.value.code == 2
    assert "--seed: must be a whole number from 0 on, not '-1'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (Stopped("SIGINT: stopped."), 130, "SIGINT: stopped."),
        (Unfinished("A worker process was ended."), 1, "A worker process was ended."),
        (MemoryError("5 TiB"), 1, "out of memory: lower --size or the number of pictures"),
    ],
)
def test_every_end_is_one_line_and_a_status(tmp_path, monkeypatch, capsys, error, status, message):
    def ended(*arguments, **options):
        raise error

    monkeypatch.setattr(folder, "lay_smoke", ended)
    (tmp_path / "clean").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "clean/a.png")
    sources = ["--sources", str(tmp_path / "clean")]
    assert cli.run(["smoke", *sources, "--out", str(tmp_path / "out")]) == status
    assert capsys.readouterr().err == f"kerasgen: {message}\n"
