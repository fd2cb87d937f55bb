"""`postroom dev`: the command line of the development set-up."""

import argparse
import asyncio
import sys
from pathlib import Path

from workers.dev.data_dir import DataDir
from workers.dev.errors import DevError
from workers.dev.ports import DEFAULT_BASE, Ports


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
        "--demo-providers",
        action="store_true",
        help="also a simulated Gmail and Microsoft 365, each with a mailbox that gets mail",
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
    # Here, not above: `postroom --help` needs none of what this loads.
    from workers.dev.serve import serve

    data = DataDir(args.data_dir.expanduser().resolve())
    try:
        data.create()
        with data.locked():
            asyncio.run(
                serve(
                    data,
                    args.ports,
                    demo=args.demo,
                    demo_providers=args.demo_providers,
                    ready_file=args.ready_file,
                )
            )
    except DevError as error:
        print(f"postroom dev: {error}", file=sys.stderr)
        return 1
    return 0


def _ports(text: str) -> Ports:
    try:
        return Ports.from_base(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
