"""The ``kerasgen export`` command."""

from kerasgen import cli
from kerasgen.deployment import ExportError, runtimes


def test_a_runtime_that_gives_other_numbers_is_an_error_in_one_line(monkeypatch, capsys):
    def convert(*arguments):
        raise ExportError("onnx gives other numbers.")

    monkeypatch.setattr(runtimes, "convert", convert)
    assert cli.run(["export", "eyes", "--to", "onnx"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kerasgen: onnx gives other numbers.") and "same command" in line
