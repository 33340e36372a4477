"""The task that merges, fed with what the task that explains gave."""

import base64
import json
from pathlib import Path

import pytest
from openrelik_worker_common.reporting import Priority

from conftest import SAMPLES
from src import tasks

CASES = ("healthy-through-proxy", "leaf-expired", "proxy-login-407")


@pytest.fixture
def run(output, monkeypatch):
    """Runs a task; its result as Celery passes it on."""
    for task in (tasks.explain, tasks.merge):
        monkeypatch.setattr(task, "send_event", lambda kind, **fields: None)

    def run(task, pipe_result=None, input_files=None, **config):
        return task.apply(kwargs={
            "pipe_result": pipe_result, "input_files": input_files, "output_path": str(output),
            "workflow_id": "w1", "task_config": config}).get()

    return run


@pytest.fixture
def explained(run, store):
    """The results of a group of tasks, one for each case."""
    return [run(tasks.explain, input_files=[store(SAMPLES / case / "client.pcapng")])
            for case in CASES]


def decoded(result):
    return json.loads(base64.b64decode(result))


def fleet(result):
    (found,) = [it for it in decoded(result)["output_files"]
                if it["data_type"] == "whychain:fleet:json"]
    return Path(found["path"]).read_bytes()


def test_the_results_of_a_group_are_all_merged(run, explained):
    result = run(tasks.merge, explained)
    merged = json.loads(fleet(result))
    assert merged["reports"] == 3
    assert {it["cause"] for it in merged["causes"]} == {"leaf-expired", "proxy-auth-required"}
    told = decoded(result)["task_report"]
    assert told["priority"] == Priority.HIGH
    assert "3 reports" in told["summary"]
    assert "|proxy-auth-required|1|1|" in told["content"]
    assert "PC-0415" in told["content"]
    names = [it["display_name"] for it in decoded(result)["output_files"]]
    assert names == ["fleet.json", "fleet.html", "fleet.csv"]


def test_the_order_of_a_group_does_not_matter(run, explained):
    assert fleet(run(tasks.merge, explained)) == fleet(run(tasks.merge, explained[::-1]))


def test_a_task_of_many_cases_is_merged_as_well(run, store):
    inputs = [store(SAMPLES / case / "client.pcapng") for case in CASES]
    piped = run(tasks.explain, input_files=inputs, each=True)
    merged = json.loads(fleet(run(tasks.merge, piped)))
    assert merged["reports"] == 3


def test_a_fleet_is_merged_with_late_reports(run, explained):
    first = run(tasks.merge, explained[:2])
    late = run(tasks.merge, [first, explained[2]])
    assert fleet(late) == fleet(run(tasks.merge, explained))


def test_other_files_are_passed_over(run, store, explained):
    with pytest.raises(RuntimeError, match="no JSON report"):
        run(tasks.merge, input_files=[store("notes.txt", content=b"x")])
    # A broken report is named; the rest is merged.
    (report,) = [it for it in decoded(explained[0])["output_files"]
                 if it["display_name"].endswith(".json")]
    broken = store("broken.json", content=b'{"schema": "whychain.report/1", "verd')
    result = run(tasks.merge, input_files=[report, broken])
    assert json.loads(fleet(result))["reports"] == 1
    assert "broken.json" in decoded(result)["task_report"]["content"]
