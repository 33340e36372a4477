"""The tests use the program as it was built, and the library as it is published."""

import os
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).resolve().parent.parent
PROJECT = WORKER.parent.parent
sys.path.insert(0, str(WORKER))
os.environ.setdefault("WHYCHAIN", str(PROJECT / "target/debug/whychain"))

SAMPLES = PROJECT / "samples"


@pytest.fixture
def output(tmp_path):
    """The folder for the files of a task."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path):
    """Puts a file where OpenRelik keeps it, under a name that says nothing, and
    returns the description that a task gets of it."""
    folder = tmp_path / "store"
    folder.mkdir()
    kept = []

    def put(file, original_path=None, source_file_id=None, content=None):
        number = len(kept) + 1
        path = folder / f"{number:032x}"
        path.write_bytes(Path(file).read_bytes() if content is None else content)
        path.chmod(0o444)
        kept.append(path)
        return {"id": number, "uuid": path.name, "path": str(path), "extension": "",
                "display_name": Path(file).name, "original_path": original_path,
                "source_file_id": source_file_id, "data_type": "file:generic"}

    return put
