"""`parse_message`: raw bytes to a parsed email in Postgres, in a process that may be killed."""

from __future__ import annotations

from temporalio import activity

from activities.services import Services
from domain.identity import content_digest
from domain.inbound import InboundEmail, ParseResult
from storage import ledger
from storage.objects import raw_key


class ParseMessage:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def parse_message(self, email: InboundEmail) -> ParseResult:
        """A mail that cannot be parsed is salvaged and flagged by the pool, never an error here."""
        services = self._services
        async with services.db.tenant(email.tenant_id) as session:
            row = await ledger.get(session, email.tenant_id, email.email_id)
        raw = await services.objects.get(raw_key(email.tenant_id, row["raw_sha256"]))
        parsed = await services.parser.parse(raw, received_at=row["received_at"])
        async with services.db.tenant(email.tenant_id) as session:
            await ledger.parsed(
                session, email.tenant_id, email.email_id, parsed.model_dump(mode="json"), content_digest(raw)
            )
        return ParseResult(attachments=len(parsed.attachments), problems=len(parsed.problems))
