"""The task that explains, run as Celery runs it, with the built program."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from openrelik_worker_common.reporting import Priority

from conftest import SAMPLES
from src import tasks

THREAD = SAMPLES / "root-update-2011"
HEALTHY = SAMPLES / "healthy-through-proxy/client.pcapng"


@pytest.fixture
def run(output, monkeypatch):
    """Runs the task; its result, and the events it sent."""
    sent = []
    monkeypatch.setattr(tasks.explain, "send_event",
                        lambda kind, **fields: sent.append((kind, fields["data"])))

    def run(input_files, **config):
        outcome = tasks.explain.apply(kwargs={
            "input_files": input_files, "output_path": str(output),
            "workflow_id": "w1", "task_config": config})
        return json.loads(base64.b64decode(outcome.get())), sent

    return run


def read(result, data_type):
    found = [it for it in result["output_files"] if it["data_type"] == data_type]
    return [Path(it["path"]).read_text("utf-8") for it in found]


def test_a_case_becomes_four_files_and_a_report(run, store):
    inputs = [store(THREAD / "client.pcapng"), store(THREAD / "caches.zip")]
    result, _ = run(inputs)
    names = [it["display_name"] for it in result["output_files"]]
    assert names == ["case.whychain.json", "case.whychain.html", "case.whychain.md",
                     "case.whychain.jsonl"]
    report = json.loads(read(result, "whychain:report:json")[0])
    stored = json.loads((THREAD / "report.json").read_text("utf-8"))
    assert report["verdict"] == stored["verdict"]
    assert report["issues"] == stored["issues"]
    assert result["workflow_id"] == "w1"
    told = result["task_report"]
    assert told["summary"] == stored["verdict"]["sentence"]
    assert told["priority"] == Priority.HIGH
    assert "## What to do" in told["content"]
    assert "## The chain" not in told["content"]


def test_each_line_for_timesketch_has_the_fields_it_asks_for(run, store):
    result, _ = run([store(HEALTHY)])
    lines = [json.loads(it) for it in read(result, "whychain:timeline:timesketch")[0].splitlines()]
    assert lines
    assert all({"message", "datetime", "timestamp_desc"} <= set(line) for line in lines)


def test_the_original_path_tells_whose_cache_it_was(run, store):
    cache = SAMPLES / "stale-copy/cryptnet"
    files = sorted(it for it in cache.rglob("*") if it.is_file())
    inputs = [store(it, "C:\\" + str(it.relative_to(cache / "C")).replace("/", "\\"), 7)
              for it in files]
    result, _ = run(inputs)
    report = json.loads(read(result, "whychain:report:json")[0])
    owners = [it["owner"] for it in report["cache_entries"]]
    assert owners == [{"kind": "user", "name": "alice"}]
    # The same files with nothing said of their origin are nobody's.
    bare, _ = run([it | {"original_path": None} for it in inputs])
    report = json.loads(read(bare, "whychain:report:json")[0])
    assert not [it for it in report["cache_entries"] if it["owner"]["kind"] == "user"]


def test_inputs_stay_as_they_were_and_nothing_is_left_behind(run, store, output):
    inputs = [store(THREAD / "client.pcapng"), store(THREAD / "caches.zip")]
    state = [(hashlib.sha256(Path(it["path"]).read_bytes()).hexdigest(),
              Path(it["path"]).stat().st_mtime_ns) for it in inputs]
    result, _ = run(inputs)
    assert state == [(hashlib.sha256(Path(it["path"]).read_bytes()).hexdigest(),
                      Path(it["path"]).stat().st_mtime_ns) for it in inputs]
    assert {it.name for it in output.iterdir()} == {
        Path(it["path"]).name for it in result["output_files"]}


def test_progress_is_told_in_bytes_and_cases(run, store):
    _, sent = run([store(HEALTHY), store(THREAD / "client.pcapng")], each=True)
    assert {kind for kind, _ in sent} == {"task-progress"}
    last = sent[-1][1]
    size = (THREAD / "client.pcapng").stat().st_size
    assert (last["case"], last["cases"], last["done"], last["total"]) == (2, 2, size, size)


def test_each_input_is_a_case_of_its_own(run, store):
    bad = store("broken.zip", content=b"PK\x03\x04" + bytes(26))
    inputs = [store(HEALTHY), store(THREAD / "client.pcapng"), bad]
    result, _ = run(inputs, each=True)
    reports = [json.loads(it) for it in read(result, "whychain:report:json")]
    assert [it["verdict"]["state"] for it in reports][0] == "clean"
    assert result["meta"]["broken"] == "unreadable"
    assert "1 unreadable" in result["task_report"]["summary"]
    assert [it["input_file_uuid"] for it in result["file_reports"]] == [
        inputs[0]["uuid"], inputs[1]["uuid"]]
    # Two inputs of one name keep their reports apart.
    names = [it["display_name"] for it in result["output_files"]]
    assert len(set(names)) == len(names) == 8


def test_a_clean_case_is_not_urgent(run, store):
    result, _ = run([store(HEALTHY)])
    assert result["task_report"]["priority"] == Priority.INFO


def test_nothing_readable_fails_the_task_unless_it_is_to_keep_going(run, store):
    bad = store("broken.zip", content=b"PK\x03\x04" + bytes(26))
    with pytest.raises(RuntimeError, match="broken"):
        run([bad])
    result, _ = run([bad], keep_going=True)
    assert result["output_files"] == []
    assert result["task_report"]["priority"] == Priority.MEDIUM


def test_the_question_reaches_the_program_and_a_password_no_log(run, store):
    result, _ = run([store(HEALTHY)], site="shop.lab.example", password="hunter2")
    assert "--site shop.lab.example" in result["command"]
    assert "hunter2" not in json.dumps(result)


def test_what_is_shared_names_no_machine(run, store):
    result, _ = run([store(SAMPLES / "proxy-login-407/client.pcapng")], share=True)
    assert "PC-0415" not in "".join(read(result, "whychain:report:json"))
