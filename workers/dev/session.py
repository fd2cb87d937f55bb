"""One run of `postroom dev`: start, ready file, demo, and then nothing but keeping watch."""

import asyncio
import json
import shlex
from pathlib import Path

from workers.dev.data_dir import DataDir, write_private
from workers.dev.demo import Demo
from workers.dev.demo_mails import SUPPORT
from workers.dev.errors import DevError
from workers.dev.first_setup import API_ACCESS_FILE, Access
from workers.dev.output import Console
from workers.dev.ports import HOST, Ports
from workers.dev.stack import Stack
from workers.dev.supervisor import Supervisor


class Session:
    """Ties the running set-up to the person, or the script, that started it."""

    def __init__(
        self, data: DataDir, ports: Ports, console: Console, ready_file: Path | None, *, demo_providers: bool
    ) -> None:
        self.supervisor = Supervisor(console, data.logs, self._renew_ready_file)
        self._stack = Stack(data, ports, data.secrets(), console, self.supervisor, demo_providers)
        self._console = console
        self._ready_file = ready_file
        self._access: Access | None = None

    async def run(self, *, demo: bool) -> None:
        """Runs until cancelled. Raises DevError when something does not start."""
        self.withdraw_ready_file()
        if self._ready_file is not None and not self._ready_file.parent.is_dir():
            raise DevError(f"The ready file {self._ready_file} cannot be written: there is no such directory.")
        self._console.say(f"data in {self._stack.data.root}")
        self._access = access = await self._stack.up(demo=demo)
        self._write_ready_file()
        if demo:
            await self._demo(access).run()
        self._console.block(self._closing_words(access, demo=demo))
        await asyncio.Event().wait()

    def withdraw_ready_file(self) -> None:
        """Nobody may take the last run's addresses for this one's."""
        if self._ready_file is not None:
            self._ready_file.unlink(missing_ok=True)

    def _renew_ready_file(self) -> None:
        """After a restart, which changed a pid."""
        try:
            self._write_ready_file()
        except DevError as error:
            self._console.say(str(error))

    def _write_ready_file(self) -> None:
        if self._ready_file is None or self._access is None:
            return
        stack, access = self._stack, self._access
        ready = {
            "console_url": stack.console_url,
            "login_url": access.login_url,
            "api_url": stack.api_url,
            "api_token": access.api_token,
            "temporal_address": f"{HOST}:{stack.ports.temporal}",
            "temporal_ui_url": stack.temporal_ui_url,
            "smtp_port": stack.ports.smtp,
            "webhooks_url": stack.webhooks_url,
            "mailboxes": [{"id": str(m.id), "address": m.address, "provider": m.provider} for m in access.mailboxes],
            "database_url": stack.postgres.url(),
            "pids": self.supervisor.pids,
        }
        try:
            write_private(self._ready_file, json.dumps(ready, indent=2) + "\n")
        except OSError as error:
            raise DevError(f"The ready file {self._ready_file} cannot be written: {error.strerror}.") from error

    def _demo(self, access: Access) -> Demo:
        stack = self._stack
        return Demo(
            data=stack.data,
            ports=stack.ports,
            imap_password=stack.secrets.demo_imap_password,
            api_url=stack.api_url,
            api_token=access.api_token,
            console=self._console,
        )

    def _closing_words(self, access: Access, *, demo: bool) -> str:
        stack = self._stack
        look_at = (
            f"\n  Look at      {stack.console_url}/tasks: one question waits for you; answer it, and its run goes on"
            f"\n               {stack.console_url}/tickets: a ticket with a reply and its attachment"
            if demo
            else ""
        )
        return f"""
  postroom is running.

  Sign in      {access.login_url}
               (works once, for a day; every start prints a new one){look_at}
  Console      {stack.console_url}
  Temporal UI  {stack.temporal_ui_url}
  API          {stack.api_url}   (token in {stack.data.root / API_ACCESS_FILE})
  Send a mail  to {SUPPORT}, by SMTP on {HOST}:{stack.ports.smtp}
  Webhooks     {stack.webhooks_url}
  Commands     . {shlex.quote(str(stack.data.shell_file))} && postroom --help
  Data, logs   {stack.data.root}

  Ctrl-C stops everything.
"""
