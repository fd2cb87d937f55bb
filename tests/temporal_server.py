"""A real Temporal server for the tests, file-backed so that it can be killed and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import bound_to_us
from workflows.names import SEARCH_ATTRIBUTES


class TemporalServer:
    """`address` stays the same over `kill` and `start`."""

    def __init__(self, directory: Path) -> None:
        self._database = directory / "temporal.db"
        self._program = Path(sys.executable).with_name("temporal")
        self.port, self._http, self._metrics = (_free_port() for _ in range(3))
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            bound_to_us(
                *(str(self._program), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "never"),
                *("--port", str(self.port), "--http-port", str(self._http), "--metrics-port", str(self._metrics)),
                *("--db-filename", str(self._database), "--sqlite-pragma", "journal_mode=wal"),
                *(f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while self.cli("operator", "namespace", "describe", "--namespace", "default").returncode != 0:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the Temporal server does not come up")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The `temporal` command against this server, as an operator would use it."""
        return subprocess.run(
            [self._program, *arguments, "--address", self.address], capture_output=True, text=True, check=False
        )


@contextmanager
def server() -> Iterator[TemporalServer]:
    directory = Path(tempfile.mkdtemp(prefix="postroom-temporal-"))
    temporal = TemporalServer(directory)
    temporal.start()
    try:
        yield temporal
    finally:
        temporal.kill()
        shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
