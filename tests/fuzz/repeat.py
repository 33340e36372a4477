#!/usr/bin/env python3
"""Repeats a part of inputs that the fuzzer kept, and tells the slowest: what
takes the square of its length does not show at a fuzzer's lengths.

    tests/fuzz/repeat.py TARGET[,TARGET...] [COUNT [BYTES [SEED]]]

Needs what `tests/fuzz/run` builds and keeps.
"""

import pathlib
import random
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent.resolve()


def repeated(data, size):
    """A run of bytes, or of lines, of the input, so often that it fills size."""
    if random.random() < 0.3 and b"\n" in data:
        lines = data.split(b"\n")
        at = random.randrange(len(lines))
        unit = b"\n".join(lines[at : at + random.choice([1, 1, 2, 3])]) + b"\n"
        before, after = b"\n".join(lines[:at]) + b"\n", b"\n".join(lines[at + 1 :])
    else:
        at = random.randrange(len(data))
        length = random.choice([1, 2, 4, 8, 16, 32, 64, 128, 512, len(data)])
        unit, before, after = data[at : at + length], data[:at], data[at + length :]
    return before + unit * max(1, (size - len(before) - len(after)) // len(unit)) + after


def main():
    targets = sys.argv[1].split(",")
    count, size, seed = (int(it) for it in (sys.argv[2:] + ["60", "1000000", "1"][len(sys.argv) - 2 :])[:3])
    random.seed(seed)
    for target in targets:
        program = next(HERE.glob(f"target/*/release/{target}"))
        kept = [path for path in sorted((HERE / "corpus" / target).iterdir()) if path.stat().st_size]
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / f"{number:04}" for number in range(count)]
            for path in paths:
                path.write_bytes(repeated(random.choice(kept).read_bytes(), size))
            command = [program, "-timeout=60", "-rss_limit_mb=3000", *paths]
            ran = subprocess.run(command, capture_output=True, cwd=folder)
            said = ran.stderr.decode(errors="replace")
            took = re.findall(r"Executed \S+/(\S+) in (\d+) ms", said)
            slowest = sorted(((int(ms), name) for name, ms in took), reverse=True)[:4]
            print(target, f"status {ran.returncode}, {len(took)} inputs, slowest (ms):", slowest, flush=True)


main()
