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
from workers.dev.demo_mails import ORDERS, DemoMail, conversation
from workers.dev.output import Console
from workers.dev.ports import HOST, Ports

# Kept in the data directory: when the demo's mails were written, and that all of them were handed over.
BEGUN = "demo-begun"
SENT = "demo-sent"
# The mails are dated a little back, as if they had come in before the newcomer did.
LEAD = timedelta(minutes=15)

POLL = 0.3
RETRY = 1.0
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
        """Sends the mails one after the other, each once the one before has its outcome or waits for a person."""
        if self.data.remembered(SENT) is not None:
            self.console.say("the demo conversation came in on an earlier start")
            return
        self.console.say("a sample conversation comes in: five mails by SMTP, one over IMAP")
        async with self._api() as api:
            for deliveries in conversation(self._begun()).story():
                for mail in deliveries:
                    await self._deliver(mail)
                await self._follow(api, deliveries[0], len(deliveries))
        self.data.remember(SENT, datetime.now(UTC).isoformat())

    def _begun(self) -> datetime:
        begun = self.data.remembered(BEGUN)
        if begun is None:
            begun = (datetime.now(UTC) - LEAD).isoformat()
            self.data.remember(BEGUN, begun)
        return datetime.fromisoformat(begun)

    async def _deliver(self, mail: DemoMail) -> None:
        """Hands a mail over, again and again as a relay would while the receiver is away."""
        while True:
            try:
                return await asyncio.to_thread(self._hand_over, mail)
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error):
                await asyncio.sleep(RETRY)

    def _hand_over(self, mail: DemoMail) -> None:
        if mail.recipient == ORDERS:
            # Not sent to us: a colleague drops it into the mailbox that postroom watches.
            with imaplib.IMAP4(HOST, self.ports.demo_imap, timeout=30) as imap:
                imap.login(ORDERS, self.imap_password)
                imap.append("INBOX", "", imaplib.Time2Internaldate(datetime.now(UTC)), mail.as_bytes())
        else:
            with smtplib.SMTP(HOST, self.ports.smtp, timeout=30) as smtp:
                smtp.sendmail(parseaddr(str(mail.message["From"]))[1], [mail.recipient], mail.as_bytes())

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
        page = await self._get(api, "/emails", message_id=message_id)
        # Newest first, but a story begins at its beginning.
        return list(reversed(page["items"])) if page else []

    async def _get(self, api: aiohttp.ClientSession, path: str, **query: str) -> dict[str, Any] | None:
        try:
            async with api.get(self.api_url + path, params=query) as answer:
                body: dict[str, Any] = await answer.json()
                return body
        except (aiohttp.ClientError, TimeoutError):
            # The console may be starting again; the mail is none the worse for it.
            return None

    async def _fate(self, api: aiohttp.ClientSession, email: dict[str, Any]) -> str | None:
        """What became of one sighting, in words; None while that is open."""
        if email["state"] == "waiting":
            return "waits for a person"
        if email["state"] != "done":
            return None
        match email["outcome"]:
            case "ticket" | "comment" as outcome:
                ticket = await self._get(api, f"/tickets/{email['ticket_id']}")
                if ticket is None:
                    return None
                return f"{'ticket' if outcome == 'ticket' else 'comment on ticket'} {ticket['number']}"
            case "duplicate":
                return "delivered a second time, recognised as a duplicate"
            case other:
                return f"{other} {email['reason']}".strip()
