"""One run of `postroom dev`: start, first set-up, ready file, demo, and then nothing but keeping watch."""

import asyncio
from pathlib import Path

from workers.dev.data_dir import DataDir
from workers.dev.output import Console
from workers.dev.ports import Ports
from workers.dev.stack import Stack
from workers.dev.supervisor import Supervisor


class Session:
    """Ties the stack to the person in front of it."""

    def __init__(
        self, data: DataDir, ports: Ports, console: Console, supervisor: Supervisor, ready_file: Path | None
    ) -> None:
        self._stack = Stack(data, ports, data.secrets(), console, supervisor)
        self._console = console
        self._supervisor = supervisor
        self._ready_file = ready_file

    async def run(self, *, demo: bool) -> None:
        """Runs until cancelled."""
        self._console.say(f"data in {self._stack.data.root}")
        await self._stack.up(demo=demo)
        await asyncio.Event().wait()

    def withdraw_ready_file(self) -> None:
        if self._ready_file is not None:
            self._ready_file.unlink(missing_ok=True)
