"""Work on a mailbox that was asked for, and what the checks against its source found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.mailbox_jobs import Comparison, Finding, JobKind
from storage.ledger import new_id

if TYPE_CHECKING:
    from storage.database import Session

# Older ones are forgotten when the mailbox gets a new one.
KEPT = timedelta(days=7)


async def create(session: Session, tenant_id: UUID, mailbox_id: UUID, kind: JobKind, asked_by: str) -> UUID:
    """A new job, running from now on."""
    await session.execute(
        "delete from mailbox_jobs where tenant_id = $1 and mailbox_id = $2 and created_at < now() - $3::interval",
        tenant_id,
        mailbox_id,
        KEPT,
    )
    job_id = new_id()
    await session.execute(
        "insert into mailbox_jobs (tenant_id, job_id, mailbox_id, kind, asked_by) values ($1, $2, $3, $4, $5)",
        tenant_id,
        job_id,
        mailbox_id,
        kind,
        asked_by,
    )
    return job_id


async def get(session: Session, tenant_id: UUID, job_id: UUID) -> Any:
    """The job's row; None when there is none."""
    return await session.fetchrow("select * from mailbox_jobs where tenant_id = $1 and job_id = $2", tenant_id, job_id)


async def latest(session: Session, tenant_id: UUID, mailbox_id: UUID, kind: JobKind) -> Any:
    """The youngest job of this kind; None when there is none."""
    return await session.fetchrow(
        """select * from mailbox_jobs where tenant_id = $1 and mailbox_id = $2 and kind = $3
            order by created_at desc limit 1""",
        tenant_id,
        mailbox_id,
        kind,
    )


async def found(session: Session, tenant_id: UUID, job_id: UUID, steps: Sequence[Finding]) -> None:
    """The findings so far."""
    await session.execute(
        "update mailbox_jobs set steps = $3, updated_at = now() where tenant_id = $1 and job_id = $2",
        tenant_id,
        job_id,
        [step.model_dump() for step in steps],
    )


async def progress(session: Session, tenant_id: UUID, job_id: UUID, result: dict[str, Any]) -> None:
    await session.execute(
        "update mailbox_jobs set result = $3, updated_at = now() where tenant_id = $1 and job_id = $2",
        tenant_id,
        job_id,
        result,
    )


async def finish(
    session: Session,
    tenant_id: UUID,
    job_id: UUID,
    *,
    failed: bool = False,
    result: dict[str, Any] | None = None,
) -> None:
    """The job is over; one that is over already stays as it is."""
    await session.execute(
        """update mailbox_jobs set state = $3, result = coalesce($4, result), updated_at = now()
            where tenant_id = $1 and job_id = $2 and state = 'running'""",
        tenant_id,
        job_id,
        "failed" if failed else "done",
        result,
    )


async def keep_sealed(session: Session, tenant_id: UUID, job_id: UUID, sealed: str | None) -> None:
    """What only the job's own work may open; None forgets it."""
    await session.execute(
        "update mailbox_jobs set sealed = $3 where tenant_id = $1 and job_id = $2", tenant_id, job_id, sealed
    )


async def consent_of(session: Session, tenant_id: UUID, state_sha256: str) -> Any:
    """The consent that was asked for with this state, at most a quarter of an hour ago, and not used yet."""
    return await session.fetchrow(
        """select job_id, mailbox_id from mailbox_jobs
            where tenant_id = $1 and kind = 'consent' and result ->> 'state_sha256' = $2 and sealed is not null
              and created_at > now() - interval '15 minutes'""",
        tenant_id,
        state_sha256,
    )


async def disconnecting(session: Session, tenant_id: UUID) -> list[Any]:
    """Removed mailboxes whose notifications a worker has still to end: `job_id`, `mailbox_id`, `result`.

    What was not done within a day is forgotten: the source ends them by itself.
    """
    await session.execute(
        """delete from mailbox_jobs
            where tenant_id = $1 and kind = 'disconnect' and created_at < now() - interval '1 day'""",
        tenant_id,
    )
    return await session.fetch(
        "select job_id, mailbox_id, result from mailbox_jobs where tenant_id = $1 and kind = 'disconnect'", tenant_id
    )


async def forget(session: Session, tenant_id: UUID, job_id: UUID) -> None:
    await session.execute("delete from mailbox_jobs where tenant_id = $1 and job_id = $2", tenant_id, job_id)


# Checks ------------------------------------------------------------------------------------------------


async def check(session: Session, tenant_id: UUID, mailbox_id: UUID) -> Any:
    """The last comparison; None before the first."""
    return await session.fetchrow(
        "select * from mailbox_checks where tenant_id = $1 and mailbox_id = $2", tenant_id, mailbox_id
    )


async def checked(session: Session, tenant_id: UUID, mailbox_id: UUID, started_at: datetime, found: Comparison) -> None:
    await session.execute(
        """insert into mailbox_checks as c (tenant_id, mailbox_id, since, started_at, complete_at, error, listed,
                                            missing, stuck, repaired, checks_total, failures_total, missing_total,
                                            stuck_total, repaired_total)
           values ($1, $2, $3, $4, case when $5::text = '' then $4::timestamptz end, $5, $6, $7, $8, $9, 1,
                   case when $5 = '' then 0 else 1 end, $7, $8, $9)
           on conflict (tenant_id, mailbox_id) do update
             set since = excluded.since, started_at = excluded.started_at, finished_at = now(),
                 complete_at = coalesce(excluded.complete_at, c.complete_at), error = excluded.error,
                 listed = excluded.listed, missing = excluded.missing, stuck = excluded.stuck,
                 repaired = excluded.repaired, checks_total = c.checks_total + 1,
                 failures_total = c.failures_total + excluded.failures_total,
                 missing_total = c.missing_total + excluded.missing,
                 stuck_total = c.stuck_total + excluded.stuck,
                 repaired_total = c.repaired_total + excluded.repaired""",
        tenant_id,
        mailbox_id,
        found.since,
        started_at,
        found.error,
        found.listed,
        found.missing,
        found.stuck,
        found.repaired,
    )


async def due(session: Session, tenant_id: UUID, every: timedelta, limit: int) -> list[Any]:
    """Mailboxes that are to be compared with their source: `mailbox_id`, `provider`; the longest unchecked first."""
    return await session.fetch(
        """select m.mailbox_id, m.provider from mailboxes m left join mailbox_checks c using (tenant_id, mailbox_id)
            where m.tenant_id = $1 and m.state = 'active'
              and coalesce(c.started_at, m.created_at) < now() - $2::interval
              and not exists (select from mailbox_jobs j where j.tenant_id = m.tenant_id
                                 and j.mailbox_id = m.mailbox_id and j.kind = 'reconcile' and j.state = 'running'
                                 and j.updated_at > now() - interval '1 hour')
            order by coalesce(c.started_at, m.created_at) limit $3""",
        tenant_id,
        every,
        limit,
    )
