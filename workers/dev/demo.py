"""The demo: sends the sample conversation as its senders would, and tells what becomes of each mail."""

import asyncio
import imaplib
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

import aiohttp

from workers.dev.data_dir import DataDir
from workers.dev.demo_mails import ORDERS, Conversation, DemoMail, conversation
from workers.dev.output import Console
from workers.dev.ports import HOST, Ports

# Kept in the data directory: when the demo's mails were written, and that all of them were handed over.
BEGUN = "demo-begun"
SENT = "demo-sent"
# The mails are dated a little back, as if they had come in before the newcomer did.
LEAD = timedelta(minutes=15)

POLL = 0.3
PATIENCE = 90.0


@dataclass(frozen=True)
class Demo:
    """Sends once per data directory. `api_url` ends in /api/v1."""

    data: DataDir
    ports: Ports
    imap_password: str
    api_url: str
    api_token: str
    console: Console

    async def run(self) -> None:
        """Sends what was not sent yet and returns once every mail has its outcome or waits for a person."""
        if self.data.remembered(SENT) is not None:
            self.console.say("the demo conversation came in on an earlier start")
            return
        mails = conversation(self._begun())
        self.console.say("sending the demo conversation: five mails by SMTP, one over IMAP")
        await asyncio.to_thread(self._send, mails)
        self.data.remember(SENT, datetime.now(UTC).isoformat())
        async with self._api() as api:
            for mail, sightings in _expected(mails):
                await self._follow(api, mail, sightings)

    def _begun(self) -> datetime:
        begun = self.data.remembered(BEGUN)
        if begun is None:
            begun = (datetime.now(UTC) - LEAD).isoformat()
            self.data.remember(BEGUN, begun)
        return datetime.fromisoformat(begun)

    def _send(self, mails: Conversation) -> None:
        by_smtp = (mails.terminal, mails.terminal_reply, mails.colleague, mails.repeated, mails.invoices)
        with smtplib.SMTP(HOST, self.ports.smtp, timeout=30) as smtp:
            for mail in by_smtp:
                smtp.sendmail(parseaddr(str(mail.message["From"]))[1], [mail.recipient], mail.as_bytes())
        with imaplib.IMAP4(HOST, self.ports.demo_imap, timeout=30) as imap:
            imap.login(ORDERS, self.imap_password)
            imap.append("INBOX", "", imaplib.Time2Internaldate(datetime.now(UTC)), mails.scanners.as_bytes())

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {"Authorization": f"Bearer {self.api_token}"}
        async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
            yield session

    async def _follow(self, api: aiohttp.ClientSession, mail: DemoMail, sightings: int) -> None:
        """Says what became of each of the `sightings` of one mail, as it happens."""
        told: set[str] = set()
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while len(told) < sightings:
            for email in await self._emails(api, mail.message_id):
                if email["id"] not in told and (fate := await self._fate(api, email)):
                    told.add(email["id"])
                    self.console.line("demo", f"{mail.title}: {fate}")
            if asyncio.get_running_loop().time() > deadline:
                self.console.line("demo", f"{mail.title}: still on its way")
                return
            await asyncio.sleep(POLL)

    async def _emails(self, api: aiohttp.ClientSession, message_id: str) -> list[dict[str, Any]]:
        try:
            async with api.get(f"{self.api_url}/emails", params={"message_id": message_id}) as answer:
                # Newest first, but a story begins at its beginning.
                return list(reversed((await answer.json())["items"]))
        except aiohttp.ClientError:
            # The console may be starting again; the mail is none the worse for it.
            return []

    async def _fate(self, api: aiohttp.ClientSession, email: dict[str, Any]) -> str | None:
        """What became of one sighting, in words; None while that is open."""
        if email["state"] == "waiting":
            return "waits for a person"
        if email["state"] != "done":
            return None
        match email["outcome"]:
            case "ticket" | "comment" as outcome:
                async with api.get(f"{self.api_url}/tickets/{email['ticket_id']}") as answer:
                    number = (await answer.json())["number"]
                return f"ticket {number}" if outcome == "ticket" else f"comment on ticket {number}"
            case "duplicate":
                return "delivered a second time, recognised as a duplicate"
            case other:
                return f"{other} {email['reason']}".strip()


def _expected(mails: Conversation) -> list[tuple[DemoMail, int]]:
    """Every mail to follow, in the order of the story, with how often it was delivered."""
    return [
        (mails.terminal, 1),
        (mails.terminal_reply, 1),
        (mails.colleague, 2),
        (mails.scanners, 1),
        (mails.invoices, 1),
    ]
