"""What the example scripts say of themselves on a model card."""

import pytest
from absl import flags

from kerasgen.cli import examples
from kerasgen.cli.examples import example_command
from kerasgen.training.throughput import minutes_of


@pytest.fixture
def defined(monkeypatch):
    """Flags as an example defines them, apart from those of the process."""
    values = flags.FlagValues()
    flags.DEFINE_string("workdir", "runs", "Folder.", flag_values=values)
    flags.DEFINE_string("export_to", "models", "Folder.", flag_values=values)
    flags.DEFINE_string("network", None, "Model.", flag_values=values)
    flags.DEFINE_string("data", None, "Folder.", flag_values=values)
    flags.DEFINE_integer("steps", 1, "Number.", flag_values=values)
    flags.DEFINE_bool("mirror", False, "Whether.", flag_values=values)
    monkeypatch.setattr(examples.flags, "FLAGS", values)
    values.mark_as_parsed()
    return values


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--steps", "5", "--mirror", "--data=/home/me/x"], "--steps=5 --mirror --data=PATH"),
        (["-steps=5", "--nomirror", "--workdir", "/tmp/a", "--data", "here"],
         "--steps=5 --nomirror --data=PATH"),
        (["--export_to=x", "--network", "eyes", "--data=two words"], "'--data=two words'"),
        (["--data=owner/name"], "--data=owner/name"),
    ],
)  # fmt: skip
def test_a_command_says_nothing_of_this_machine(words, expected, defined, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    command = example_command(["/home/me/kerasgen/examples/train_it.py", *words])
    assert command == f"python examples/train_it.py {expected}"


def test_minutes_are_updates_at_the_median_speed(tmp_path):
    assert minutes_of(tmp_path, 4) == 0
    (tmp_path / "history.csv").write_text(
        "step,loss,images_per_second\n10,1,0.001\n20,1,2\n30,1,4\n40,1,100\n"
    )
    # 40 updates of 6 pictures at 4 pictures a second; the first interval includes tracing.
    assert minutes_of(tmp_path, 6) == pytest.approx(1.0)
