"""Submits a chord (explain each hand-over, then merge), kills a worker in the
middle of a task, and compares what comes out with the run of one machine.

Runs in the environment of the worker; run.py calls it.
"""

import argparse
import base64
import json
import os
import signal
import threading
import time
from pathlib import Path

from celery import chord
from src import app, tasks

QUEUE = "openrelik-worker-whychain"
# Longer than a slow machine needs for all cases; then something hangs.
PATIENCE = 600
# One in so many cases is done before the worker is killed.
DONE_BEFORE = 8


class Events:
    """What the workers tell: who began which task, who finished it."""

    def __init__(self):
        self.began, self.ended, self.progress = {}, {}, 0
        self.stopped = False
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with app.celery.connection_for_read() as connection:
            handlers = {"task-started": self.on_began, "task-succeeded": self.on_ended,
                        "task-progress": self.on_progress}
            receiver = app.celery.events.Receiver(connection, handlers=handlers)
            while not self.stopped:
                try:
                    receiver.capture(limit=None, timeout=1, wakeup=False)
                except TimeoutError:
                    pass

    def on_began(self, event):
        self.began.setdefault(event["uuid"], []).append(event["hostname"])

    def on_ended(self, event):
        self.ended.setdefault(event["uuid"], []).append(event["hostname"])

    def on_progress(self, event):
        self.progress += 1

    def in_the_middle(self, worker):
        """A task that this worker has begun and nobody has ended."""
        for uuid, workers in list(self.began.items()):
            if workers[-1] == worker and uuid not in self.ended:
                return uuid
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evidence", type=Path)
    parser.add_argument("alone", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--kill", type=int, required=True, help="process group of worker a")
    arguments = parser.parse_args()
    arguments.output.mkdir()

    events = Events()
    wait_for_workers(2)
    files = sorted(arguments.evidence.iterdir())
    began = time.monotonic()
    result = submit(files, arguments.output)
    lost = kill(arguments.kill, events, len(files) // DONE_BEFORE)
    merged = result.get(timeout=PATIENCE, interval=0.2)
    took = time.monotonic() - began
    time.sleep(1)  # the last events
    events.stopped = True

    check(events.progress > 0, "no progress was told")
    check("a@whychain" not in events.ended.get(lost, []), "the killed worker ended its task")
    check("b@whychain" in events.ended.get(lost, []), "the lost task was not run again")
    same = compare(result, merged, files, arguments.alone)
    print(f"celery run: {len(files)} hand-overs in {took:.0f} s; worker a killed in the middle of "
          f"a task, which b ran again; {same} reports and fleet.json are byte for byte those of "
          f"one machine; {events.progress} progress events")


def submit(files, output):
    """The chord, as OpenRelik makes it of two parallel parts and what follows."""
    def options(task, **config):
        return task.signature(kwargs={"output_path": str(output), "workflow_id": "fleet",
                                      "task_config": config}, queue=QUEUE)

    header = []
    for file in files:
        part = options(tasks.explain, keep_going=True)
        part.kwargs["input_files"] = [{"uuid": file.stem, "path": str(file), "id": None,
                                       "display_name": file.name, "original_path": None}]
        header.append(part)
    return chord(header)(options(tasks.merge))


def kill(group, events, done_before):
    """Kills worker a while it is at a task, when others are done; the task."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if len(events.ended) >= done_before and events.in_the_middle("a@whychain"):
            # Held still, so that what its events say is so when it dies.
            os.killpg(group, signal.SIGSTOP)
            time.sleep(0.5)
            lost = events.in_the_middle("a@whychain")
            if lost:
                os.killpg(group, signal.SIGKILL)
                return lost
            os.killpg(group, signal.SIGCONT)
        time.sleep(0.01)
    raise SystemExit("no worker was ever at a task")


def compare(result, merged, files, alone):
    """Compares all that was written; the number of reports that are the same."""
    same = 0
    for file, part in zip(files, result.parent.results):
        found = [it for it in decoded(part.get())["output_files"]
                 if it["data_type"] == "whychain:report:json"]
        expected = alone / "reports" / f"{file.stem}.json"
        check(bool(found) == expected.exists(), f"{file.name}: explained by one and not the other")
        if found:
            ours = Path(found[0]["path"]).read_bytes()
            check(ours == expected.read_bytes(), f"{file.name}: the reports differ")
            same += 1
    fleet = [it for it in decoded(merged)["output_files"]
             if it["data_type"] == "whychain:fleet:json"]
    ours = Path(fleet[0]["path"]).read_bytes()
    check(ours == (alone / "fleet.json").read_bytes(), "fleet.json differs")
    return same


def decoded(result):
    return json.loads(base64.b64decode(result))


def wait_for_workers(count):
    for _ in range(60):
        if len(app.celery.control.ping(timeout=1)) >= count:
            return
    raise SystemExit("the workers do not answer")


def check(holds, why):
    if not holds:
        raise SystemExit(f"celery run failed: {why}")


if __name__ == "__main__":
    main()
