"""What would become of a mail, for the API and the rule tester: the production evaluator, and nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

from console.services import Services
from domain.deciding import Decision
from domain.rules import RuleSet
from mail.fields import header_fields
from mail.pool import ParserPool
from storage import dry_run

# Each starts a parser of its own; more at a time would only slow each other.
_PARSERS = asyncio.Semaphore(2)


async def explain(
    services: Services, tenant_id: UUID, mailbox_id: UUID, raw: bytes, draft: RuleSet | None = None
) -> Decision:
    """The decision about a raw message, under rules of the draft if there is one. Raises LookupError for no mailbox."""
    async with _PARSERS:
        parser = ParserPool(processes=1)
        await parser.start()
        try:
            email = await parser.parse(raw, received_at=datetime.now(UTC))
        finally:
            await parser.close()
    async with services.db.tenant(tenant_id) as session:
        return await dry_run.explain(
            session, services.token_keys, tenant_id, mailbox_id, raw, email, header_fields(raw), draft
        )


def written(told: Mapping[str, str]) -> bytes:
    """The mail that a person wrote into a form: `from`, `subject` and `body`."""
    mail = EmailMessage()
    for name in ("From", "Subject"):
        value = " ".join(told[name.lower()].split())
        try:
            mail[name] = value
        except (ValueError, IndexError):
            mail[name] = Address(display_name=value) if name == "From" else ""
    mail.set_content(told["body"])
    return mail.as_bytes()
