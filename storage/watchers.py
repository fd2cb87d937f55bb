"""Who watches a ticket: proposed from To and Cc of its mails, watching once a person accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from domain.address import canonical

if TYPE_CHECKING:
    from storage.database import Session


async def of_ticket(session: Session, tenant_id: UUID, ticket_id: UUID) -> list[Any]:
    """`address`, `name`, `state` (proposed, watching, dismissed), `seen_in` (the mail), `decided_by`; by address."""
    return await session.fetch(
        """select address, name, state, seen_in, decided_by from ticket_watchers
            where tenant_id = $1 and ticket_id = $2 order by address limit 500""",
        tenant_id,
        ticket_id,
    )


async def decide(
    session: Session,
    tenant_id: UUID,
    ticket_id: UUID,
    address: str,
    state: Literal["proposed", "watching", "dismissed"],
    *,
    actor: str,
) -> None:
    """Proposes, accepts or dismisses somebody; audited. Raises LookupError for an unknown ticket."""
    if not await session.fetchval(
        "select true from tickets where tenant_id = $1 and ticket_id = $2", tenant_id, ticket_id
    ):
        raise LookupError(f"no ticket {ticket_id}")
    await session.execute(
        """with audited as (
             insert into audit (tenant_id, actor, action, object, detail)
             values ($1, $5, 'set_watcher', 'ticket/' || $2::uuid, jsonb_build_object('state', $4::text)))
           insert into ticket_watchers (tenant_id, ticket_id, address, state, decided_by) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, ticket_id, address) do update
             set state = excluded.state, decided_by = excluded.decided_by""",
        tenant_id,
        ticket_id,
        canonical(address),
        state,
        actor,
    )
