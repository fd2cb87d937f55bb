"""Small real programs for the supervisor to run, and a way to wait for what they do."""

import asyncio
import os
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workers.dev.errors import DevError
from workers.dev.ports import Ports
from workers.dev.supervisor import Service

WELL_BEHAVED = """
    import os, pathlib, signal, sys
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])

    def note(what):
        with open(folder / "events", "a") as events:
            events.write(f"{what} {name}\\n")

    def stop(*_):
        note("stopped")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    note("started")
    print(f"{name} says hello", flush=True)
    (folder / f"{name}.pid").write_text(str(os.getpid()))
    while True:
        signal.pause()
"""


async def until(condition: Callable[[], object], what: str, patience: float = 20) -> None:
    """Waits for `condition`; fails naming `what` when it does not come."""
    try:
        async with asyncio.timeout(patience):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {patience} s in vain: {what}") from None


def free_ports() -> Ports:
    """A row of free ports below the ephemeral range, so that no outgoing connection takes one meanwhile."""
    for base in range(20000 + os.getpid() % 500 * 20, 32000, 20):
        with suppress(DevError):
            ports = Ports.from_base(base)
            ports.require_free()
            return ports
    raise AssertionError("no free row of ports")


def runs(pid: int) -> bool:
    """Whether a process with that pid exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Workshop:
    """Makes services out of Python source; their files and the list of events are in `folder`."""

    folder: Path

    def service(
        self, name: str, source: str = WELL_BEHAVED, *, stop_timeout: float = 10, patience: float = 20
    ) -> Service:
        """A service that counts as ready once it has written its pid file."""
        program = self.folder / f"{name}.py"
        program.write_text(textwrap.dedent(source))

        async def forget() -> None:
            self._pid_file(name).unlink(missing_ok=True)

        async def ready() -> bool:
            return bool(self.pid(name))

        return Service(
            name=name,
            title=name.capitalize(),
            command=(sys.executable, str(program), name, str(self.folder)),
            environment={},
            before_start=forget,
            ready=ready,
            stop_timeout=stop_timeout,
            ready_timeout=patience,
        )

    def pid(self, name: str) -> int:
        """The pid that a program wrote down, or 0."""
        try:
            return int(self._pid_file(name).read_text() or 0)
        except FileNotFoundError:
            return 0

    def events(self) -> list[str]:
        """What the programs noted, in order."""
        file = self.folder / "events"
        return file.read_text().splitlines() if file.exists() else []

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"
