"""`postroom dev`: the command line of the development set-up."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from workers.dev.data_dir import DataDir
from workers.dev.errors import DevError
from workers.dev.output import Console
from workers.dev.ports import DEFAULT_BASE, Ports
from workers.dev.session import Session
from workers.dev.supervisor import Supervisor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `postroom dev`."""
    parser.description = "Runs all of postroom on this machine: Postgres, Temporal, worker, inboxes, console."
    parser.add_argument(
        "--data-dir", type=Path, default=Path(".postroom"), metavar="D", help="where everything is kept (%(default)s)"
    )
    parser.add_argument(
        "--demo", action=argparse.BooleanOptionalAction, default=False, help="let a sample conversation arrive"
    )
    parser.add_argument(
        "--port-base", type=_ports, default=Ports.from_base(DEFAULT_BASE), metavar="N", dest="ports",
        help=f"the first of a row of ports on 127.0.0.1 ({DEFAULT_BASE})",
    )  # fmt: skip
    parser.add_argument(
        "--ready-file", type=Path, metavar="F", help="write addresses, ports, and an API token there once all is ready"
    )


def run(args: argparse.Namespace) -> int:
    """Runs until a signal asks to stop. Exit status: 0 when stopped so, 1 on an error a person can put right."""
    data = DataDir(args.data_dir.expanduser().resolve())
    try:
        data.create()
        with data.locked():
            return asyncio.run(_serve(data, args.ports, demo=args.demo, ready_file=args.ready_file))
    except DevError as error:
        print(f"postroom dev: {error}", file=sys.stderr)
        return 1


def _ports(text: str) -> Ports:
    try:
        return Ports.from_base(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


async def _serve(data: DataDir, ports: Ports, *, demo: bool, ready_file: Path | None) -> int:
    console = Console()
    session = Session(data, ports, console, ready_file)
    try:
        await _until_signalled(session.run(demo=demo), session.supervisor, console)
    finally:
        session.withdraw_ready_file()
        await session.supervisor.stop()
    console.say("stopped; nothing is left running")
    return 0


async def _until_signalled(work: Coroutine[None, None, None], supervisor: Supervisor, console: Console) -> None:
    """Runs `work`; the first signal cancels it, the second kills everything and this process."""
    task = asyncio.create_task(work, name="session")
    asked = False

    def interrupted() -> None:
        nonlocal asked
        if asked:
            supervisor.kill()
            os._exit(1)
        asked = True
        console.say("stopping (once more to kill)")
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
