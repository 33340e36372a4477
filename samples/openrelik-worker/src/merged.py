"""Merges reports, and tells the answer of the fleet."""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from openrelik_worker_common.file_utils import OutputFile, create_output_file
from openrelik_worker_common.reporting import MarkdownTable, Priority, Report

from . import placing, program
from .telling import MAX_ROWS, URGENCY, cell

FORMS = {
    "whychain:fleet:json": "json",
    "whychain:fleet:html": "html",
    "whychain:fleet:csv": "csv",
}


MACHINE_ID = re.compile(r'\s*\{"id":\s*"(m\d+)"')


def merge(inputs: list[dict], output: Path,
          tell: Callable[[dict], None]) -> tuple[list[OutputFile], program.Run]:
    """Runs `whychain merge` on the reports; its files in the order of `FORMS`."""
    files = [create_output_file(str(output), display_name=f"fleet.{extension}",
                                data_type=data_type)
             for data_type, extension in FORMS.items()]
    outputs = [word for file in files for word in ("-o", file.path)]
    with tempfile.TemporaryDirectory(dir=output, prefix=".whychain-") as scratch:
        # The folder is named, not each file: a command line has a limit.
        reports = Path(scratch, "reports")
        placing.place([it | {"original_path": None} for it in inputs], reports)
        run = program.run("merge", [*outputs, "--", "reports"], Path(scratch), tell)
    return files, run


def report(fleet: Path) -> Report:
    """The report of the task, out of the fleet's JSON."""
    head, machines = read(fleet)
    report = Report(f"A fleet of {head['machine_count']} machines")
    states = {state: count for state, count in head["states"].items() if count}
    report.summary = f"{head['machine_count']} machines in {head['reports']} reports: " + ", ".join(
        f"{count} {state}" for state, count in states.items())
    report.priority = max((URGENCY.get(state, Priority.LOW) for state in states),
                          default=Priority.INFO)
    section = report.add_section()
    section.add_paragraph(report.summary)
    table(section, "Causes", ["Cause", "Machines", "Incidents", "First", "Where"], (
        (it["cause"] or "not determined", it["machines"], it["incidents"],
         it["patient_zero"]["at"] or "", machines.get(it["patient_zero"]["machine"], ""))
        for it in head["causes"]))
    table(section, "Proxies at fault", ["Proxy", "Machines", "Of those that use it"], (
        (it["what"], it["machines"], it["used_by"]) for it in head["proxies"]))
    table(section, "Versions", ["Object", "Sequence", "Issued", "Hold it now", "Ever", "First"], (
        (it["object"], version["sequence"] or version["sha256"][:16], version["issued"] or "",
         version["machines_now"], version["machines_ever"],
         (version["first"] or {}).get("at") or "")
        for it in head["objects"] if len(it["versions"]) > 1 for version in it["versions"]))
    table(section, "To collect", ["Why", "Machines", "What"], (
        (it["rule"], it["machines"], it["collect"]) for it in head["lacks"]))
    table(section, "Left out", ["Report", "Why"], (
        (it["report"], it["what"]) for it in head["problems"]))
    return report


def table(section, title: str, columns: list[str], rows) -> None:
    """A table under its title, if there is anything to show."""
    rows = list(rows)
    if not rows:
        return
    section.add_header(title)
    made = MarkdownTable(columns)
    for row in rows[:MAX_ROWS]:
        made.add_row([cell(str(word)) for word in row])
    section.add_paragraph(made.to_markdown())
    if len(rows) > MAX_ROWS:
        section.add_paragraph(f"{len(rows) - MAX_ROWS} more in fleet.json.")


def read(fleet: Path) -> tuple[dict, dict[str, str]]:
    """What the fleet shows, and the machines that it names, by id.

    The machines stand last, one on a line; a hundred thousand of them are not
    held at once.
    """
    lines = []
    with open(fleet, encoding="utf-8") as file:
        for line in file:
            if line.startswith('  "machines": ['):
                break
            lines.append(line)
        head = json.loads("".join(lines).rstrip().rstrip(",") + "}")
        wanted = {it["patient_zero"]["machine"] for it in head["causes"]}
        machines = {}
        for line in file:
            found = MACHINE_ID.match(line)
            if found and found[1] in wanted:
                machine = json.loads(line.strip().rstrip(","))
                machines[found[1]] = ", ".join(machine["names"] + machine["addresses"])
    return head, machines
