"""How an operator's command runs: with settings and database, and every fault a person can cause in one sentence."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from storage import mailboxes
from storage.database import Database
from storage.migrate import MigrationError
from storage.secrets import SecretError
from workers import process
from workers.admin import AdminError
from workers.settings import ConfigurationError, load


class Refused(Exception):
    """The command cannot do what was asked; the text says why, and what to do."""


def run_command(command: Callable[..., Coroutine[Any, Any, int]], args: argparse.Namespace, *, database: bool) -> int:
    """Runs `command(args, settings, db)`, or `command(args)` without a database, to its exit status.

    Then it leaves for good: the Temporal SDK may crash the interpreter as it ends (sdk-python #300).
    """
    logging.basicConfig(level=logging.ERROR)
    code = 1
    try:
        code = asyncio.run(_with_database(command, args) if database else command(args))
    except (Refused, AdminError, ConfigurationError, SecretError, MigrationError) as error:
        print(f"postroom: {error}", file=sys.stderr)
    except OSError as error:
        print(f"postroom: {error.strerror}: {error.filename}", file=sys.stderr)
    process.leave(code)


async def _with_database(command: Callable[..., Coroutine[Any, Any, int]], args: argparse.Namespace) -> int:
    settings = load()
    async with process.database(settings) as db:
        return await command(args, settings, db)


def one_name(given: str, whose: str) -> str:
    """A name in one line. Raises Refused, which begins with `whose` it is: "A client's"."""
    name = " ".join(given.split())
    if not 1 <= len(name) <= 100:
        raise Refused(f"{whose} name has 1 to 100 characters.")
    return name


async def locate(db: Database, name: str) -> mailboxes.Located:
    """The mailbox of an address or id. Raises Refused, also for an address that several tenants have."""
    try:
        by_id = await mailboxes.locate(db, UUID(name))
        found = [by_id] if by_id is not None else []
    except ValueError:
        found = await mailboxes.locate_address(db, name.lower())
    if not found:
        raise Refused(f"There is no mailbox {name}: `postroom mailbox list` shows them.")
    if len(found) > 1:
        ids = ", ".join(str(located.mailbox_id) for located in found)
        raise Refused(f"Several mailboxes have the address {name}, so say which by its id: {ids}.")
    return found[0]
