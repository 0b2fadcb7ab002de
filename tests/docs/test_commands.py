"""Every command and every Python block of the pages, run as it stands there, at tiny settings."""

import configparser
import contextlib
import dataclasses
import os
import re
import shutil
from typing import ClassVar

import pytest
from absl import flags
from command_flags import Parsed, check_flags, script
from markdown_files import PAGES, ROOT, blocks_of

from kerasgen.cli import command
from kerasgen.cli.arguments import condition
from kerasgen.cli.judging import prove
from kerasgen.evaluation.classifiers import TrainConfig
from kerasgen.evaluation.comparison import CONFIG, Network, options
from kerasgen.training import Trainer

PARSED = {"docs/results.md", "docs/statistics.md"}
"""Pages whose commands take hours on the data sets that they name: their flags are parsed."""

ELSEWHERE = {"curl", "docker", "pytest", "mkdocs", "mlcroissant", "ruff", "mypy", "."}
"""Programs whose flags are not ours."""

ZOO = ("fashion", "clothing-28", "clothing-64", "eyes", "smoke", "smoke-classifier")

ONE = {"--workers": "1"}
TRAINED = {"--log_every": "2", "--batch_size": "4", "--steps": "2", "--minutes": None}
TINY = {
    "eyes": {"--count": "4"},
    "cut": ONE,
    "compose": {"--count": "3", "--verify": "2", "--size": "96", **ONE},
    "merge": {},
    "pack": {"--per_file": "2"},
    "convert": {},
    "verify": ONE,
    "smoke": ONE,
    "synthesize": {"--count": "48"},
    "sheet": {},
    "dossier": {},
    "zoo": {},
    "compare": {"--size": "32", "--network": "none"},
    "prove": {
        "--steps": "2", "--minutes": None, "--amounts": "12", "--times": "1", "--seeds": "1",
        "--augmentations": "none", "--size": "28", "--channels": "1", "--width": "4",
        "--batch_size": "8",
    },
    "train_eye_refiner": {**TRAINED, "--prefit": "2", "--image_size": "32"},
    "train_clothing_cgan": {**TRAINED, "--classifier_steps": "2", "--batch_size": "16"},
    "train_smoke_cyclegan": {**TRAINED, "--size": "16", "--width": "4", "--blocks": "1"},
    "train_smoke_classifier": {**TRAINED, "--size": "32", "--copies": "1", "--false_alarms": "0.1"},
    "compose_clothing": {"--count": "3", "--size": "96", **ONE},
}  # fmt: skip
"""What makes a command short: flags by subcommand or example; None takes a flag out."""

PYTHON = {
    r"\b(count|steps)=\d+": r"\1=8",
    r"(batches), \d+": r"\1, 2",
    r"amounts=\(.*?\), minutes=\d+": "**TINY_PROOF",
    r'(features=\("pixels", [^)]*\))': r"\1, network=None",
    r'weights="imagenet"': "weights=None, alpha=0.35",
}
"""What makes a Python block short: patterns and replacements."""

TINY_PROOF = {
    "amounts": (12,), "times": (1,), "seeds": 1, "augmentations": ("none",),
    "config": TrainConfig(steps=2, batch_size=8, width=4),
}  # fmt: skip


def absent(words):
    """The models of the zoo among words of a block that are not here."""
    return [name for name in ZOO if name in words and not (ROOT / "saved_models" / name).is_dir()]


def shortened(words, settings):
    """The words of a command with other settings."""
    kept, skip = [], False
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        name = word.partition("=")[0]
        if not skip and name not in settings:
            kept.append(word)
        skip = not skip and word in settings and not following.startswith("--")
    added = [word for pair in settings.items() if pair[1] is not None for word in pair]
    return [*kept, *added]


def run_kerasgen(words):
    """Runs the command line in this process."""
    name, conditions = words[1], "--fail-if" in words
    if name == "prove" and conditions:
        # Five seeds take too long here; tests/cli has them.
        for text in words[words.index("--fail-if") + 1 :: 2]:
            condition(text, prove.CONDITIONS)
        return
    if name == "beam":
        # Needs an extra that [test] lacks; tests/pipelines has them.
        return
    settings = dict(TINY.get(name, {}))
    if "network_area" in " ".join(words):
        del settings["--network"]
    status = command.run(shortened(words, settings)[1:])
    assert status in ((0, 3) if conditions else (0,)), f"status {status}"


def run_example(words, monkeypatch):
    """Runs an example in this process up to its first update; tests/examples runs it on."""
    path = ROOT / words[1]

    def stop(*others, **more):
        raise Parsed

    monkeypatch.setattr(Trainer, "run", stop)
    with script(path) as module:
        flags.FLAGS(shortened(words[1:], TINY[path.stem]))
        drawn = getattr(module, "DRAWN", {})
        if drawn:
            monkeypatch.setattr(module, "DRAWN", dict.fromkeys(drawn, 20))
        with contextlib.suppress(Parsed):
            module.main()


def run_python(block):
    """Runs a Python block in a namespace of its own."""
    text = block.text
    for pattern, replacement in PYTHON.items():
        text = re.sub(pattern, replacement, text)
    exec(compile(text, block.where, "exec"), {"TINY_PROOF": TINY_PROOF})


def check_extras(words):
    """The extras that pip is to install exist."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for extra in re.findall(r"\[(.+?)\]", " ".join(words)):
        assert extra in setup["options.extras_require"], extra


class Page:
    """A reader who does what a page says, from top to bottom, in one folder."""

    done: ClassVar[set] = set()
    """Commands whose products no other needs: once is enough for all pages."""

    def __init__(self, name, monkeypatch):
        self.parse_only, self.monkeypatch = name in PARSED, monkeypatch
        self.missing = []

    def do(self, block):
        if block.kind != "python":
            for words in block.commands():
                self.do_command(words, block.kind == "inline" or self.parse_only)
            return
        compile(block.text, block.where, "exec")
        lacking = absent(re.findall(r'"([\w-]+)"', block.text))
        self.missing += lacking
        if not lacking and "localhost" not in block.text:
            run_python(block)

    def do_command(self, words, parse_only):
        if words[0] == "pip" or words[:2] == ["python", "-m"]:
            check_extras(words)
            return
        if words[0] in ELSEWHERE:
            return
        lacking = absent(ZOO if words[1] == "zoo" else words[2:])
        self.missing += lacking
        if lacking and words[1] == "zoo":
            return
        with self.monkeypatch.context() as patch:
            check_flags(words, patch)
        models = [word for word in words if word.startswith("saved_models/")]
        # Made by a block above that could not run.
        gone = self.missing and not all(map(os.path.isdir, models))
        # Benchmarks take hours, and other packages; pictures take minutes, and a browser.
        parse_only = parse_only or words[1].startswith(("benchmarks/", "docs/"))
        # There is no server here; tests/serving has one.
        parse_only = parse_only or "localhost" in " ".join(words)
        if parse_only or lacking or gone or tuple(words) in self.done:
            return
        if words[0] == "kerasgen":
            run_kerasgen(words)
        else:
            with self.monkeypatch.context() as patch:
                run_example(words, patch)
        if words[0] == "python" or words[1] in ("compare", "prove"):
            self.done.add(tuple(words))


@pytest.fixture
def reader(material, tmp_path, monkeypatch):
    """Makes the reader of a page, in a folder with all that the page does not write itself."""

    def make(name, text):
        written = set(re.findall(r"--out (\S+)", text))
        for path in material.iterdir():
            if path.is_file():
                shutil.copy(path, tmp_path)
            elif path.name not in written:
                shutil.copytree(path, tmp_path / path.name, symlinks=True)
        monkeypatch.chdir(tmp_path)
        short = dataclasses.replace(CONFIG, steps=2, validate_every=1)
        monkeypatch.setattr(options, "network_by_name", lambda text: Network(config=short))
        return Page(name, monkeypatch)

    return make


WITH_CODE = [page for page in PAGES if blocks_of(page)]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_says_can_be_done(page, reader):
    name = page.relative_to(ROOT).as_posix()
    does = reader(name, page.read_text(encoding="utf-8"))
    for block in blocks_of(page):
        try:
            does.do(block)
        except (Exception, SystemExit) as error:
            raise AssertionError(f"{block.where}: {error}\n{block.text}") from error
