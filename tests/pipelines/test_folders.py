"""``kerasgen beam synthesize`` and its like: the folder that one process fills, on any workers."""

import functools
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pipelines.conftest import PROCESSES, run
from scene_files import tree

from kerasgen.annotations import FolderJob, IndexSet, SyntheticFolder, picture_name
from kerasgen.cli import command
from kerasgen.deployment import synthesis, synthesis_job, synthesize
from kerasgen.io.interruption import Stopped, Unfinished
from kerasgen.io.saved_model import open_saved_model
from kerasgen.io.sheets import save_png
from kerasgen.pipelines import fill_in_pipeline, folders, local_runner, running
from kerasgen.procedural import eyes_job


@pytest.fixture
def sources(tmp_path):
    for number in range(5):
        picture = np.random.default_rng(number).integers(0, 256, (20, 24, 3), np.uint8)
        save_png(tmp_path / f"sources/{number}.png", picture)
    (tmp_path / "sources/broken.png").write_bytes(b"no picture")
    return tmp_path / "sources"


@pytest.mark.parametrize("kind", ["generator", "refiner", "translator"])
def test_the_folder_is_that_of_synthesize(beam, models, sources, tmp_path, kind):
    words = ["synthesize", models[kind], "--seed", 3]
    words += ["--count", 70] if kind == "generator" else ["--sources", sources]
    assert run(*words, "--out", tmp_path / "once") == 0
    assert run("beam", *words, "--out", tmp_path / "beam") == 0
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")
    assert {"settings.json", "sheet.png", "metadata.jsonl", "README.md"} <= set(
        tree(tmp_path / "beam")
    )


def test_the_folders_of_eyes_and_smoke_are_the_same_too(beam, sources, tmp_path):
    for words in (["eyes", "--count", 70, "--size", 16], ["smoke", "--sources", sources, "--yolo"]):
        assert run(*words, "--out", tmp_path / "once" / words[0]) == 0
        assert run("beam", *words, "--out", tmp_path / "beam" / words[0]) == 0
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")


@pytest.mark.slow
def test_the_folder_is_the_same_on_two_processes(beam, models, tmp_path):
    words = ["synthesize", models["generator"], "--count", 200]
    assert run(*words, "--out", tmp_path / "once") == 0
    flags = ["--", *PROCESSES, "--direct_num_workers=2"]
    assert run("beam", *words, "--out", tmp_path / "beam", *flags) == 0
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")


def test_the_folder_is_the_same_through_the_job_service_of_flink_and_spark(beam, tmp_path):
    from apache_beam.runners.portability.local_job_service import LocalJobServicer

    service = LocalJobServicer(staging_dir=str(tmp_path / "staging"))
    endpoint = f"--job_endpoint=localhost:{service.start_grpc_server()}"
    flags = ["--", "--runner=PortableRunner", endpoint, "--environment_type=LOOPBACK"]
    words = ["eyes", "--count", 200, "--size", 16]
    assert run(*words, "--out", tmp_path / "once") == 0
    assert run("beam", *words, "--out", tmp_path / "beam", *flags) == 0
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")


def test_blocks_that_are_there_are_not_made_again(beam, models, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "BLOCK", 4)
    prepare = functools.partial(synthesis_job, models["generator"], count=30)
    synthesize(models["generator"], tmp_path / "once", count=30)
    job = prepare(folder=tmp_path / "beam")
    blocks = job.begin()
    for number in (0, 1, 5):
        blocks(number)
    (tmp_path / "beam" / picture_name(1)).unlink()
    made = []
    write = SyntheticFolder.write_block

    def noted(self, entries):
        made.extend(entry.row.index for entry in entries)
        write(self, entries)

    monkeypatch.setattr(SyntheticFolder, "write_block", noted)
    seen = []
    fill_in_pipeline(
        functools.partial(prepare, folder=tmp_path / "beam"),
        report=lambda done, of: seen.append((done, of)),
    )
    assert sorted({index // 4 for index in made}) == [0, 2, 3, 4, 6, 7]
    assert seen[0] == (11, 30) and seen[-1] == (30, 30)
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")


def test_a_stopped_pipeline_says_what_is_missing_and_goes_on(beam, tmp_path, monkeypatch):
    prepare = functools.partial(eyes_job, tmp_path / "beam", 640, size=16)
    eyes_job(tmp_path / "once", 640, size=16).fill()
    write = SyntheticFolder.write_block

    def slow(self, entries):
        if entries[0].row.index == 64:
            os.kill(os.getpid(), signal.SIGTERM)
        write(self, entries)
        time.sleep(0.3)

    monkeypatch.setattr(SyntheticFolder, "write_block", slow)
    with pytest.raises(Stopped, match=r"SIGTERM: stopped. \d+ of 640 .* Run the same command"):
        fill_in_pipeline(prepare)
    monkeypatch.undo()
    assert 64 < len(prepare().begin().missing()) < 640
    fill_in_pipeline(prepare)
    assert tree(tmp_path / "beam") == tree(tmp_path / "once")


@pytest.mark.slow
def test_a_signal_stops_the_processes_too(beam, tmp_path):
    words = ["beam", "eyes", "--count", "200000", "--size", "64", "--out", str(tmp_path / "eyes")]
    flags = ["--", *PROCESSES, "--direct_num_workers=2"]
    line = [sys.executable, "-m", "kerasgen.cli", *words, *flags]
    # A terminal's Ctrl-C reaches all processes of the group.
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("eyes/images/*.png")) and time.monotonic() < until:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "SIGINT: stopped." in error and "Run the same command again" in error
    assert "Traceback" not in error and not (tmp_path / "eyes/.parts/stop.tmp").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_failure_names_its_reason_and_keeps_what_is_made(beam, tmp_path, monkeypatch):
    def broken(self, entries):
        raise ValueError("the disk is full")

    monkeypatch.setattr(SyntheticFolder, "write_block", broken)
    with pytest.raises(Unfinished, match="failed: .*the disk is full.* 70 of 70 pict"):
        fill_in_pipeline(functools.partial(eyes_job, tmp_path / "eyes", 70, size=16))


def test_a_worker_that_sees_another_folder_fails(beam, tmp_path, monkeypatch):
    # As on a machine that does not have the file system.
    begin = FolderJob.begin

    def begun_elsewhere(self):
        blocks = begin(self)
        (tmp_path / "eyes/settings.json").unlink()
        return blocks

    monkeypatch.setattr(FolderJob, "begin", begun_elsewhere)
    with pytest.raises(Unfinished, match="does not see the folder that was begun"):
        fill_in_pipeline(functools.partial(eyes_job, tmp_path / "eyes", 70, size=16))


def test_no_model_is_pickled_and_each_process_loads_it_once(beam, models, tmp_path, monkeypatch):
    prepare = functools.partial(synthesis_job, models["generator"], tmp_path / "out", count=70)
    assert len(pickle.dumps(prepare)) < 1000
    calls = []
    monkeypatch.setattr(
        "kerasgen.deployment.served_model.open_saved_model",
        lambda *arguments: calls.append(arguments) or open_saved_model(*arguments),
    )
    fill_in_pipeline(prepare)
    # Once to check the arguments, and once in the worker.
    assert len(calls) == 2


@pytest.mark.parametrize("flag", ["--out", "--sources", "MODEL"])
def test_a_url_is_refused_by_name(models, tmp_path, capsys, flag):
    given = {"MODEL": models["refiner"], "--out": tmp_path / "out", "--sources": tmp_path}
    given[flag] = "gs://bucket/folder"
    words = [given.pop("MODEL"), *(word for pair in given.items() for word in pair)]
    assert run("beam", "synthesize", *words) == 1
    assert "file system that all of them share" in (error := capsys.readouterr().err)
    assert "gs://bucket/folder" in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [["--direct_workers=2"], ["FlinkRunner"]])
def test_an_unknown_flag_of_the_pipeline_is_refused(beam, tmp_path, capsys, flags):
    assert run("beam", "eyes", "--out", tmp_path / "out", "--", *flags) == 1
    assert f"Received: {flags[0]}" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_without_beam_the_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert run("beam", "eyes", "--out", tmp_path / "out") == 1
    assert "pip install 'kerasgen-zoo[beam]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_flags_of_both_are_told_apart():
    words = ["beam", "synthesize", "MODEL", "--out", "DIR", "--count", "3"]
    parsed = command._parser().parse_args([*words, "--", "--runner=FlinkRunner", "--parallelism=4"])
    assert parsed.pipeline == ["--runner=FlinkRunner", "--parallelism=4"] and parsed.count == 3
    assert command._parser().parse_args(words).pipeline == []
    with pytest.raises(SystemExit):
        command._parser().parse_args([*words, "--runner=FlinkRunner"])


def test_every_flag_of_a_command_is_one_of_its_pipeline():
    parser = command._parser()
    own = {name: parsers(parser)[name] for name in ("synthesize", "smoke", "eyes")}
    for name, alone in own.items():
        in_pipeline = options(parsers(parsers(parser)["beam"])[name])
        assert options(alone) - in_pipeline <= {"--workers"} and in_pipeline <= options(alone)


def parsers(parser):
    (found,) = [each for each in parser._actions if hasattr(each, "choices") and each.choices]
    return found.choices


def options(parser):
    return {option for each in parser._actions for option in each.option_strings or [each.dest]}


@pytest.mark.parametrize("numbers", [[], [0], [1, 2, 3, 7, 9, 10], list(range(2500))])
def test_runs_hold_every_block_once(numbers):
    members = np.zeros(3000, bool)
    members[numbers] = True
    runs = list(folders._runs(IndexSet(members)))
    assert [number for first, last in runs for number in range(first, last)] == numbers
    assert all(0 < last - first <= folders._LONGEST_RUN for first, last in runs)


def test_a_killed_worker_process_is_noticed(tmp_path):
    workers = local_runner.WorkerProcesses(tmp_path)
    assert not workers.are_lost()
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / "begun").write_text(f"{os.getpid()}\n{ended.pid}\n")
    assert workers.are_lost()
    # As the worker says itself.
    (tmp_path / "ended").write_text(f"{ended.pid}\n")
    assert not workers.are_lost()


def test_a_worker_stops_when_it_is_told(tmp_path):
    stop = running.StopFile(tmp_path / "stop")
    assert not stop.is_set()
    stop.write()
    assert stop.is_set()
    stop.clear()
    assert not stop.is_set()


def test_a_worker_ends_with_its_parent(tmp_path):
    code = local_runner._WORKER.partition("from apache_beam")[0] + "time.sleep(60)"
    for parent, status in ((os.getpid(), None), (1, 1)):
        with subprocess.Popen([sys.executable, "-c", code, "", str(parent)]) as worker:
            try:
                assert worker.wait(3) == status
            except subprocess.TimeoutExpired:
                assert status is None
            finally:
                worker.kill()
