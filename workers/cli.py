"""The `postroom` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workers import arguments as operators

DESCRIPTION = """\
Every mail that reaches your inboxes becomes exactly one outcome: a ticket, a comment, a recorded
exclusion, or a question that a person answers.

Begin with `postroom dev --demo`: everything on this machine, with a sample conversation."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Exit status: 0 done, 1 a fault that the message explains, 2 wrong usage."""
    args = _parser().parse_args(arguments)
    result: int = args.run(args)
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="postroom", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    # Each command imports what it needs when it runs: `--help` answers at once.
    dev = commands.add_parser("dev", help="run everything on this machine, for a first look and for development")
    from workers.dev.command import add_arguments

    add_arguments(dev)
    dev.set_defaults(run=_dev)

    parse = commands.add_parser(
        "parse", help="print what postroom reads in a mail, one JSON line each; needs no services"
    )
    parse.add_argument("files", nargs="+", metavar="FILE", help="a mail in RFC 5322 form; - is standard input")
    parse.add_argument("--attachments", type=Path, metavar="DIR", help="write each attachment to DIR/<sha256>")
    parse.set_defaults(run=_parse)

    for name, help_text in (
        ("migrate", "bring the database schema to this release"),
        ("temporal-setup", "make the Temporal namespace and its search attributes, on a cluster of your own"),
        ("worker", "run workflows and activities"),
        ("listener", "watch IMAP mailboxes"),
        ("webhooks", "receive webhooks and SMTP"),
        ("web", "serve the console and the API"),
    ):
        commands.add_parser(name, help=help_text).set_defaults(run=_process, process=name)

    operators.add(commands)
    return parser


def _dev(args: argparse.Namespace) -> int:
    from workers.dev.command import run

    return run(args)


def _parse(args: argparse.Namespace) -> int:
    from workers.parse_command import run

    return run(args.files, args.attachments, sys.stdin.buffer, sys.stdout.buffer)


def _process(args: argparse.Namespace) -> int:
    import importlib

    from workers import process

    module = importlib.import_module(f"workers.{args.process.replace('-', '_')}")
    process.main(module.run, args.process)


if __name__ == "__main__":
    sys.exit(main())
