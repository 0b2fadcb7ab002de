"""Small models and sets for the pipelines; most tests here need Beam."""

import pytest
from deployment.conftest import models

from kerasgen import cli

__all__ = ["models"]

PROCESSES = ["--direct_running_mode=multi_processing"]


def run(*words):
    return cli.run([str(word) for word in words])


@pytest.fixture
def beam():
    """Skips where Beam is not installed: it wants an older protobuf than ``[test]``."""
    return pytest.importorskip("apache_beam", reason="apache-beam is not installed: extra [beam]")


@pytest.fixture(scope="session")
def eyes(tmp_path_factory):
    """Folders of drawn eyes: clean ones, and noisy ones."""
    root = tmp_path_factory.mktemp("sets")
    assert run("eyes", "--count", 120, "--size", 24, "--out", root / "real") == 0
    noisy = ("--look", "camera", "--seed", 1)
    assert run("eyes", "--count", 90, "--size", 24, *noisy, "--out", root / "synthetic") == 0
    return root
