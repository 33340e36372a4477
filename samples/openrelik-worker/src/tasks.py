"""The two tasks: explain cases, merge their reports."""

import tempfile
from pathlib import Path, PurePosixPath

from celery import signals
from celery.utils.log import get_task_logger
from openrelik_common import telemetry
from openrelik_common.logging import Logger
from openrelik_worker_common.file_utils import OutputFile, create_output_file
from openrelik_worker_common.reporting import serialize_file_report
from openrelik_worker_common.task_utils import create_task_result, get_input_files

from . import merged, placing, program, telling
from .app import celery

EXPLAIN_NAME = "openrelik-worker-whychain.tasks.explain"
MERGE_NAME = "openrelik-worker-whychain.tasks.merge"

# Name of the data type, extension of the file: the forms a case is written in.
FORMS = {
    "whychain:report:json": "json",
    "whychain:report:html": "html",
    "whychain:report:markdown": "md",
    "whychain:timeline:timesketch": "jsonl",
}

# The reports that may be merged: those of cases, and merged ones again.
MERGEABLE = {"data_types": ["whychain:report:json", "whychain:fleet:json"],
             "filenames": ["*.json"]}


def field(name: str, label: str, description: str, kind: str = "text") -> dict:
    """A field of the form that is shown before a task is started."""
    return {"name": name, "label": label, "description": description,
            "type": kind, "required": False}


EXPLAIN_METADATA = {
    "display_name": "whychain: explain",
    "description": "Why did certificate validation fail on this machine, at this time? Reads "
                   "packet captures, CryptnetUrlCache folders, event logs, hives, and zips of them",
    "task_config": [
        field("each", "One case for each input",
              "Each input file is a hand-over of its own. Otherwise all are one case", "checkbox"),
        field("site", "Site", "This server's failure first, or why nothing can be said of it"),
        field("from", "From", "Only facts from this time on, as 2026-11-21T08:00:00Z"),
        field("to", "To", "Only facts up to this time"),
        field("password", "Password", "Password of encrypted zips"),
        field("share", "For people outside", "Pseudonyms for machines, users, sites and addresses",
              "checkbox"),
        field("keep_going", "Keep going",
              "A task whose evidence is all unreadable succeeds, and its report says so: a "
              "workflow of many hand-overs goes on to the merge", "checkbox"),
    ],
}

MERGE_METADATA = {
    "display_name": "whychain: merge",
    "description": "The answer of a fleet: which machines failed for which cause, who still holds "
                   "which list, how the repair spread. Reads the JSON reports of whychain: explain",
    "task_config": [],
}

log_root = Logger()
logger = log_root.get_logger(__name__, get_task_logger(__name__))


@signals.task_prerun.connect
def on_task_prerun(sender, task_id, task, args, kwargs, **_):
    """Puts the task and its workflow beside each line of the log."""
    log_root.bind(task_id=task_id, task_name=task.name, worker_name="whychain",
                  workflow_id=kwargs.get("workflow_id"))


@celery.task(bind=True, name=EXPLAIN_NAME, metadata=EXPLAIN_METADATA)
def explain(self, pipe_result: str | None = None, input_files: list[dict] | None = None,
            output_path: str | None = None, workflow_id: str | None = None,
            task_config: dict | None = None) -> str:
    """Explains its input files as one case, or each as a case of its own.

    A case is written as JSON, HTML, Markdown and Timesketch lines. Raises when
    nothing at all could be read, unless `keep_going` is chosen.
    """
    config = task_config or {}
    inputs = inputs_of(pipe_result, input_files)
    if not inputs:
        raise RuntimeError("no input files")
    telemetry.add_attribute_to_current_span("task_config", without_password(config))
    cases = [[it] for it in inputs] if config.get("each") else [inputs]
    output, told, written, reports, commands = Path(output_path), [], [], [], []
    markdown: dict[str, str] = {}
    for number, (name, case) in enumerate(zip(names_of(cases), cases)):
        at = {"case": number + 1, "cases": len(cases)}
        files, run = explained(case, name, output, options(config),
                               lambda report: progress(self, at | report))
        commands.append(run.command)
        if run.status == program.COULD_NOT_RUN:
            told.append(telling.Case.unreadable(name, run))
            continue
        told.append(telling.Case.explained(name, Path(files[0].path)))
        written += files
        markdown[name] = Path(files[2].path).read_text("utf-8")
        if len(case) == 1:
            report = told[-1].report(markdown[name])
            reports.append(serialize_file_report(case[0], files[2], report))
    if not written and not config.get("keep_going"):
        raise RuntimeError("\n".join(f"{it.name}: {it.sentence}" for it in told))
    return create_task_result(
        output_files=[file.to_dict() for file in written], workflow_id=workflow_id,
        command="\n".join(commands), meta={it.name: it.title() for it in told},
        file_reports=reports, task_report=telling.of_cases(told, markdown).to_dict())


def explained(case: list[dict], name: str, output: Path, words: list[str],
              tell) -> tuple[list[OutputFile], program.Run]:
    """Runs whychain on one case; its files in the order of `FORMS`."""
    source = case[0].get("id") if len(case) == 1 else None
    files = [create_output_file(str(output), display_name=f"{name}.whychain.{extension}",
                                data_type=data_type, source_file_id=source)
             for data_type, extension in FORMS.items()]
    outputs = [word for file in files for word in ("-o", file.path)]
    with tempfile.TemporaryDirectory(dir=output, prefix=".whychain-") as scratch:
        evidence = placing.place(case, Path(scratch))
        run = program.run("explain", [*words, *outputs, "--", *evidence], Path(scratch), tell)
    logger.info(f"{name}: status {run.status}")
    return files, run


@celery.task(bind=True, name=MERGE_NAME, metadata=MERGE_METADATA)
def merge(self, pipe_result: str | list[str] | None = None,
          input_files: list[dict] | None = None, output_path: str | None = None,
          workflow_id: str | None = None, task_config: dict | None = None) -> str:
    """Merges the JSON reports among its input files into the answer of a fleet."""
    inputs = inputs_of(pipe_result, input_files, MERGEABLE)
    if not inputs:
        raise RuntimeError("no JSON report of whychain among the input files")
    output = Path(output_path)
    files, run = merged.merge(inputs, output, lambda report: progress(self, report))
    if run.status == program.COULD_NOT_RUN:
        raise RuntimeError(run.talk)
    return create_task_result(
        output_files=[file.to_dict() for file in files], workflow_id=workflow_id,
        command=run.command, meta={"reports": len(inputs)},
        task_report=merged.report(Path(files[0].path)).to_dict())


def inputs_of(pipe_result: str | list[str] | None, input_files: list[dict] | None,
              wanted: dict | None = None) -> list[dict]:
    """The files of the task before, or those that the workflow began with.

    After a group of tasks there are several results. They are asked one by one:
    given a list, `get_input_files` of 0.17.2 (the last for Python 3.11) returns
    the files of the last alone; 0.17.6 returns all.
    """
    results = pipe_result if isinstance(pipe_result, list) else [pipe_result]
    return [file for result in results
            for file in get_input_files(result, input_files or [], filter=wanted)]


def options(config: dict) -> list[str]:
    """The options that the form asks for."""
    words = []
    for name in ("site", "from", "to", "password"):
        value = str(config.get(name) or "").strip()
        if value:
            words += [f"--{name}", value]
    return words + (["--share"] if config.get("share") else [])


def without_password(config: dict) -> dict:
    """What was asked, fit for a log."""
    return {name: value for name, value in config.items() if name != "password"}


def names_of(cases: list[list[dict]]) -> list[str]:
    """A name for the files of each case: that of its only input."""
    taken: set[str] = set()
    names = []
    for case in cases:
        shown = case[0].get("display_name") or case[0]["path"]
        name = PurePosixPath(shown).stem if len(case) == 1 else "case"
        name = str(placing.free(PurePosixPath(name or "case"), taken))
        taken.add(name.lower())
        names.append(name)
    return names


def progress(task, report: dict) -> None:
    """Tells the server how far the task is."""
    task.send_event("task-progress", data=report)
