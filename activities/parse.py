"""`parse_message`: raw bytes to a parsed email in Postgres, in a process that may be killed."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

from temporalio import activity

from activities import counting
from activities.heartbeat import heartbeating
from activities.services import Services
from domain.email import ParsedEmail
from domain.identity import content_digest
from domain.inbound import InboundEmail, ParseResult
from domain.mail_keys import MailKey
from storage import ledger, mail_keys
from storage.objects import raw_key

# Above this, in bytes, digesting would hold the event loop up.
_LARGE = 1 << 20


def needs_keys(parsed: ParsedEmail) -> bool:
    """Whether a key of the mailbox could open or verify something that was read without one."""
    locked = any(problem.code == "encrypted" for problem in parsed.problems)
    return locked or any(signature.verdict == "unverified" for signature in parsed.signatures)


async def keys_of(services: Services, tenant_id: UUID, mailbox_id: UUID) -> list[MailKey]:
    """The mailbox's keys and certificates, open."""
    async with services.db.tenant(tenant_id) as session:
        return await mail_keys.of_mailbox(session, services.keyring, tenant_id, mailbox_id)


class ParseMessage:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def parse_message(self, email: InboundEmail) -> ParseResult:
        """A mail that cannot be parsed is salvaged and flagged by the pool, never an error here."""
        async with heartbeating():
            return await self._parse(email)

    async def _parse(self, email: InboundEmail) -> ParseResult:
        services = self._services
        sha256, received_at = await self._raw(email)
        # Only small mails are parsed in a local activity.
        async with nullcontext() if activity.info().is_local else services.parser.turns:
            raw = await services.objects.get(raw_key(email.tenant_id, sha256))
            parsed = await services.parser.parse(raw, received_at=received_at)
            if needs_keys(parsed):
                keys = await keys_of(services, email.tenant_id, email.mailbox_id)
                if keys:
                    parsed = await services.parser.parse(raw, received_at=received_at, keys=keys)
            digest = content_digest(raw) if len(raw) < _LARGE else await asyncio.to_thread(content_digest, raw)
            del raw
        async with services.db.tenant(email.tenant_id) as session:
            await ledger.parsed(session, email.tenant_id, email.email_id, parsed.model_dump(mode="json"), digest)
        counting.parsed(parsed.problems)
        return ParseResult(attachments=len(parsed.attachments), problems=len(parsed.problems))

    async def _raw(self, email: InboundEmail) -> tuple[str, datetime]:
        """The digest of the stored bytes and when they arrived; a message that was fetched has them in the ledger."""
        if email.sha256 and email.received_at:
            return email.sha256, email.received_at
        async with self._services.db.tenant(email.tenant_id) as session:
            row = await ledger.get(session, email.tenant_id, email.email_id)
        return row["raw_sha256"], row["received_at"]
