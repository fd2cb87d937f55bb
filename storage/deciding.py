"""Deciding over a message in the database: evaluate, wait for what has to come first, and keep the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.deciding import PERSON_PATIENCE, Decision, decide
from domain.task import Answered
from storage import canary, evidence, incoming, loops, tasks
from storage.evidence import HeaderLoader, no_headers

if TYPE_CHECKING:
    from storage.database import Session

_WAITS_LOCK = 1


async def evaluate(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    email_id: UUID,
    answers: Sequence[Answered],
    waited: frozenset[UUID] = frozenset(),
    headers: HeaderLoader = no_headers,
) -> Decision:
    """The decision as of now. Writes nothing; dry runs gather and decide with the very same functions."""
    message, holds = await incoming.load(session, tenant_id, email_id)
    return decide(await evidence.gather(session, keys, message, holds, waited, headers), answers)


async def find_thread(
    session: Session,
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    email_id: UUID,
    answers: Sequence[Answered],
    waited: frozenset[UUID],
    headers: HeaderLoader = no_headers,
) -> Decision:
    """Evaluates, registers a wait or opens a circuit, and keeps the decision record."""
    answers = await tasks.named(session, tenant_id, answers)
    waited -= await _came_to_wait_for_a_person(session, tenant_id, waited)
    while True:
        decision = await evaluate(session, keys, tenant_id, email_id, answers, waited, headers)
        if decision.wait_for is not None:
            if await _register_wait(session, tenant_id, email_id, decision.wait_for):
                break
            waited |= {decision.wait_for}
        elif decision.opens_circuit is None or await loops.open_circuit(
            session, tenant_id, decision.opens_circuit, email_id
        ):
            break
    await session.execute(
        """insert into decisions (tenant_id, email_id, record) values ($1, $2, $3)
           on conflict (tenant_id, email_id) do update set record = excluded.record, decided_at = now()""",
        tenant_id,
        email_id,
        decision.model_dump(mode="json"),
    )
    if decision.canary is not None:
        await canary.arrived(session, tenant_id, email_id, decision.canary)
    return decision


async def waiters(session: Session, tenant_id: UUID, email_id: UUID) -> list[str]:
    """The workflows of the mails that wait for this one."""
    rows = await session.fetch(
        "select workflow_id from emails where tenant_id = $1 and waits_for = $2 and outcome is null",
        tenant_id,
        email_id,
    )
    return [row["workflow_id"] for row in rows]


async def _came_to_wait_for_a_person(session: Session, tenant_id: UUID, waited: frozenset[UUID]) -> frozenset[UUID]:
    """Mails that were waited for in vain and wait for a person by now: they are waited for as long as that takes."""
    if not waited:
        return waited
    rows = await session.fetch(
        """select email_id from emails e where tenant_id = $1 and email_id = any($2) and state = 'waiting'
              and listed_at > now() - $3::interval""",
        tenant_id,
        list(waited),
        PERSON_PATIENCE,
    )
    return frozenset(row["email_id"] for row in rows)


async def _register_wait(session: Session, tenant_id: UUID, email_id: UUID, parent: UUID) -> bool:
    """Notes that `email_id` waits for `parent`; False when it need not or must not.

    The parent's row is locked against its commit: either that commit sees this wait and wakes us, or we see its
    outcome.
    """
    await session.execute("select pg_advisory_xact_lock($1, hashtext($2))", _WAITS_LOCK, str(tenant_id))
    outcome = await session.fetchval(
        "select coalesce(outcome, 'open') from emails where tenant_id = $1 and email_id = $2 for share",
        tenant_id,
        parent,
    )
    circular = await session.fetchval(
        """with recursive chain (email_id, waits_for, depth) as (
             select email_id, waits_for, 1 from emails where tenant_id = $1 and email_id = $2
             union all
             select e.email_id, e.waits_for, depth + 1 from chain c
               join emails e on e.tenant_id = $1 and e.email_id = c.waits_for and e.outcome is null
              where depth < 1000)
           select true from chain where waits_for = $3 limit 1""",
        tenant_id,
        parent,
        email_id,
    )
    if outcome != "open" or circular or parent == email_id:
        return False
    await session.execute(
        """update emails set waits_for = $3,
                  timeline = case when waits_for is distinct from $3
                    then timeline || step('waiting for its parent', jsonb_build_object('email_id', $3))
                    else timeline end
            where tenant_id = $1 and email_id = $2""",
        tenant_id,
        email_id,
        parent,
    )
    return True
