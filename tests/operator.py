"""The `postroom` command as an operator types it, against a test's database."""

from __future__ import annotations

import argparse
import shlex
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr

from storage.database import Database
from tests.house import MASTER_KEYS
from workers import arguments

SETTINGS: Any = SimpleNamespace(public_url="http://console.test", master_keys=SecretStr(MASTER_KEYS))


async def operate(db: Database, line: str, settings: Any = SETTINGS) -> int:
    """Runs `line`, which is what comes after `postroom`. Raises what the command raises."""
    parser = argparse.ArgumentParser()
    arguments.add(parser.add_subparsers())
    args = parser.parse_args(shlex.split(line))
    # Its function only: `run_command` leaves the process.
    with patch("workers.command.run_command", lambda command, _args, **_: command):
        command = args.run(args)
    done: int = await command(args, settings, db)
    return done
