"""Mail that other systems send for our tickets: the headers that make its answers thread, and the record of its ids."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from domain import reply_token
from domain.address import canonical

if TYPE_CHECKING:
    from storage.database import Session

# As many as mail programs keep: the first and the newest.
MAX_REFERENCES = 20
# RFC 5321 §4.5.3.1.1
_MAX_LOCAL_PART = 64
VALID_FOR = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class OutboundHeaders:
    """What to send with: header fields by name, and a marker to put into the body on a line of its own."""

    message_id: str
    headers: dict[str, str]
    marker: str


async def prepare(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    ticket_id: UUID,
    recipients: Sequence[str],
    *,
    actor: str,
    valid_for: timedelta = VALID_FOR,
) -> OutboundHeaders:
    """Mints and records the headers of one mail to `recipients` about a ticket (a merged one: about what it became).

    A mail to one person carries tokens that only they may use. Raises LookupError for an unknown ticket.
    """
    ticket = await session.fetchrow(
        """select t.ticket_id, t.number, m.address, current_date as today from tickets o
             join tickets t on t.tenant_id = $1 and t.ticket_id = coalesce(o.merged_into, o.ticket_id)
             join mailboxes m on m.tenant_id = $1 and m.mailbox_id = t.mailbox_id
            where o.tenant_id = $1 and o.ticket_id = $2 for update of t""",
        tenant_id,
        ticket_id,
    )
    if ticket is None:
        raise LookupError(f"no ticket {ticket_id}")
    addresses = sorted({canonical(address) for address in recipients})
    token = reply_token.mint(
        keys,
        tenant_id,
        ticket["number"],
        recipient=addresses[0] if len(addresses) == 1 else None,
        expires=ticket["today"] + valid_for,
    )
    local, _, domain = ticket["address"].rpartition("@")
    message_id = f"{token}.{secrets.token_hex(4)}@{domain}"
    references = await _references(session, tenant_id, ticket["ticket_id"])
    await _record(session, tenant_id, ticket["ticket_id"], message_id, addresses, actor)
    tagged = f"{local}+{token}"
    headers = {
        "Message-ID": f"<{message_id}>",
        "Reply-To": f"{tagged}@{domain}" if len(tagged) <= _MAX_LOCAL_PART else ticket["address"],
        # RFC 3834 §5: no responder shall answer; the second field is what Exchange heeds.
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    if references:
        headers["In-Reply-To"] = f"<{references[-1]}>"
        headers["References"] = " ".join(f"<{reference}>" for reference in references)
    return OutboundHeaders(message_id, headers, f"[{token}]")


async def _references(session: Session, tenant_id: UUID, ticket_id: UUID) -> list[str]:
    """The ids of the conversation, oldest first: the first one and the newest."""
    rows = await session.fetch(
        """select message_id, at from (
             (select e.message_key as message_id, c.created_at as at from comments c
                join emails e using (tenant_id, email_id) where c.tenant_id = $1 and c.ticket_id = $2
               order by c.created_at, c.seq limit 1)
             union
             (select e.message_key, c.created_at from comments c
                join emails e using (tenant_id, email_id) where c.tenant_id = $1 and c.ticket_id = $2
               order by c.created_at desc, c.seq desc limit $3)
             union
             (select message_id, created_at from outbound_messages where tenant_id = $1 and ticket_id = $2
               order by created_at desc limit $3)) as ids
            where message_id not like '<%' order by at""",
        tenant_id,
        ticket_id,
        MAX_REFERENCES,
    )
    ids = list(dict.fromkeys(row["message_id"] for row in rows))
    return ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[-MAX_REFERENCES + 1 :]]


async def _record(
    session: Session, tenant_id: UUID, ticket_id: UUID, message_id: str, recipients: list[str], actor: str
) -> None:
    await session.execute(
        """with id as (
             insert into ticket_message_ids (tenant_id, message_id, ticket_id, kind) values ($1, $3, $2, 'member')),
           audited as (
             insert into audit (tenant_id, actor, action, object, detail)
             values ($1, $5, 'outbound', 'ticket/' || $2, jsonb_build_object('message_id', $3::text)))
           insert into outbound_messages (tenant_id, message_id, ticket_id, recipients, created_by)
           values ($1, $3, $2, $4, $5)""",
        tenant_id,
        ticket_id,
        message_id,
        recipients,
        actor,
    )
