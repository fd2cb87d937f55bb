"""Erasing what was written, by message or by person. The evidence that stays: ids, digests, times, who asked, why.

A message keeps its row in the ledger, without anything of its content: its id is what keeps it from being read anew
when the source still has it. Each message is a transaction of its own, so an erasure of thousands may be interrupted
and repeated. The objects are owed (`storage.deletions`): others may refer to the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from domain import identity
from domain.address import canonical
from storage import audit, deletions, ledger
from storage.database import Database

if TYPE_CHECKING:
    from storage.database import Session

ERASED = "(erased)"
# Seconds that a look through everything a tenant ever received may take.
_LONG = 1800.0


class StillOpen(Exception):
    """The message waits for something; it is erased once it is done. Answer its question, or discard it."""


@dataclass
class Found:
    """What an erasure is about. `mentioned`: mails by others that were also sent to the person; they stay."""

    messages: list[UUID] = field(default_factory=list)
    still_open: list[UUID] = field(default_factory=list)
    mentioned: int = 0
    contacts: int = 0


async def find_message(session: Session, tenant_id: UUID, message_id: str) -> Found:
    """Every sighting of a message, by Message-ID (with or without brackets) or by the id of its ledger row."""
    try:
        wanted, key = UUID(message_id), ""
    except ValueError:
        wanted, key = None, identity.message_id(message_id) or ""
    rows = await session.fetch(
        """select email_id, state from emails
            where tenant_id = $1 and (email_id = $2 or message_key = $3) and erased_at is null order by seq""",
        tenant_id,
        wanted,
        key,
    )
    return Found(
        messages=[r["email_id"] for r in rows if r["state"] == "done"],
        still_open=[r["email_id"] for r in rows if r["state"] != "done"],
    )


async def find_person(session: Session, tenant_id: UUID, address: str) -> Found:
    """The mails that a person wrote, and what else is known of the address."""
    address = canonical(address)
    rows = await session.fetch(
        """select e.email_id, e.state from emails e
            where e.tenant_id = $1 and e.erased_at is null
              and (exists (select from email_contents c,
                                  jsonb_array_elements(coalesce(c.parsed -> 'from', '[]') ||
                                                       coalesce(c.parsed -> 'sender', '[]')) f
                            where c.tenant_id = e.tenant_id and c.email_id = e.email_id
                              and lower(f ->> 'address') = $2)
                   or exists (select from comments c where c.tenant_id = e.tenant_id and c.email_id = e.email_id
                               and lower(c.author_address) = $2))
            order by e.seq""",
        tenant_id,
        address,
        timeout=_LONG,
    )
    mentioned = await session.fetchval(
        """select count(*) from email_contents c
            where c.tenant_id = $1 and not c.email_id = any($3)
              and exists (select from jsonb_array_elements(coalesce(c.parsed -> 'to', '[]') ||
                                                           coalesce(c.parsed -> 'cc', '[]')) f
                           where lower(f ->> 'address') = $2)""",
        tenant_id,
        address,
        [row["email_id"] for row in rows],
        timeout=_LONG,
    )
    contacts = await session.fetchval(
        """select count(*) from contacts c
            where c.tenant_id = $1 and (c.address = $2 or exists (
              select from contact_addresses a where a.tenant_id = $1 and a.contact_id = c.contact_id
                 and a.address = $2))""",
        tenant_id,
        address,
    )
    return Found(
        messages=[r["email_id"] for r in rows if r["state"] == "done"],
        still_open=[r["email_id"] for r in rows if r["state"] != "done"],
        mentioned=mentioned,
        contacts=contacts,
    )


async def erase_messages(db: Database, tenant_id: UUID, found: Found, *, by: str, reason: str) -> None:
    for email_id in found.messages:
        async with db.tenant(tenant_id) as session:
            await erase_message(session, tenant_id, email_id, by=by, reason=reason)


async def erase_message(session: Session, tenant_id: UUID, email_id: UUID, *, by: str, reason: str) -> None:
    """Safe to repeat. Raises StillOpen for a message that is not done, LookupError for an unknown one."""
    row = await ledger.get(session, tenant_id, email_id, lock=True)
    if row["state"] != "done":
        raise StillOpen(str(email_id))
    if row["erased_at"] is not None:
        return
    parts = await session.fetch(
        """update attachments set filename = $3, content_id = null, state = 'skipped', reason = 'erased'
            where tenant_id = $1 and email_id = $2 returning sha256""",
        tenant_id,
        email_id,
        ERASED,
    )
    for statement in _CONTENT:
        await session.execute(statement, tenant_id, email_id)
    for statement in _TEXTS:
        await session.execute(statement, tenant_id, email_id, ERASED)
    await session.execute(
        """update emails set erased_at = now(), raw_deleted_at = coalesce(raw_deleted_at, now()),
                  timeline = timeline || step('erased') where tenant_id = $1 and email_id = $2""",
        tenant_id,
        email_id,
    )
    raw = [row["raw_sha256"]] if row["raw_sha256"] else []
    digests = sorted({part["sha256"] for part in parts})
    await deletions.owe(session, tenant_id, raw, digests)
    evidence = {
        "reason": reason,
        "outcome": row["outcome"],
        "received_at": row["received_at"].isoformat(),
        "listed_at": row["listed_at"].isoformat(),
        "raw_sha256": row["raw_sha256"],
        "content_sha256": row["content_sha256"],
        "attachments": digests,
    }
    await audit.record(session, tenant_id, by, "erase", f"email/{email_id}", evidence)


_CONTENT = (
    "delete from email_contents where tenant_id = $1 and email_id = $2",
    "delete from decisions where tenant_id = $1 and email_id = $2",
    "delete from bounced_addresses where tenant_id = $1 and email_id = $2",
    "delete from ticket_watchers where tenant_id = $1 and seen_in = $2 and state = 'proposed'",
    "update circuits set key = circuit_id::text where tenant_id = $1 and email_id = $2 and scope = 'pair'",
)
_TEXTS = (
    """update comments set text = $3, author_name = $3, author_address = '' where tenant_id = $1 and email_id = $2""",
    """update tasks set question = $3, candidates = '[]', options = '[]' where tenant_id = $1 and email_id = $2""",
    # A ticket has the subject of the mail that opened it.
    """update tickets t set subject = $3, subject_key = '' from emails e
        where e.tenant_id = $1 and e.email_id = $2 and e.outcome = 'ticket'
          and t.tenant_id = $1 and t.ticket_id = e.ticket_id""",
)


async def erase_person(db: Database, tenant_id: UUID, address: str, found: Found, *, by: str, reason: str) -> None:
    """Their mails, what is known of the address, and where it is named in records about the mails of others."""
    await erase_messages(db, tenant_id, found, by=by, reason=reason)
    address = canonical(address)
    async with db.tenant(tenant_id) as session:
        for statement in _PERSON:
            await session.execute(statement, tenant_id, address)
        # The whole address: not the end of a longer one.
        anywhere = rf"(?<![\w.+-]){re.escape(address)}(?![\w-])"
        for statement in _NAMED:
            await session.execute(statement, tenant_id, f"%{_like(address)}%", anywhere, ERASED, timeout=_LONG)
        evidence = {"reason": reason, "messages": len(found.messages), "contacts": found.contacts}
        await audit.record(session, tenant_id, by, "erase", f"person/{digest(tenant_id, address)}", evidence)


_PERSON = (
    """delete from contacts c where c.tenant_id = $1 and (c.address = $2 or exists (
         select from contact_addresses a where a.tenant_id = $1 and a.contact_id = c.contact_id and a.address = $2))""",
    "delete from sender_associations where tenant_id = $1 and kind = 'address' and value = $2",
    "delete from ticket_participants where tenant_id = $1 and address = $2",
    "delete from ticket_watchers where tenant_id = $1 and address = $2",
    "delete from bounced_addresses where tenant_id = $1 and address = $2",
    "delete from loop_counts where tenant_id = $1 and scope = 'pair' and strpos(key, $2) > 0",
    "update circuits set key = circuit_id::text where tenant_id = $1 and scope = 'pair' and strpos(key, $2) > 0",
    """update outbound_messages set recipients = array_remove(recipients, $2)
        where tenant_id = $1 and $2 = any(recipients)""",
)
# Records of other mails that name the address: the name goes, the record stays readable.
_NAMED = (
    """update decisions set record = regexp_replace(record::text, $3, $4, 'gi')::jsonb
        where tenant_id = $1 and record::text ilike $2""",
    """update tasks set candidates = regexp_replace(candidates::text, $3, $4, 'gi')::jsonb,
              options = regexp_replace(options::text, $3, $4, 'gi')::jsonb,
              question = regexp_replace(question, $3, $4, 'gi')
        where tenant_id = $1 and state <> 'open'
          and (question || candidates::text || options::text) ilike $2""",
)


def digest(tenant_id: UUID, address: str) -> str:
    """Stands for a person in the evidence: whoever knows the address can tell that it was erased."""
    return hashlib.sha256(f"{tenant_id}/{canonical(address)}".encode()).hexdigest()


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
