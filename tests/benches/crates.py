#!/usr/bin/env python3
"""What each crate costs in a run: sums a callgrind profile by source file.

    cargo build --profile profiling
    valgrind --tool=callgrind --callgrind-out-file=run.out \
        target/profiling/whychain explain FILE > /dev/null
    python3 tests/benches/crates.py run.out

An instruction counts for the crate in whose source it was written, also where it
was inlined into another's function: that is what the crate itself costs. The
standard library and the C library are groups of their own; what they do for a
crate is not counted for it.
"""

import collections
import re
import sys

CRATE = re.compile(r"/registry/src/[^/]+/(?P<name>[A-Za-z0-9_-]+?)-\d+\.\d+[^/]*/")


def group(path):
    found = CRATE.search(path)
    if found:
        return found["name"]
    if "/rustc/" in path or "/library/" in path:
        return "(standard library)"
    if "/src/" in path and "sysdeps" not in path or path.startswith("src/"):
        return "whychain"
    return "(C library, system)"


def sums(lines):
    """Own cost by file; the line behind `calls=` is the cost of the callee."""
    names, cost, current, callee = {}, collections.Counter(), "", False
    for line in lines:
        kind, _, rest = line.rstrip("\n").partition("=")
        if kind in ("fl", "fi", "fe"):
            number, _, path = rest.partition(" ")
            if path:
                names[number] = path
            current = names.get(number, "")
        elif kind in ("cfi", "cfl"):
            number, _, path = rest.partition(" ")
            if path:
                names[number] = path
        elif kind == "calls":
            callee = True
        elif line[:1] in "0123456789+-*":
            if not callee:
                cost[current] += int(line.split()[1])
            callee = False
    return cost


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as profile:
        by_file = sums(profile)
    by_crate = collections.Counter()
    for path, count in by_file.items():
        by_crate[group(path)] += count
    total = sum(by_crate.values())
    print("| crate | million instructions | share |\n|---|---:|---:|")
    for name, count in by_crate.most_common():
        if count * 10_000 >= total:
            print(f"| {name} | {count / 1e6:.1f} | {100 * count / total:.1f} % |")
    print(f"| total | {total / 1e6:.1f} | |")


if __name__ == "__main__":
    main()
