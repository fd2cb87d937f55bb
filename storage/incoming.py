"""A message on its way to a decision, and what holds for its mailbox at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.email import ParsedEmail
from domain.policy import MailboxPolicy, TenantPolicy
from storage import policies

if TYPE_CHECKING:
    from storage.database import Session


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to be decided; in the ledger, or (a dry run) not. `seq` is its place among the sightings,
    `provider_thread_id` what its source calls the conversation."""

    tenant_id: UUID
    email_id: UUID
    mailbox_id: UUID
    message_key: str
    seq: int
    content_sha256: str | None
    email: ParsedEmail
    received_at: datetime
    provider_thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for the mailbox when a message is decided."""

    address: str
    mailbox: MailboxPolicy
    tenant: TenantPolicy
    defaults_id: UUID | None
    rules_version: int
    rules_saved_at: datetime | None
    storms: bool
    own_message: bool
    now: datetime


_SETTING = """
m.address, m.policy as mailbox_policy, t.policy as tenant_policy, d.defaults_id as valid_defaults, now() as now,
coalesce((select max(version) from rule_sets r where r.tenant_id = m.tenant_id), 0) as rules_version,
(select max(created_at) from rule_sets r where r.tenant_id = m.tenant_id) as rules_saved_at,
exists (select from circuits c where c.tenant_id = m.tenant_id
         and coalesce(c.closed_at, now()) > now() - interval '1 hour') as storms"""
_SETTING_FROM = """
join tenants t on t.tenant_id = m.tenant_id
left join inbound_defaults d on d.tenant_id = m.tenant_id and d.defaults_id = m.defaults_id and d.active"""


async def load(session: Session, tenant_id: UUID, email_id: UUID) -> tuple[Incoming, Setting]:
    """A message of the ledger that was parsed. Raises LookupError for any other."""
    row = await session.fetchrow(
        f"""select e.email_id, e.mailbox_id, e.message_key, e.seq, e.content_sha256, e.received_at,
                   e.provider_thread_id, c.parsed, {_SETTING},
                   exists (select from outbound_messages o
                            where o.tenant_id = e.tenant_id and o.message_id = e.message_key) as own_message
              from emails e join email_contents c using (tenant_id, email_id)
              join mailboxes m using (tenant_id, mailbox_id) {_SETTING_FROM}
             where e.tenant_id = $1 and e.email_id = $2""",  # noqa: S608 (constants only)
        tenant_id,
        email_id,
    )
    if row is None:
        raise LookupError(f"email {email_id} is not parsed")
    incoming = Incoming(
        tenant_id,
        email_id,
        row["mailbox_id"],
        row["message_key"],
        row["seq"],
        row["content_sha256"],
        ParsedEmail.model_validate(row["parsed"]),
        row["received_at"],
        row["provider_thread_id"],
    )
    return incoming, _setting(row)


async def setting(session: Session, incoming: Incoming) -> Setting:
    """For a message that is not in the ledger. Raises LookupError for an unknown mailbox."""
    row = await session.fetchrow(
        f"""select {_SETTING}, exists (select from outbound_messages o
                                        where o.tenant_id = $1 and o.message_id = $3) as own_message
              from mailboxes m {_SETTING_FROM} where m.tenant_id = $1 and m.mailbox_id = $2""",  # noqa: S608
        incoming.tenant_id,
        incoming.mailbox_id,
        incoming.message_key,
    )
    if row is None:
        raise LookupError(f"no mailbox {incoming.mailbox_id}")
    return _setting(row)


def _setting(row: Any) -> Setting:
    return Setting(
        address=row["address"],
        mailbox=policies.read(MailboxPolicy, row["mailbox_policy"]),
        tenant=policies.read(TenantPolicy, row["tenant_policy"]),
        defaults_id=row["valid_defaults"],
        rules_version=row["rules_version"],
        rules_saved_at=row["rules_saved_at"],
        storms=row["storms"],
        own_message=row["own_message"],
        now=row["now"],
    )
