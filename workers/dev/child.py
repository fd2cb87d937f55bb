"""One child process: in a session of its own, bound to our life, its output in one pipe."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.dev import leftovers

LAUNCHER = Path(__file__).resolve().with_name("launch.py")
# How long the pipe of a dead child may stay open: longer means that somebody else holds its other end.
LAST_WORDS = 1.0


@dataclass(frozen=True)
class Account:
    """The OS user a program runs as, and whether it may pass through folders closed to that user."""

    uid: int
    gid: int
    passage: bool

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}" + (":passage" if self.passage else "")


class Child:
    """A started program; `launch` makes one."""

    def __init__(self, process: asyncio.subprocess.Process, copying: asyncio.Task[None]) -> None:
        self._process = process
        self._copying = copying

    @classmethod
    async def launch(
        cls,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        output: Callable[[bytes], None],
        account: Account | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        folder: Path | None = None,
    ) -> "Child":
        """Starts `command` (its first item an absolute path) and hands all it prints to `output`, in chunks.

        `folder` becomes its working directory. `death_signal` is what the kernel sends it when we are killed.
        """
        # A pipe of our own, not asyncio's: with that one, some Python versions' wait() lasts until grandchildren
        # that inherited the pipe have ended as well.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCHER)),
                *(str(os.getpid()), str(int(death_signal)), str(account or "-"), "--"),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                # Ctrl-C in the terminal then reaches the supervisor only, and the group holds the child's children.
                start_new_session=True,
                env=dict(environment),
                cwd=folder,
            )
        finally:
            os.close(writing)
        copying = asyncio.create_task(_copy(reading, output), name=f"output of {process.pid}")
        return cls(process, copying)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def ended(self) -> int:
        """Waits for the end, clears away what the child started itself, and returns its exit status (Popen's)."""
        status = await self._process.wait()
        self.kill()
        await asyncio.wait([self._copying], timeout=LAST_WORDS)
        self._copying.cancel()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Signals the child alone."""
        if self.is_alive:
            leftovers.kill(self.pid, number)

    def kill(self) -> None:
        """Kills the child and what it started."""
        leftovers.kill_group(self.pid, signal.SIGKILL)


async def _copy(reading: int, output: Callable[[bytes], None]) -> None:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(reading, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while chunk := await reader.read(65536):
            output(chunk)
    finally:
        transport.close()


def ending(status: int) -> str:
    """How a process ended, in words; negative numbers are signals, as Popen has it."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
