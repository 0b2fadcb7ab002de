"""The compose file and the JobSet of the page on many machines, as a cluster would read them."""

import json
import os
import re
import subprocess

import pytest
import yaml
from command_flags import check_flags
from markdown_files import ROOT

from kerasgen.training.workers import check_cluster

PAGE = ROOT / "docs" / "many_machines.md"
COMPOSE, JOBSET = (
    yaml.safe_load(text)
    for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
)
(JOB,) = JOBSET["spec"]["replicatedJobs"]
SPEC = JOB["template"]["spec"]
(CONTAINER,) = SPEC["template"]["spec"]["containers"]


def check_place(text, index, hosts, monkeypatch):
    """A ``TF_CONFIG`` names all hosts and says that this is one of them."""
    config = json.loads(text)
    assert [each.partition(":")[0] for each in config["cluster"]["worker"]] == hosts
    assert config["task"] == {"type": "worker", "index": index}
    monkeypatch.setenv("TF_CONFIG", text)
    check_cluster()


def test_each_service_of_the_compose_file_is_one_worker(monkeypatch):
    services = COMPOSE["services"]
    for index, service in enumerate(services.values()):
        check_place(service["environment"]["TF_CONFIG"], index, list(services), monkeypatch)
        check_flags(service["command"], monkeypatch)
        assert service["volumes"] and "--strategy=multiworker" in service["command"]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_pods_of_the_jobset_make_their_configuration(count, monkeypatch):
    script, command = CONTAINER["args"][0].split("exec ")
    assert SPEC["completions"] == SPEC["parallelism"] == int(CONTAINER["env"][0]["value"])
    name = JOBSET["metadata"]["name"]
    hosts = [f"{name}-{JOB['name']}-0-{index}.{name}" for index in range(count)]
    for index in range(count):
        place = {"WORKERS": str(count), "JOBSET": name, "JOB_COMPLETION_INDEX": str(index)}
        shown = subprocess.run(
            [*CONTAINER["command"], script + 'printf %s "$TF_CONFIG"'],
            env={**os.environ, **place},
            capture_output=True,
            text=True,
            check=True,
        )
        check_place(shown.stdout, index, hosts, monkeypatch)
    words = command.replace("\\\n", " ").split()
    check_flags(words, monkeypatch)
    assert "--strategy=multiworker" in words
