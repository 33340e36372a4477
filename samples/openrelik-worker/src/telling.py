"""What a task tells people: its report in the web interface."""

import json
from pathlib import Path

from openrelik_worker_common.reporting import MarkdownTable, Priority, Report

from . import program

# A case in one line: its state, in the words of the report, and how urgent it is.
URGENCY = {
    "explained": Priority.HIGH,
    "undetermined": Priority.MEDIUM,
    "unreadable": Priority.MEDIUM,
    "no-validation-seen": Priority.LOW,
    "clean": Priority.INFO,
}

# Rows of the table of cases; the fleet's report has them all.
MAX_ROWS = 200


class Case:
    """One case and what became of it."""

    def __init__(self, name: str, state: str, rule: str | None, sentence: str):
        self.name, self.state, self.rule, self.sentence = name, state, rule, sentence

    @classmethod
    def explained(cls, name: str, report: Path) -> "Case":
        """What the verdict of a JSON report says."""
        verdict = json.loads(report.read_text("utf-8"))["verdict"]
        return cls(name, verdict["state"], verdict["root_cause"], verdict["sentence"])

    @classmethod
    def unreadable(cls, name: str, run: program.Run) -> "Case":
        """A case of which nothing could be read, with the reason given."""
        return cls(name, "unreadable", None, run.talk or "nothing readable")

    @property
    def urgency(self) -> Priority:
        """How urgent it is to look at this."""
        return URGENCY.get(self.state, Priority.MEDIUM)

    def title(self) -> str:
        """The state, with the root cause where there is one."""
        return f"{self.state}: {self.rule}" if self.rule else self.state

    def report(self, markdown: str = "") -> Report:
        """The report of this case, with the upper part of its Markdown form."""
        report = Report(f"{self.name}: {self.title()}")
        report.priority, report.summary = self.urgency, self.sentence
        report.add_section().add_paragraph(upper_part(markdown) or self.sentence)
        return report


def upper_part(markdown: str) -> str:
    """The answer and what to do, without the title and without the evidence that
    the whole report goes on with."""
    lines = markdown.splitlines()[1:]
    for number, line in enumerate(lines):
        if line.startswith("## ") and line not in ("## What to do", "## What happened"):
            return "\n".join(lines[:number]).strip()
    return "\n".join(lines).strip()


def of_cases(cases: list[Case], markdown: dict[str, str]) -> Report:
    """The report of a task: of its only case, or a table of all."""
    if len(cases) == 1:
        return cases[0].report(markdown.get(cases[0].name, ""))
    report = Report(f"{len(cases)} cases")
    report.priority = max(case.urgency for case in cases)
    states = [case.state for case in cases]
    report.summary = ", ".join(f"{states.count(state)} {state}" for state in URGENCY
                               if state in states)
    table = MarkdownTable(["Case", "State", "Root cause", "Sentence"])
    for case in cases[:MAX_ROWS]:
        words = (case.name, case.state, case.rule or "", case.sentence)
        table.add_row([cell(word) for word in words])
    section = report.add_section()
    section.add_paragraph(table.to_markdown())
    if len(cases) > MAX_ROWS:
        section.add_paragraph(f"{len(cases) - MAX_ROWS} more.")
    return report


def cell(text: str) -> str:
    """Text from evidence, harmless in a table of Markdown."""
    text = " ".join(text.split())
    for sign in "\\|`*_[]":
        text = text.replace(sign, "\\" + sign)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
