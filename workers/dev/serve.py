"""Runs a session until a signal asks to stop, and leaves nothing running."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path

from workers.dev.data_dir import DataDir
from workers.dev.output import Console
from workers.dev.ports import Ports
from workers.dev.session import Session

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def serve(data: DataDir, ports: Ports, *, demo: bool, demo_providers: bool, ready_file: Path | None) -> None:
    """Returns after the first stop signal. Raises DevError when something does not start."""
    console = Console()
    session = Session(data, ports, console, ready_file, demo_providers=demo_providers)

    def kill() -> None:
        session.withdraw_ready_file()
        session.supervisor.kill()

    try:
        await _until_signalled(session.run(demo=demo), kill, console)
    finally:
        session.withdraw_ready_file()
        await session.supervisor.stop()
    console.say("stopped; nothing is left running")


async def _until_signalled(work: Coroutine[None, None, None], kill: Callable[[], None], console: Console) -> None:
    """Runs `work`; the first signal cancels it, the second calls `kill` and ends this process."""
    task = asyncio.create_task(work, name="session")
    asked = False

    def interrupted() -> None:
        nonlocal asked
        if asked:
            kill()
            os._exit(1)
        asked = True
        console.say("stopping (once more to kill)")
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, interrupted)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
