"""A postroom of the benchmark's own: every process as in production, started by `postroom dev` in a fresh directory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(port_base: int = 9500, **environment: str) -> Iterator[dict[str, Any]]:
    """The ready file of a running house without the demo; stopped and removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="postroom-bench-"))
    directory.chmod(0o755)
    ready = directory / "ready.json"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "dev", "--no-demo", "--data-dir", str(directory / "data"),
             "--port-base", str(port_base), "--ready-file", str(ready)],
            stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((directory / "log").read_text("utf-8", "replace"))
            time.sleep(0.1)
        yield {**json.loads(ready.read_text()), "supervisor_pid": process.pid, "data_dir": str(directory / "data")}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(directory, ignore_errors=True)
