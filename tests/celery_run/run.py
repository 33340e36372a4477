#!/usr/bin/env python3
"""A fleet explained by Celery workers over Redis, one of which is killed, gives
the same bytes as one machine.

    python3 tests/celery_run/run.py [--hosts 300] [--venv FOLDER]

Run `cargo test` before: the program and the example `fleet` are taken from
`target/debug` (another folder by --programs). Needs redis-server (Debian) and the
packages of samples/openrelik-worker (PyPI); what is missing is installed where
that is allowed, the latter in a virtual environment below a temporary folder.
Where it cannot be had the run is skipped, with a message and status 0.

Redis and the workers listen on loopback alone. All that was started is stopped by
process id, whatever happens.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import services  # noqa: E402

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
WORKER = PROJECT / "samples/openrelik-worker"


class Skip(Exception):
    """Something is missing that cannot be had here."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hosts", type=int, default=300)
    parser.add_argument("--venv", type=Path, help="made before, or kept for the next run")
    parser.add_argument("--programs", type=Path, default=PROJECT / "target/debug")
    arguments = parser.parse_args()
    # Being told to stop is no reason to leave something running.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="whychain-celery-") as folder:
        try:
            run(arguments, Path(folder))
        except Skip as why:
            print(f"celery run skipped: {why}")


def run(arguments, folder):
    programs = arguments.programs.resolve()
    whychain, fleet = programs / "whychain", programs / "examples/fleet"
    for program in (whychain, fleet):
        if not program.exists():
            sys.exit(f"{program} is not there: run `cargo test` before")
    redis_server = redis()
    python = environment(arguments.venv or folder / "venv")

    evidence, alone = folder / "evidence", folder / "alone"
    subprocess.run([fleet, str(arguments.hosts), evidence], check=True, stdout=subprocess.DEVNULL)
    one_machine(whychain, evidence, alone)

    with services.Services(folder) as started:
        port = started.redis(redis_server)
        url = f"redis://127.0.0.1:{port}/0"
        settings = {"REDIS_URL": url, "WHYCHAIN": str(whychain), "PYTHONWARNINGS": "ignore",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    # Long enough for a case, short enough to wait for.
                    "WHYCHAIN_VISIBILITY_TIMEOUT": "15"}
        workers = {name: started.worker(python, WORKER, name, settings) for name in ("a", "b")}
        subprocess.run(
            [python, HERE / "fleet_chord.py", evidence, alone, folder / "output",
             "--kill", str(workers["a"].pid)],
            env=os.environ | settings | {"PYTHONPATH": str(WORKER)}, check=True)


def one_machine(whychain, evidence, out):
    """What the workers have to come to. Status 0, 1, 3 tell what was found."""
    names = sorted(os.listdir(evidence))
    reports = [whychain, "explain", "--each", *names, "--out-dir", out / "reports", "--quiet"]
    status = subprocess.run(reports, cwd=evidence, stderr=subprocess.DEVNULL).returncode
    merge = [whychain, "merge", "reports", "-o", "fleet.json", "--quiet"]
    merged = subprocess.run(merge, cwd=out).returncode
    if not {status, merged} <= {0, 1, 3}:
        sys.exit(f"the single-machine run failed: explain {status}, merge {merged}")


def redis():
    """Debian's redis-server, installed if need be and never started by it."""
    if not shutil.which("redis-server"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Skip("redis-server is not installed")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        install = ["apt-get", "install", "-y", "--no-install-recommends", "redis-server"]
        subprocess.run(["apt-get", "update"], **quiet)
        # RUNLEVEL=1: the service of the package stays down.
        settings = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        subprocess.run(install, env=settings, **quiet)
    found = shutil.which("redis-server")
    if not found:
        raise Skip("redis-server cannot be installed")
    return found


def environment(folder):
    """The Python of a virtual environment that has what the worker needs."""
    python = folder / "bin/python"
    wanted = "import celery, redis, openrelik_common.telemetry, openrelik_worker_common"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if python.exists() and subprocess.run([python, "-c", wanted], **quiet).returncode == 0:
        return python
    if sys.version_info < (3, 11):
        raise Skip("Python 3.11 or later is needed")
    if subprocess.run([sys.executable, "-m", "venv", folder], **quiet).returncode:
        raise Skip("python3 -m venv does not work here (Debian: python3-venv)")
    # A copy, so that building leaves nothing in the project.
    copy = folder / "worker"
    shutil.copytree(WORKER, copy, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "-c", WORKER / "constraints.txt", copy]
    done = subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Skip(f"packages cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return python


if __name__ == "__main__":
    main()
