"""Files that are whole or not there, folders that can be written, and JSON a line."""

import os
import subprocess
import sys

import pytest

from kerasgen.io.files import (
    check_apart,
    check_writable,
    json_lines,
    read_json,
    replacing,
    write_file,
    write_files,
    write_json,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_replaced_file_is_hidden_until_it_is_whole(tmp_path):
    path = tmp_path / "new" / f"{'a' * 250}.png"
    with replacing(path) as partial:
        partial.write_bytes(b"new")
        # Some writers go by the ending.
        assert partial.suffix == ".png" and partial.name.startswith(".")
        assert partial.parent == path.parent and not path.exists()
    assert path.read_bytes() == b"new" and names(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_keeps_its_permissions(mode, tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    path.chmod(mode)
    write_file(path, b"new")
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_an_error_within_the_block_leaves_the_old_file_alone(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as partial:
        partial.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.txt"]


def test_files_that_belong_together_take_their_places_in_order_or_none_does(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in ("a.json", "b.html", "c/d.svg")]
    replace, replaced = os.replace, []

    def noted(source, target):
        replaced.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    write_files({path: b"1" for path in paths})
    assert replaced == paths
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"Cannot write.*Received: path='.*file/e'"):
        write_files({paths[0]: b"2", tmp_path / "file/e": b"2", paths[1]: b"2"})
    assert [path.read_bytes() for path in paths] == [b"1"] * 3
    assert names(tmp_path) == ["a.json", "b.html", "c", "file"]


def test_a_folder_is_tried_and_left_as_it_was(tmp_path):
    for folder in (tmp_path, tmp_path / "new", tmp_path / "new/deep"):
        check_writable(folder)
    assert names(tmp_path) == []
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ValueError, match=f"cannot be written.*Received: folder='{folder}'"):
            check_writable(folder)


def test_a_read_only_folder_is_refused(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(ValueError, match="cannot be written.*Permission denied"):
        check_writable(tmp_path / "new")


def test_json_is_read_a_line_at_a_time_and_a_bad_line_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    write_file(path, b'{"a": 1}\n{"a": "\xc3\xa4"}\n[1]\n')
    rows = json_lines(path)
    assert next(rows) == ({"a": 1}, b'{"a": 1}\n', f"path={str(path)!r}, line=1")
    assert next(rows)[0] == {"a": "ä"}
    with pytest.raises(ValueError, match=r"no JSON object.*rows\.jsonl', line=3"):
        next(rows)
    with pytest.raises(ValueError, match="No access.*Received: path="):
        next(json_lines(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"Cannot be read.*Received: path='.*none'"):
        read_json(tmp_path / "none")


def test_what_is_read_and_what_is_written_lie_apart(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "in")
    check_apart(tmp_path / "in-2", sources=tmp_path / "in", gate=None)
    for folder, relation in (("in", "is the folder of"), ("link/out", "lies within")):
        with pytest.raises(ValueError, match=f"{relation} `sources`.*Received: folder=.*sources="):
            check_apart(tmp_path / folder, sources=tmp_path / "in")
    with pytest.raises(ValueError, match="contains `sources`"):
        check_apart(tmp_path, sources=tmp_path / "in")


def test_what_a_killed_process_left_is_removed(tmp_path):
    code = (
        "import os, signal, sys\nfrom kerasgen.io.files import hidden_path, replacing\n"
        "hidden_path(sys.argv[1]).mkdir()\n"
        "with replacing(sys.argv[1] + '/a.txt') as partial:\n"
        "    partial.touch()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    assert len(names(tmp_path)) == 2
    with replacing(tmp_path / "b.txt") as other:
        other.touch()
        write_file(tmp_path / "a.txt", b"whole")
        # That of a living process stays.
        assert names(tmp_path) == [other.name, "a.txt"]
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_blank_lines_are_skipped_and_keep_their_numbers(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(b'\n{"a": 1}\n\r\n{"a": 2}\n\n')
    found = list(json_lines(tmp_path / "rows.jsonl"))
    assert [fields["a"] for fields, _, _ in found] == [1, 2]
    assert [location[-6:] for _, _, location in found] == ["line=2", "line=4"]


def test_names_that_are_not_unicode_survive_as_json(tmp_path):
    write_json(tmp_path / "a.json", {"path": "caf\udce9"})
    assert read_json(tmp_path / "a.json") == {"path": "caf\udce9"}
