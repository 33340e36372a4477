"""Puts input files where whychain sees the paths they had on their machine.

OpenRelik keeps a file under a name of its own and notes where it came from in
`original_path`. Whose cache an entry lies in is told by the path alone
(`C:/Users/alice/AppData/...`), so the tree is built again in a scratch folder:
by hard links, which cost nothing, or by copies where the file system or its
owner forbids links. whychain opens evidence for reading only.
"""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

# Longest name of a file on Linux, in bytes.
MAX_NAME = 255
# Deeper than any profile; whychain itself walks 64 folders deep.
MAX_DEPTH = 60

# Characters that no shell, log or file system has to see.
UNFIT = re.compile(r"[\x00-\x1f\x7f:]")


def place(input_files: list[dict], scratch: Path) -> list[str]:
    """Links the input files below `scratch` and returns the names to hand to
    whychain, sorted: the uppermost files and folders.

    Files of different sources (disks, archives) keep apart: their trees may
    hold the same paths, and are different machines.
    """
    sources = {source(it) for it in input_files if is_in_tree(it)}
    taken: set[str] = set()
    # Deepest first, so that a file never stands where a folder has to be.
    for it in sorted(input_files, key=lambda it: -len(original(it).parts)):
        path = original(it)
        if len(sources) > 1 and is_in_tree(it):
            path = PurePosixPath(f"source-{source(it)}") / path
        path = free(path, taken)
        taken.update(str(it).lower() for it in (path, *path.parents))
        link(Path(it["path"]), scratch / path)
    return sorted(os.listdir(scratch))


def original(input_file: dict) -> PurePosixPath:
    """Where the file was, as a relative path that leads nowhere else."""
    text = input_file.get("original_path") or ""
    parts = [fit(part) for part in re.split(r"[/\\]", text)]
    parts = [part for part in parts if part not in ("", ".", "..")][-MAX_DEPTH:]
    if not parts:
        name = input_file.get("display_name") or Path(input_file["path"]).name
        parts = [fit(re.split(r"[/\\]", name)[-1]).lstrip(".") or "input"]
    return PurePosixPath(*parts)


def fit(part: str) -> str:
    """A name that a file system takes. `C:` becomes `C`, as collectors write it."""
    if re.fullmatch(r"[A-Za-z]:", part):
        return part[0]
    part = UNFIT.sub("_", part)
    # Cut by bytes, from the left: the extension is at the right.
    return part.encode("utf-8", "replace")[-MAX_NAME:].decode("utf-8", "ignore")


def is_in_tree(input_file: dict) -> bool:
    """True for a file that was taken out of a machine's file system, false for
    one that lay by itself."""
    return len(original(input_file).parts) > 1


def source(input_file: dict) -> str:
    """The disk or archive that a file was taken from."""
    return fit(str(input_file.get("source_file_id") or 0))


def free(path: PurePosixPath, taken: set[str]) -> PurePosixPath:
    """The path, or one with a number where another file has it already.

    Compared without case, as Windows does.
    """
    number, found = 1, path
    while str(found).lower() in taken:
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def link(file: Path, target: Path) -> None:
    """A hard link, or a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
