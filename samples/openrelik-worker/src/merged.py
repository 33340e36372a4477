"""Merges reports, and tells the answer of the fleet."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from openrelik_worker_common.file_utils import OutputFile, create_output_file
from openrelik_worker_common.reporting import Report

from . import placing, program

FORMS = {
    "whychain:fleet:json": "json",
    "whychain:fleet:html": "html",
    "whychain:fleet:csv": "csv",
}


def merge(inputs: list[dict], output: Path,
          tell: Callable[[dict], None]) -> tuple[list[OutputFile], program.Run]:
    """Runs `whychain merge` on the reports; its files in the order of `FORMS`."""
    files = [create_output_file(str(output), display_name=f"fleet.{extension}",
                                data_type=data_type)
             for data_type, extension in FORMS.items()]
    outputs = [word for file in files for word in ("-o", file.path)]
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        # The folder is named, not each file: a command line has a limit.
        reports = Path(scratch, "reports")
        placing.place([it | {"original_path": None} for it in inputs], reports)
        run = program.run("merge", [*outputs, "--", "reports"], Path(scratch), tell)
    return files, run


def report(reports: int) -> Report:
    """The report of the task; the answer is in its files."""
    report = Report("The fleet")
    report.summary = f"{reports} reports merged; fleet.html has the answer"
    report.add_section().add_paragraph(report.summary)
    return report
