"""Delivery canaries: when each was sent, when it arrived, and what that says about the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from storage.database import Session

# A canary that takes longer than this is missing.
PATIENCE = timedelta(minutes=15)
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CanaryView:
    """How a mailbox's canaries fare. Times are aware; `latency` is of the last one that arrived, from sent to decided.

    `missing_since`: when the first was sent that should have arrived by now, with none that was sent later arrived.
    `failure`: why the latest could not be sent, for people.
    """

    sent_at: datetime | None
    arrived_at: datetime | None
    latency: timedelta | None
    missing_since: datetime | None
    failure: str | None

    @property
    def trouble(self) -> str | None:
        """What is wrong, and the next step; None while all is well."""
        if self.failure:
            return f"the delivery check could not be sent: {self.failure}"
        if self.missing_since:
            return (
                f"mail does not arrive: no delivery check since {self.missing_since:%Y-%m-%d %H:%M} UTC has come back. "
                "Look for it in the mailbox (spam, filters, forwarding), then run `postroom mailbox test`"
            )
        return None


async def view(session: Session, tenant_id: UUID, mailbox_id: UUID) -> CanaryView:
    """Of a mailbox that sends none, everything is None."""
    row = await session.fetchrow(
        """with mine as (select * from mailbox_canaries where tenant_id = $1 and mailbox_id = $2),
                latest as (select * from mine order by sent_at desc limit 1),
                arrived as (select * from mine where arrived_at is not null order by sent_at desc limit 1)
           select (select sent_at from latest), (select failure from latest),
                  (select arrived_at from arrived), (select arrived_at - sent_at from arrived) as latency,
                  (select min(sent_at) from mine
                    where arrived_at is null and failure is null and sent_at < now() - $3::interval
                      and sent_at > coalesce((select sent_at from arrived), '-infinity')) as missing_since""",
        tenant_id,
        mailbox_id,
        PATIENCE,
    )
    assert row is not None
    return CanaryView(**dict(row))


async def begin(session: Session, tenant_id: UUID, mailbox_id: UUID, every: timedelta) -> tuple[UUID, datetime] | None:
    """Notes one that is about to be sent, with its time; None while none is due."""
    await session.execute(
        "delete from mailbox_canaries where tenant_id = $1 and mailbox_id = $2 and sent_at < now() - $3::interval",
        tenant_id,
        mailbox_id,
        KEPT,
    )
    row = await session.fetchrow(
        """insert into mailbox_canaries (tenant_id, mailbox_id, canary_id)
           select $1, $2, $3
            where not exists (select from mailbox_canaries where tenant_id = $1 and mailbox_id = $2
                                 and sent_at > now() - $4::interval)
           returning canary_id, sent_at""",
        tenant_id,
        mailbox_id,
        uuid4(),
        every,
    )
    return (row["canary_id"], row["sent_at"]) if row else None


async def failed(session: Session, tenant_id: UUID, mailbox_id: UUID, canary_id: UUID, why: str) -> None:
    await session.execute(
        "update mailbox_canaries set failure = $4 where tenant_id = $1 and mailbox_id = $2 and canary_id = $3",
        tenant_id,
        mailbox_id,
        canary_id,
        why,
    )


async def arrived(session: Session, tenant_id: UUID, email_id: UUID, canary_id: UUID) -> None:
    """Its message is being decided; the first time counts."""
    await session.execute(
        """update mailbox_canaries c set arrived_at = clock_timestamp() from emails e
            where e.tenant_id = $1 and e.email_id = $2 and c.tenant_id = $1 and c.mailbox_id = e.mailbox_id
              and c.canary_id = $3 and c.arrived_at is null""",
        tenant_id,
        email_id,
        canary_id,
    )
