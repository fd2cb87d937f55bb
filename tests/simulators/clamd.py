"""A real clamd on loopback with a private configuration and a signature of our own, for tests; it asks nobody anything.

Debian's package: clamav-daemon. Where it is missing, tests that ask for it are skipped.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgres import bound_to_us
from tests.simulators.dovecot import free_port

BINARY = shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
MARKER = b"postroom-harmless-marker-that-only-our-own-signature-knows"
"""Whatever has it, also within a zip, is infected with `SIGNATURE`."""
SIGNATURE = "Postroom.Test.Marker.UNOFFICIAL"
MAX_BYTES = 200_000
"""Of a stream, as of what is within an archive."""
_START_SECONDS = 30.0

_CONFIG = """
DatabaseDirectory {root}/db
TCPSocket {port}
TCPAddr 127.0.0.1
LocalSocket {root}/clamd.sock
Foreground yes
LogFile {root}/clamd.log
PidFile {root}/clamd.pid
StreamMaxLength {max_bytes}
MaxFileSize {max_bytes}
AlertExceedsMax yes
SelfCheck 0
MaxThreads 4
"""


class Clamd:
    """One daemon, which may be killed and started again at the same address."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="postroom-clamd-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (self.root / "db").mkdir()
        # NAME:any kind of file:at any offset:these bytes. https://docs.clamav.net/manual/Signatures
        (self.root / "db" / "test.ndb").write_text(f"{SIGNATURE.removesuffix('.UNOFFICIAL')}:0:*:{MARKER.hex()}\n")
        (self.root / "clamd.conf").write_text(_CONFIG.format(root=self.root, port=self.port, max_bytes=MAX_BYTES))

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.root}/clamd.sock"

    def start(self) -> None:
        """Unless it runs already."""
        if BINARY is None:
            pytest.skip("clamd is not installed (Debian: clamav-daemon)")
        if self._process is not None and self._process.poll() is None:
            return
        with (self.root / "out").open("wb") as out:
            self._process = subprocess.Popen(
                bound_to_us(BINARY, f"--config-file={self.root}/clamd.conf"), stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"clamd did not start: {(self.root / 'out').read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.root)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"zPING\0")
                return connection.recv(16) == b"PONG\0"
        except OSError:
            return False


@contextmanager
def clamd() -> Iterator[Clamd]:
    daemon = Clamd()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
