"""Mail by the hour: closed hours are counted once and kept, what came since is counted when somebody looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from storage.database import Session

# Stands for all mailboxes of a tenant.
ALL = UUID(int=0)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

# The hours of [$2, $3), per mailbox and for the tenant. What waited for a person, or was there before the mailbox was
# connected, tells nothing of how fast mail is handled.
_HOURS = """
select coalesce(mailbox_id, uuid '00000000-0000-0000-0000-000000000000') as mailbox_id, hour, count(*) as done,
       count(*) filter (where outcome = 'ticket') as tickets, count(*) filter (where outcome = 'comment') as comments,
       count(*) filter (where outcome = 'duplicate') as duplicates,
       count(*) filter (where outcome = 'excluded') as excluded,
       count(*) filter (where outcome = 'discarded') as discarded, count(*) filter (where outcome = 'gone') as gone,
       (percentile_cont(0.5) within group (order by latency) filter (where prompt))::bigint as latency_p50,
       (percentile_cont(0.95) within group (order by latency) filter (where prompt))::bigint as latency_p95,
       (percentile_cont(0.99) within group (order by latency) filter (where prompt))::bigint as latency_p99,
       (percentile_cont(0.5) within group (order by lag) filter (where not history))::bigint as lag_p50,
       (max(lag) filter (where not history))::bigint as lag_max
  from (select e.mailbox_id, date_trunc('hour', e.done_at) as hour, e.outcome, e.history,
               greatest(0, extract(epoch from e.done_at - e.received_at) * 1000) as latency,
               greatest(0, extract(epoch from e.listed_at - e.received_at) * 1000) as lag,
               not e.history and not exists (select from tasks t where t.tenant_id = e.tenant_id
                                                                   and t.email_id = e.email_id) as prompt
          from emails e
         where e.tenant_id = $1 and e.done_at is not null and e.done_at >= $2 and e.done_at < $3) mail
 group by grouping sets ((hour), (hour, mailbox_id))"""

# A commit that began within the hour may end a moment after it.
_CLOSED = "date_trunc('hour', now() - interval '2 minutes')"


async def close_hours(session: Session, tenant_id: UUID) -> None:
    """Counts the hours that have ended since the last time. Two at once are safe: the second finds nothing to do."""
    await session.execute(
        "insert into mail_hours_closed (tenant_id, until) values ($1, $2) on conflict do nothing", tenant_id, NEVER
    )
    row = await session.fetchrow(
        f"""select until, {_CLOSED} as now, until < {_CLOSED} as due
              from mail_hours_closed where tenant_id = $1 for update""",  # noqa: S608 (constants only)
        tenant_id,
    )
    if row is None or not row["due"]:
        return
    await session.execute(
        f"""insert into mail_hours (tenant_id, mailbox_id, hour, done, tickets, comments, duplicates, excluded,
                                    discarded, gone, latency_p50, latency_p95, latency_p99, lag_p50, lag_max)
            select $1, counted.* from ({_HOURS}) counted on conflict do nothing""",  # noqa: S608
        tenant_id,
        row["until"],
        row["now"],
    )
    await session.execute("update mail_hours_closed set until = $2 where tenant_id = $1", tenant_id, row["now"])


async def since(session: Session, tenant_id: UUID, moment: datetime, mailbox_id: UUID = ALL) -> list[Any]:
    """The hours from `moment`'s on in which mail was done, oldest first; one mailbox's or the tenant's."""
    closed = await session.fetch(
        """select * from mail_hours
            where tenant_id = $1 and mailbox_id = $2 and hour >= date_trunc('hour', $3::timestamptz) order by hour""",
        tenant_id,
        mailbox_id,
        moment,
    )
    live = await session.fetch(
        f"select * from ({_HOURS}) hours where mailbox_id = $4 order by hour",  # noqa: S608 (constants only)
        tenant_id,
        max(moment.replace(minute=0, second=0, microsecond=0), await _closed_until(session, tenant_id) or NEVER),
        FOREVER,
        mailbox_id,
    )
    return [*closed, *live]


async def per_mailbox(session: Session, tenant_id: UUID, moment: datetime) -> dict[UUID, int]:
    """How many messages of each mailbox were done since the hour of `moment`; under `ALL` the tenant's."""
    until = await _closed_until(session, tenant_id) or NEVER
    rows = await session.fetch(
        """select mailbox_id, sum(done)::bigint as done from (
             select mailbox_id, done from mail_hours where tenant_id = $1 and hour >= $2
             union all
             select coalesce(mailbox_id, $4), count(*) from emails
              where tenant_id = $1 and done_at is not null and done_at >= $3
              group by grouping sets ((), (mailbox_id))) counted
            group by mailbox_id""",
        tenant_id,
        moment.replace(minute=0, second=0, microsecond=0),
        max(moment.replace(minute=0, second=0, microsecond=0), until),
        ALL,
    )
    return {row["mailbox_id"]: row["done"] for row in rows}


async def _closed_until(session: Session, tenant_id: UUID) -> datetime | None:
    until: datetime | None = await session.fetchval(
        "select until from mail_hours_closed where tenant_id = $1", tenant_id
    )
    return until
