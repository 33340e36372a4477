"""Runs whychain and passes on its progress."""

import json
import os
import shlex
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROGRAM = os.getenv("WHYCHAIN") or "whychain"

# What the exit status says (`whychain --help`).
NOTHING_FAILED, EXPLAINED, COULD_NOT_RUN, UNDETERMINED = 0, 1, 2, 3

# Lines of talk that are kept to tell why a run failed.
KEPT_LINES = 40


class Crashed(RuntimeError):
    """The program ended in a way it never ends by itself."""


@dataclass
class Run:
    """One run that ended: its exit status, its command line, what it said."""

    status: int
    command: str
    talk: str


def run(task: str, arguments: list[str], folder: Path,
        progress: Callable[[dict], None]) -> Run:
    """Runs a command of whychain in `folder` and calls `progress` with each of its
    reports: {"what": file, "done": bytes, "total": bytes}.

    The program is ended when the task is, whatever the reason.
    """
    command = [PROGRAM, task, "--progress", "json", "--color", "never", *arguments]
    talk: deque[str] = deque(maxlen=KEPT_LINES)
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
    try:
        for line in process.stderr:
            report = progress_report(line)
            if report:
                progress(report)
            else:
                talk.append(line.rstrip())
        status = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
    ended = Run(status, shlex.join(shown(command)), "\n".join(talk))
    if status not in (NOTHING_FAILED, EXPLAINED, COULD_NOT_RUN, UNDETERMINED):
        raise Crashed(f"whychain ended with status {status}: {ended.talk}")
    return ended


def progress_report(line: str) -> dict | None:
    """The report of progress that a line holds, if it is one."""
    if not line.startswith("{"):
        return None
    try:
        report = json.loads(line)
    except ValueError:
        return None
    return report if "done" in report and "total" in report else None


def shown(command: list[str]) -> list[str]:
    """The command line without its password, for logs and reports."""
    return ["***" if before == "--password" else word
            for before, word in zip([""] + command, command)]
