"""The whole set-up, from an empty directory to everything ready, and down again."""

import asyncio
from dataclasses import dataclass

from storage.database import TRANSIENT
from workers.dev import leftovers
from workers.dev.data_dir import DataDir, Secrets, write_private
from workers.dev.environment import base_environment, python_environment, settings, shell_file
from workers.dev.errors import DevError
from workers.dev.first_setup import Access, set_up
from workers.dev.output import Console
from workers.dev.ports import HOST, Ports
from workers.dev.postgres import Postgres
from workers.dev.providers_demo import Simulators
from workers.dev.services import application_services, demo_imap_service, postroom_command
from workers.dev.supervisor import Supervisor
from workers.dev.temporal import prepare_namespace, temporal_service

# How long what an earlier, killed supervisor left behind may take to end by itself (Postgres gives its backends 5 s).
LEFTOVERS_PATIENCE = 6.0


@dataclass(frozen=True)
class Stack:
    """What `postroom dev` runs, on one data directory and one row of ports."""

    data: DataDir
    ports: Ports
    secrets: Secrets
    console: Console
    supervisor: Supervisor
    demo_providers: bool

    @property
    def postgres(self) -> Postgres:
        return Postgres(
            self.data.postgres, self.ports.postgres, self.secrets.database_password, base_environment(self.data)
        )

    @property
    def console_url(self) -> str:
        return f"http://{HOST}:{self.ports.console}"

    @property
    def api_url(self) -> str:
        return f"{self.console_url}/api/v1"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{HOST}:{self.ports.temporal_ui}"

    @property
    def webhooks_url(self) -> str:
        return f"http://{HOST}:{self.ports.webhooks}"

    async def up(self, *, demo: bool) -> Access:
        """Starts everything. Raises DevError, with what has started still running."""
        await leftovers.end(self._leftovers, patience=LEFTOVERS_PATIENCE)
        self.ports.require_free()
        await self._start_servers()
        self._write_shell_file()
        await self._migrate()
        if self._providers is not None:
            await self.supervisor.start(self._providers.service(self._environment))
        try:
            access = await set_up(
                *(self.data, self.ports, self.secrets, self.postgres.url(), self.console_url),
                demo=demo,
                providers=self._providers,
            )
        except TRANSIENT as error:
            raise DevError("Postgres went away while postroom was being set up; start again.") from error
        self.console.say("starting postroom's own processes")
        if demo:
            await self.supervisor.start(demo_imap_service(self.data, self.ports, self.secrets, self._environment))
        await self.supervisor.start(*application_services(self.ports, self._environment))
        return access

    async def _start_servers(self) -> None:
        if not self.data.postgres.exists():
            self.console.say("first start: making a Postgres data directory")
        await self.postgres.ensure_cluster(self.supervisor)
        self.console.say("starting Postgres and Temporal")
        await self.supervisor.start(
            self.postgres.service(),
            temporal_service(self.data.temporal_database, self.ports, base_environment(self.data)),
        )
        await asyncio.gather(self.postgres.ensure_database(), prepare_namespace(self.ports))

    async def _migrate(self) -> None:
        self.console.say("bringing the database schema up to date")
        await self.supervisor.run(
            name="migrate",
            title="Bringing the database schema up to date",
            command=postroom_command("migrate"),
            environment=self._environment,
        )

    @property
    def _providers(self) -> Simulators | None:
        if not self.demo_providers:
            return None
        return Simulators(self.ports.demo_google, self.ports.demo_microsoft, self.webhooks_url)

    @property
    def _settings(self) -> dict[str, str]:
        simulated = self._providers.environment() if self._providers is not None else {}
        return {**settings(self.data, self.ports, self.secrets, self.postgres.url()), **simulated}

    @property
    def _environment(self) -> dict[str, str]:
        return {**base_environment(self.data), **python_environment(), **self._settings}

    def _write_shell_file(self) -> None:
        write_private(self.data.shell_file, shell_file(self._settings))

    def _leftovers(self) -> list[int]:
        return leftovers.marked(self.data.root) + leftovers.working_in(self.data.postgres)
