#!/usr/bin/python3
"""Writes registry hives out of a JSON description on standard input. Runs with
the system's Python, which has hivex (Debian: python3-hivex); the layout comes
from tests/data/host/hives.py."""

import base64
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/host"))
sys.dont_write_bytecode = True
import hives

VALUES = {"sz": hives.sz, "dword": hives.dword, "win_http": lambda a: hives.win_http(*a),
          "connections": lambda a: hives.connections(*a),
          "binary": lambda text: hives.binary(base64.b64decode(text)),
          "multi": lambda a: hives.multi(*a)}


def tree(described):
    result = {}
    for key, values in described["keys"].items():
        result[key] = {name: VALUES[kind](value) for name, (kind, value) in values.items()}
    for base, name, ders in described.get("stores", []):
        result.update(hives.store(base, name, [base64.b64decode(der) for der in ders]))
    return result


for described in json.load(sys.stdin):
    hives.build(described["path"], tree(described))
    hives.settle(described["path"], described["written"])
