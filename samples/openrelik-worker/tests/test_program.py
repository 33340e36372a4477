"""How the program is run and how its end is understood."""

from pathlib import Path

import pytest

from conftest import SAMPLES
from src import program, telling


def test_an_exit_status_that_means_nothing_is_a_crash(tmp_path, monkeypatch):
    broken = tmp_path / "whychain"
    broken.write_text("#!/bin/sh\necho thread panicked >&2\nexit 101\n")
    broken.chmod(0o755)
    monkeypatch.setattr(program, "PROGRAM", str(broken))
    with pytest.raises(program.Crashed, match="101: thread panicked"):
        program.run("explain", [], tmp_path, lambda report: None)


def test_the_statuses_of_the_program_are_told_apart(tmp_path):
    def status(sample):
        evidence = str(SAMPLES / sample / "client.pcapng")
        return program.run("explain", [evidence], tmp_path, lambda report: None).status

    assert status("healthy-through-proxy") == program.NOTHING_FAILED
    assert status("leaf-expired") == program.EXPLAINED
    assert status("capture-hole") == program.UNDETERMINED
    assert status("there-is-no-such-sample") == program.COULD_NOT_RUN


def test_a_task_that_is_stopped_ends_the_program(tmp_path, monkeypatch):
    endless = tmp_path / "whychain"
    endless.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid\n"
        "echo '{\"what\":\"a\",\"done\":1,\"total\":2}' >&2\nexec sleep 600\n")
    endless.chmod(0o755)
    monkeypatch.setattr(program, "PROGRAM", str(endless))

    def stop(report):
        raise SystemExit

    with pytest.raises(SystemExit):
        program.run("explain", [], tmp_path, stop)
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_only_reports_of_progress_are_taken_for_such():
    assert program.progress_report('{"what":"a","done":1,"total":2}\n')["done"] == 1
    assert program.progress_report("{not json\n") is None
    assert program.progress_report('{"other":1}\n') is None
    assert program.progress_report("whychain: wrote x (clean)\n") is None


def test_text_of_evidence_cannot_break_a_table():
    assert telling.cell("a|b\n<img src=x> `c`") == "a\\|b &lt;img src=x&gt; \\`c\\`"
