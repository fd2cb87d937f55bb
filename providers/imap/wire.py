"""The bytes of one connection: one buffer that blocking commands and the non-blocking IDLE reader share.

imaplib reads through a buffered file of its own, where lines wait unseen by the event loop, and half a line is an
error. With a single buffer nothing that arrived can hide, whoever reads next.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress

_CHUNK = 64 * 1024
LINE_LIMIT = 8 * 1024 * 1024  # a SEARCH answer with 800,000 UIDs
IDLE_LIMIT = 256 * 1024  # what a server may say at once to a client that only waits


class AnswerTooLarge(Exception):
    """The server sends more than was asked for."""


class Wire:
    """Reads and writes a connected socket. While a command runs, one thread uses it; in IDLE the event loop does."""

    def __init__(self, sock: socket.socket, read_timeout: float, command_timeout: float) -> None:
        self.sock = sock
        self.eof = False
        self._buffer = bytearray()
        self._read_timeout = read_timeout
        self._command_timeout = command_timeout
        self._deadline = 0.0
        self._budget = 0
        self.begin(LINE_LIMIT)

    def begin(self, budget: int) -> None:
        """Allows `budget` bytes of answer within the command time-out, from now."""
        self._budget = budget
        self._deadline = time.monotonic() + self._command_timeout

    @property
    def buffered(self) -> int:
        """Bytes that arrived and were not read."""
        return len(self._buffer)

    def send(self, data: bytes) -> None:
        self.sock.settimeout(self._read_timeout)
        self.sock.sendall(data)

    def readline(self) -> bytes:
        """The next line with its end; b"" or a partial line at the end of the connection."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0 and not self.eof:
            searched = len(self._buffer)
            if searched > LINE_LIMIT:
                raise AnswerTooLarge
            self._receive()
        return self._take(len(self._buffer) if end < 0 else end + 1)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the connection. Raises `AnswerTooLarge` before allocating."""
        if size - len(self._buffer) > self._budget:
            raise AnswerTooLarge
        while len(self._buffer) < size and not self.eof:
            self._receive()
        return self._take(min(size, len(self._buffer)))

    def _receive(self) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.sock.settimeout(min(self._read_timeout, remaining))
        self._append(self.sock.recv(_CHUNK))
        if self._budget < 0:
            raise AnswerTooLarge

    def _append(self, data: bytes) -> None:
        self.eof = self.eof or not data
        self._budget -= len(data)
        self._buffer += data

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def nonblocking(self) -> None:
        """From now on `send_now` and `lines` are used, until a command is sent again."""
        self.sock.settimeout(0)

    def send_now(self, data: bytes) -> None:
        """Sends a short line without waiting; a line that is so congested that it does not fit is dead: OSError."""
        if self.sock.send(data) != len(data):
            raise TimeoutError

    def lines(self) -> list[bytes]:
        """Every complete line that has arrived, without line ends; sets `eof` when the line is dead or flooded."""
        try:
            while not self.eof:
                self._append(self.sock.recv(_CHUNK))
                self.eof = self.eof or len(self._buffer) > IDLE_LIMIT
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.eof = True
        end = self._buffer.rfind(b"\n") + 1
        return [line.rstrip(b"\r") for line in self._take(end).split(b"\n")[:-1]]

    def close(self) -> None:
        """Ends the connection at once; a thread that waits in a read wakes with an error."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
