"""A Postgres as in production: only deploy/postgres/roles.sh has run on it, and nobody works as a superuser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests import postgres

DEPLOY = Path(__file__).parents[3] / "deploy"


class Production:
    """`url(login)` is the database postroom, entered by that login."""

    def __init__(self, server: postgres.PostgresServer) -> None:
        self.server = server
        self._port = urlsplit(server.url("postgres")).port

    def url(self, login: str) -> str:
        return f"postgresql://{login}@127.0.0.1:{self._port}/postroom"

    def run(
        self, script: str, *arguments: str, check: bool = True, programs: Path = postgres.BIN, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """A script of deploy/, with the programs of Postgres on its path, behind `programs`."""
        return subprocess.run(
            [DEPLOY / script, *arguments],
            check=check,
            capture_output=True,
            text=True,
            env={
                "PATH": f"{programs}:{postgres.BIN}:{os.environ['PATH']}",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self._port),
                **environment,
            },
        )

    def sql(self, statement: str, database: str = "postgres") -> None:
        """As the superuser."""
        subprocess.run(
            [postgres.BIN / "psql", "-v", "ON_ERROR_STOP=1", "-qc", statement, self.server.url(database)], check=True
        )


@contextmanager
def production() -> Iterator[Production]:
    with postgres.server() as server:
        opened = Production(server)
        opened.run(
            "postgres/roles.sh",
            POSTROOM_OWNER_PASSWORD="owner1",
            POSTROOM_DB_PASSWORD="app1",
            POSTROOM_BACKUP_PASSWORD="backup1",
            TEMPORAL_DB_PASSWORD="temporal1",
        )
        yield opened
