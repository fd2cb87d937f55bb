"""Inbound defaults: the destinations of new mail, who uses them, and where they are missing or broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.rule_actions import Priority
from storage import audit, tenants
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session


class Refused(Exception):
    """These defaults cannot be; the text says why to a person."""


async def listing(session: Session, tenant_id: UUID) -> list[Any]:
    """By name: the row, `assignee` (address), `mailboxes`, and how many `clients`, `contacts` and `domains` use it."""
    return await session.fetch(
        """select d.*, u.email as assignee,
                  array(select address from mailboxes m
                         where m.tenant_id = $1 and m.defaults_id = d.defaults_id and m.state <> 'removed'
                         order by 1) as mailboxes,
                  (select count(*) from clients c where c.tenant_id = $1 and c.defaults_id = d.defaults_id) as clients,
                  (select count(*) from contacts p where p.tenant_id = $1 and p.defaults_id = d.defaults_id)
                    as contacts,
                  (select count(distinct c.domain) from client_domains c
                    where c.tenant_id = $1 and c.defaults_id = d.defaults_id) as domains
             from inbound_defaults d left join users u on u.tenant_id = $1 and u.user_id = d.assignee_id
            where d.tenant_id = $1 order by d.name""",
        tenant_id,
    )


async def mailboxes(session: Session, tenant_id: UUID) -> list[Any]:
    """Each mailbox that was not removed, by address: its `defaults_id`, their `name` and whether they are `active`;
    `waiting`: how many mails wait because there are none that hold."""
    return await session.fetch(
        """select m.mailbox_id, m.address, m.defaults_id, d.name, coalesce(d.active, false) as active,
                  (select count(*) from tasks t where t.tenant_id = $1 and t.mailbox_id = m.mailbox_id
                      and t.state = 'open' and t.kind = 'missing_defaults') as waiting
             from mailboxes m
             left join inbound_defaults d on d.tenant_id = $1 and d.defaults_id = m.defaults_id
            where m.tenant_id = $1 and m.state <> 'removed' order by m.address""",
        tenant_id,
    )


async def save(
    session: Session,
    tenant_id: UUID,
    defaults_id: UUID | None,
    *,
    name: str,
    queue: str,
    priority: Priority,
    assignee_id: UUID | None,
    active: bool,
    actor: str,
) -> UUID:
    """Changes defaults, or (None) adds some; audited. Raises LookupError for unknown ones, Refused."""
    if assignee_id is not None and not await session.fetchval(
        "select true from users where tenant_id = $1 and user_id = $2", tenant_id, assignee_id
    ):
        raise Refused("There is no such user to assign to.")
    await tenants.take_turns(session, tenant_id)
    if await session.fetchval(
        "select true from inbound_defaults where tenant_id = $1 and name = $2 and defaults_id is distinct from $3",
        tenant_id,
        name,
        defaults_id,
    ):
        raise Refused(f"There are inbound defaults named “{name}” already.")
    saved: UUID | None = await session.fetchval(
        """insert into inbound_defaults (tenant_id, defaults_id, name, queue, priority, assignee_id, active)
           values ($1, $2, $3, $4, $5, $6, $7) returning defaults_id"""
        if defaults_id is None
        else """update inbound_defaults set name = $3, queue = $4, priority = $5, assignee_id = $6, active = $7
                 where tenant_id = $1 and defaults_id = $2 returning defaults_id""",
        tenant_id,
        defaults_id or new_id(),
        name,
        queue,
        priority,
        assignee_id,
        active,
    )
    if saved is None:
        raise LookupError(f"no inbound defaults {defaults_id}")
    detail = {"name": name, "queue": queue, "priority": priority, "active": active}
    await audit.record(session, tenant_id, actor, "save_defaults", f"defaults/{saved}", detail)
    return saved


async def of_mailbox(
    session: Session, tenant_id: UUID, mailbox_id: UUID, defaults_id: UUID | None, *, actor: str
) -> None:
    """What a mailbox uses from now on; audited. Raises LookupError for an unknown mailbox, Refused."""
    if not await session.fetchval(
        "select true from mailboxes where tenant_id = $1 and mailbox_id = $2 and state <> 'removed'",
        tenant_id,
        mailbox_id,
    ):
        raise LookupError(f"no mailbox {mailbox_id}")
    if defaults_id is not None and not await session.fetchval(
        "select active from inbound_defaults where tenant_id = $1 and defaults_id = $2", tenant_id, defaults_id
    ):
        raise Refused("There are no such inbound defaults, or they are inactive.")
    await session.execute(
        "update mailboxes set defaults_id = $3 where tenant_id = $1 and mailbox_id = $2",
        tenant_id,
        mailbox_id,
        defaults_id,
    )
    detail = {"defaults_id": str(defaults_id) if defaults_id else None}
    await audit.record(session, tenant_id, actor, "set_defaults", f"mailbox/{mailbox_id}", detail)
