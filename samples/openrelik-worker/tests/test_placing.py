"""Where inputs are put for the program to see."""

import os
from pathlib import Path

import pytest

from src import placing


@pytest.fixture
def placed(tmp_path, store):
    """Places files of the given (name, original path, source); what is where."""

    def place(*files):
        inputs = [store(name, original, source, content=str(number).encode())
                  for number, (name, original, source) in enumerate(files)]
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        arguments = placing.place(inputs, scratch)
        found = {str(it.relative_to(scratch)): it.read_text()
                 for it in scratch.rglob("*") if it.is_file()}
        return arguments, found

    return place


def test_paths_of_windows_and_of_linux_become_one_tree(placed):
    arguments, found = placed(
        ("a", "C:\\Users\\alice\\MetaData\\AB", 1), ("b", "/C/Users/alice/Content/AB", 1))
    assert arguments == ["C"]
    assert found == {"C/Users/alice/MetaData/AB": "0", "C/Users/alice/Content/AB": "1"}


def test_a_path_cannot_lead_out(placed):
    arguments, found = placed(
        ("a", "../../../etc/passwd", 1), ("b", "/x/..\\..\\y\0z", 1), ("../..", None, None))
    assert arguments == ["etc", "input", "x"]
    assert set(found) == {"etc/passwd", "x/y_z", "input"}


def test_trees_of_two_disks_keep_apart(placed):
    arguments, found = placed(("a", "/Users/x/AB", 3), ("a", "/Users/x/AB", 4))
    assert arguments == ["source-3", "source-4"]
    assert found == {"source-3/Users/x/AB": "0", "source-4/Users/x/AB": "1"}


def test_two_files_of_one_name_both_stay(placed):
    arguments, found = placed(("x.zip", None, 1), ("X.zip", None, 2), ("x.zip", "x.zip/y", 1))
    assert sorted(found.values()) == ["0", "1", "2"]
    assert arguments == ["X-3.zip", "x-2.zip", "x.zip"]


def test_an_option_is_no_file_name(placed):
    # The program gets `--` before the evidence.
    arguments, _ = placed(("--force", None, None))
    assert arguments == ["--force"]


def test_a_very_long_name_keeps_its_end(placed):
    _, found = placed(("ä" * 300 + ".zip", None, None))
    (name,) = found
    assert name.endswith("ä.zip") and len(os.fsencode(name)) <= placing.MAX_NAME


def test_where_links_are_forbidden_files_are_copied(placed, monkeypatch):
    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr(placing.os, "link", forbidden)
    _, found = placed(("a.zip", None, None))
    assert found == {"a.zip": "0"}


def test_a_link_is_used_where_it_can_be(tmp_path, store):
    it = store("a.zip", content=b"1")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    placing.place([it], scratch)
    assert (scratch / "a.zip").stat().st_ino == Path(it["path"]).stat().st_ino
