"""The figures of the house as they stand in Postgres, for gauges: what waits, how long, and what will soon end.

Each look reads by indexes over what is open, never over all that ever came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from storage import loops, tenants
from storage.database import Database

if TYPE_CHECKING:
    from storage.database import Session

# How long a question has been open, by what that means: fresh, reminded of, escalated, near its default.
TASK_AGES = (("4h", 4), ("24h", 24), ("72h", 72))
OLDER = "older"


@dataclass
class Figures:
    """Counts and ages (seconds) of all tenants together; an expiry is None when nothing will end."""

    mailboxes: Counter[tuple[str, str]] = field(default_factory=Counter)
    # What may be in trouble is of mailboxes that are read: a paused one renews no watch, and is compared with nothing.
    # By provider and mailbox id.
    lags: dict[tuple[str, str], float] = field(default_factory=dict)
    watch_expiry: dict[str, float] = field(default_factory=dict)
    token_expiry: float | None = None
    open_messages: Counter[str] = field(default_factory=Counter)
    oldest_message: dict[str, float] = field(default_factory=dict)
    open_tasks: Counter[tuple[str, str]] = field(default_factory=Counter)
    oldest_task: dict[str, float] = field(default_factory=dict)
    owed_answers: int = 0
    owed_hints: int = 0
    open_circuits: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    failed_checks: int = 0
    # The slowest last canary of each provider.
    canary: dict[str, float] = field(default_factory=dict)
    owed_events: int = 0
    oldest_owed_event: float = 0.0
    dead_events: int = 0


async def count(db: Database) -> Figures:
    """One short transaction a tenant. Raises what storage raises."""
    figures = Figures()
    for tenant_id in await tenants.ids(db):
        async with db.tenant(tenant_id) as session:
            await _mailboxes(session, tenant_id, figures)
            await _messages(session, tenant_id, figures)
            await _tasks(session, tenant_id, figures)
            await _checks(session, tenant_id, figures)
            await _events(session, tenant_id, figures)
    return figures


async def _mailboxes(session: Session, tenant_id: UUID, figures: Figures) -> None:
    for row in await session.fetch(
        """select m.mailbox_id, m.provider, m.state,
                  extract(epoch from now() - coalesce(m.last_sync_at, m.created_at))::float as lag,
                  (select extract(epoch from min(w.expires_at) - now())::float from mailbox_watches w
                    where w.tenant_id = m.tenant_id and w.mailbox_id = m.mailbox_id) as expiry,
                  -- One that is being set up is told of nothing.
                  m.state <> 'draft' and exists (select from mailbox_syncs s
                           where s.tenant_id = m.tenant_id and s.mailbox_id = m.mailbox_id
                             and s.hinted_at is not null
                             and (s.signalled_at is null or s.signalled_at < s.hinted_at)) as owed
             from mailboxes m where m.tenant_id = $1""",
        tenant_id,
    ):
        figures.mailboxes[row["provider"], row["state"]] += 1
        figures.owed_hints += row["owed"]
        if row["state"] != "active":
            continue
        figures.lags[row["provider"], str(row["mailbox_id"])] = row["lag"]
        if row["expiry"] is not None:
            figures.watch_expiry[row["provider"]] = min(
                figures.watch_expiry.get(row["provider"], row["expiry"]), row["expiry"]
            )
    expiry: float | None = await session.fetchval(
        """select extract(epoch from min(expires_at) - now())::float from api_tokens
            where tenant_id = $1 and expires_at > now()""",
        tenant_id,
    )
    figures.token_expiry = min((e for e in (figures.token_expiry, expiry) if e is not None), default=None)


async def _messages(session: Session, tenant_id: UUID, figures: Figures) -> None:
    for row in await session.fetch(
        """select state, count(*) as n, extract(epoch from now() - min(listed_at))::float as age from emails
            where tenant_id = $1 and outcome is null group by state""",
        tenant_id,
    ):
        figures.open_messages[row["state"]] += row["n"]
        _keep_oldest(figures.oldest_message, row["state"], row["age"])


async def _tasks(session: Session, tenant_id: UUID, figures: Figures) -> None:
    for row in await session.fetch(
        """select kind, extract(epoch from now() - created_at)::float as age from tasks
            where tenant_id = $1 and state = 'open'""",
        tenant_id,
    ):
        figures.open_tasks[row["kind"], _age(row["age"])] += 1
        _keep_oldest(figures.oldest_task, row["kind"], row["age"])
    figures.owed_answers += await session.fetchval(
        "select count(*) from tasks where tenant_id = $1 and state = 'resolved' and delivered_at is null", tenant_id
    )
    figures.open_circuits.update(await loops.open_by_scope(session, tenant_id))


async def _checks(session: Session, tenant_id: UUID, figures: Figures) -> None:
    row = await session.fetchrow(
        """select coalesce(sum(greatest(c.missing - c.repaired, 0)), 0)::bigint as missing,
                  count(*) filter (where c.error <> '') as failed
             from mailbox_checks c join mailboxes m using (tenant_id, mailbox_id)
            where c.tenant_id = $1 and m.state = 'active'""",
        tenant_id,
    )
    assert row is not None
    figures.missing += row["missing"]
    figures.failed_checks += row["failed"]
    for canary in await session.fetch(
        """select m.provider, max(extract(epoch from coalesce(c.arrived_at, now()) - c.sent_at))::float as seconds
             from mailboxes m cross join lateral (
               select sent_at, arrived_at from mailbox_canaries c
                where c.tenant_id = $1 and c.mailbox_id = m.mailbox_id order by sent_at desc limit 1) c
            where m.tenant_id = $1 and m.state = 'active' and m.settings ? 'canary_minutes' group by m.provider""",
        tenant_id,
    ):
        _keep_oldest(figures.canary, canary["provider"], canary["seconds"])


async def _events(session: Session, tenant_id: UUID, figures: Figures) -> None:
    row = await session.fetchrow(
        """select count(*) filter (where d.state = 'pending' and p.state = 'active') as owed,
                  count(*) filter (where d.state = 'dead') as dead,
                  coalesce(extract(epoch from now() - min(e.created_at)
                    filter (where d.state = 'pending' and p.state = 'active')), 0)::float as oldest
             from event_deliveries d join event_endpoints p using (tenant_id, endpoint_id)
             join events e using (tenant_id, seq)
            where d.tenant_id = $1 and d.state in ('pending', 'dead')""",
        tenant_id,
    )
    assert row is not None
    figures.owed_events += row["owed"]
    figures.dead_events += row["dead"]
    figures.oldest_owed_event = max(figures.oldest_owed_event, row["oldest"])


def _age(seconds: float) -> str:
    return next((name for name, hours in TASK_AGES if seconds < hours * 3600), OLDER)


def _keep_oldest(oldest: dict[str, float], name: str, age: float) -> None:
    oldest[name] = max(oldest.get(name, 0.0), age)


def ages() -> Iterable[str]:
    """Every value of a task's age, youngest first."""
    return (*(name for name, _ in TASK_AGES), OLDER)
