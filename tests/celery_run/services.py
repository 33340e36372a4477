"""Redis and Celery workers that end with this program."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class Services:
    """What was started; leaving the block stops it, the last first."""

    def __init__(self, folder: Path):
        self.folder, self.started = folder, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Each began a session of its own, so that the group has its number and
        # whatever it started in turn.
        for process in reversed(self.started):
            self.end(process, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in reversed(self.started):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            self.end(process, signal.SIGKILL)
            process.wait()

    @staticmethod
    def end(process, number):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def start(self, name, command, **more):
        """Starts a command; what it says goes to a file of its name."""
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, **more)
        self.started.append(process)
        return process

    def redis(self, program):
        """Starts Redis on loopback and a free port, nothing kept on disk; the port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
                   "--daemonize", "no", "--dir", str(self.folder)]
        process = self.start("redis", [program, *options])
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit("Redis does not answer: " + (self.folder / "redis.log").read_text())

    def worker(self, python, folder, name, settings):
        """Starts a Celery worker with one process for tasks."""
        command = [python, "-m", "celery", "--app=src.app", "worker", "--task-events",
                   "--concurrency=1", "--loglevel=INFO", f"--hostname={name}@whychain",
                   "--queues=openrelik-worker-whychain"]
        return self.start(f"worker-{name}", command, cwd=folder, env=os.environ | settings)
