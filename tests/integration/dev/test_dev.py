"""`postroom dev --demo`, the whole of it: what a newcomer sees, and what must never happen to it."""

import asyncio
import json
import os
import signal
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.dev.programs import free_ports, runs, until
from workers.dev import leftovers
from workers.dev.data_dir import DataDir
from workers.dev.demo_mails import SUPPORT
from workers.dev.ports import HOST, Ports

ROOT = Path(__file__).parents[3]
START_PATIENCE = 90


@dataclass
class Installation:
    """One data directory and the `postroom dev` that runs on it."""

    folder: Path
    ports: Ports = field(default_factory=free_ports)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> DataDir:
        return DataDir(self.folder / "data")

    @property
    def printed(self) -> str:
        return (self.folder / "printed").read_text()

    @property
    def ready(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((self.folder / "ready.json").read_text())
        return answer

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "workers.cli", "dev", "--data-dir", str(self.data.root), *options]

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self.folder / "printed").open("wb") as printed:
            return subprocess.Popen(
                self.command(
                    *("--demo", "--port-base", str(self.ports.console)),
                    *("--ready-file", str(self.folder / "ready.json")),
                ),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    async def start(self) -> None:
        """Returns once the demo is over and the closing words are printed."""
        self.process = self._launch()
        await until(lambda: "Ctrl-C stops everything" in self.printed or self.ended, "the start", START_PATIENCE)
        assert not self.ended, self.printed

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, 60)

    def processes(self) -> list[int]:
        """Everything that runs for this data directory, the supervisor aside."""
        return leftovers.marked(self.data.root) + leftovers.working_in(self.data.postgres)

    async def get(self, path: str, **parameters: str) -> Any:
        headers = {"Authorization": f"Bearer {self.ready['api_token']}"}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(f"{self.ready['api_url']}{path}", params=parameters) as answer,
        ):
            return await answer.json()

    async def tickets(self) -> dict[str, dict[str, Any]]:
        """Every ticket in full, by subject."""
        listed = (await self.get("/tickets"))["items"]
        full = [await self.get(f"/tickets/{ticket['id']}") for ticket in listed]
        assert len({ticket["subject"] for ticket in full}) == len(full), "two tickets for one conversation"
        return {ticket["subject"]: ticket for ticket in full}


@pytest.fixture(scope="module")
async def installation() -> AsyncIterator[Installation]:
    with tempfile.TemporaryDirectory() as folder:
        made = Installation(Path(folder))
        try:
            await made.start()
            yield made
        finally:
            if not made.ended:
                await made.end(signal.SIGTERM)


def refused(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_the_demo_shows_each_kind_of_outcome(installation: Installation) -> None:
    tickets = await installation.tickets()

    assert set(tickets) == {
        "Card terminal prints no receipts",
        "A new colleague on our account",
        "Order TB-2091: four handheld scanners",
    }
    first, reply = tickets["Card terminal prints no receipts"]["comments"]
    assert "takes payments" in first["text"]
    assert "self-test" in reply["text"]
    assert [attachment["filename"] for attachment in reply["attachments"]] == ["self-test.txt"]
    (task,) = (await installation.get("/tasks"))["items"]
    assert (task["kind"], task["state"]) == ("identify_client", "open")
    assert {candidate["title"] for candidate in task["candidates"]} == {"Harbour Bakery", "Tidewater Books"}


async def test_a_mail_that_was_delivered_twice_is_on_one_ticket(installation: Installation) -> None:
    tickets = await installation.tickets()
    repeated = tickets["A new colleague on our account"]
    deliveries = [
        email
        for email in (await installation.get("/emails"))["items"]
        if email["ticket_id"] == repeated["id"] and email["state"] == "done"
    ]

    assert sorted(email["outcome"] for email in deliveries) == ["duplicate", "ticket"]
    assert len(repeated["comments"]) == 1


async def test_the_ready_file_is_private_and_names_what_a_script_needs(installation: Installation) -> None:
    ready = installation.ready

    assert (installation.folder / "ready.json").stat().st_mode & 0o777 == 0o600
    assert ready["api_url"] == f"{ready['console_url']}/api/v1"
    assert {mailbox["provider"] for mailbox in ready["mailboxes"]} == {"smtp", "imap"}
    assert all(runs(pid) for pid in ready["pids"].values())
    assert ready["smtp_port"] == installation.ports.smtp


async def test_it_prints_what_became_of_each_mail_and_where_to_look(installation: Installation) -> None:
    printed = installation.printed

    for line in (
        "Mara's mail about the card terminal: ticket ",
        "her reply with the self-test attached: comment on ticket ",
        "Jonas's mail about a new colleague: delivered a second time, recognised as a duplicate",
        "Wren's order, over IMAP: ticket ",
        "a question from Ines, who keeps the books of two clients: waits for a person",
        installation.ready["login_url"],
        installation.ready["temporal_ui_url"],
    ):
        assert line in printed


async def test_a_second_dev_on_the_same_data_is_refused_in_one_sentence(installation: Installation) -> None:
    second = refused(*installation.command("--port-base", "40000"))

    assert second.returncode == 1
    assert second.stderr.startswith("postroom dev: Another postroom dev (process ")
    assert second.stderr.count("\n") == 1


async def test_a_port_in_use_is_refused_in_one_sentence(installation: Installation, tmp_path: Path) -> None:
    base = str(installation.ports.console)

    second = refused(*Installation(tmp_path, ports=installation.ports).command("--port-base", base))

    assert second.returncode == 1
    assert second.stderr == (
        f"postroom dev: Port {base} (console) is in use by another program; choose other ports with --port-base N.\n"
    )


def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "ready.json"

    answer = refused(*Installation(tmp_path).command("--ready-file", str(nowhere)))

    assert answer.returncode == 1
    assert answer.stderr == (f"postroom dev: The ready file {nowhere} cannot be written: there is no such directory.\n")
    assert answer.stdout == ""


@pytest.mark.parametrize("base", ["80", "many", "70000"])
def test_an_impossible_port_base_is_wrong_usage(base: str) -> None:
    answer = refused(sys.executable, "-m", "workers.cli", "dev", "--port-base", base)

    assert answer.returncode == 2
    assert "--port-base" in answer.stderr


async def test_everything_comes_back_after_every_process_was_killed(installation: Installation) -> None:
    before = installation.ready["pids"]

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    def all_back() -> bool:
        now = installation.ready["pids"]
        return all(now[name] != pid and runs(now[name]) for name, pid in before.items())

    await until(all_back, "new processes", START_PATIENCE)
    await until(lambda: installation.printed.count("back: ") >= len(before), "all of them ready", START_PATIENCE)
    await send(installation, "After the storm")
    await ticket_appears(installation, "After the storm")


async def test_nothing_survives_a_killed_supervisor_and_the_next_start_finds_the_data(
    installation: Installation,
) -> None:
    before = await installation.tickets()
    login_before = installation.ready["login_url"]

    await installation.end(signal.SIGKILL)
    await until(lambda: not installation.processes(), "the end of everything")
    await installation.start()

    assert set(await installation.tickets()) == set(before)
    assert "the demo conversation came in on an earlier start" in installation.printed
    assert installation.ready["login_url"] != login_before


async def test_an_interrupt_stops_everything_and_leaves_nothing(installation: Installation) -> None:
    status = await installation.end(signal.SIGINT)

    assert status == 0
    assert installation.printed.endswith("postroom | stopped; nothing is left running\n")
    assert "killed" not in installation.printed.partition("stopping")[2]
    assert installation.processes() == []
    assert not (installation.folder / "ready.json").exists()
    await installation.start()


async def test_a_second_interrupt_kills(installation: Installation) -> None:
    assert installation.process is not None
    os.kill(installation.ready["pids"]["worker"], signal.SIGSTOP)
    installation.process.send_signal(signal.SIGINT)
    await until(lambda: "stopping" in installation.printed, "the first interrupt")

    status = await installation.end(signal.SIGINT)

    assert status == 1
    assert not (installation.folder / "ready.json").exists()
    await until(lambda: not installation.processes(), "the end of everything")


async def send(installation: Installation, subject: str) -> None:
    message = EmailMessage()
    message["From"] = "Mara Lindqvist <mara@harbour-bakery.example>"
    message["To"] = SUPPORT
    message["Subject"] = subject
    message["Message-ID"] = f"<{subject.replace(' ', '-')}@harbour-bakery.example>"
    message.set_content("Is everybody well?")

    def deliver() -> None:
        with smtplib.SMTP(HOST, installation.ready["smtp_port"], timeout=30) as smtp:
            smtp.send_message(message)

    await asyncio.to_thread(deliver)


async def ticket_appears(installation: Installation, subject: str) -> None:
    async with asyncio.timeout(START_PATIENCE):
        while subject not in await installation.tickets():
            await asyncio.sleep(0.2)
