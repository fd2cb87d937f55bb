"""The ledger: one row per sighting of a message, from the moment it is listed until it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import identity, metrics, tracing
from domain.inbound import InboundEmail, Provider

if TYPE_CHECKING:
    from storage.database import Session

# A message younger than this may be on its way to its run, or into the ledger.
SETTLING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One listed message. `message_id` is the raw header value; the sha256 is given when the bytes are stored;
    `thread_id` is what the source calls its conversation."""

    locator: str
    message_id: str | None
    received_at: datetime | None = None
    raw_sha256: str | None = None
    raw_size: int | None = None
    history: bool = False
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedEmail:
    """A ledger row that waits to be started. `traceparent`: the trace that its listing began, or empty."""

    email: InboundEmail
    workflow_id: str
    message_key: str
    history: bool
    traceparent: str = ""


# What lists show of a subject, and what a search looks at; the parsed mail has all of it.
MAX_SUBJECT = 1000


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7): neighbours in time are neighbours in the index."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


# A sighting whose key is new takes the plain workflow id; where that is taken by another locator, the second statement
# adds the sighting's own digest. Both leave known locators alone. Run one after the other, so that the second sees
# what the first one found taken.
_INSERT = """
insert into emails (tenant_id, email_id, mailbox_id, locator, message_key, workflow_id, received_at,
                    raw_sha256, raw_size, history, provider_thread_id, timeline)
select $1, r.email_id, $2, r.locator, r.message_key, r.workflow_id, coalesce(r.received_at, now()),
       r.raw_sha256, r.raw_size, r.history, r.thread_id,
       jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('step', 'listed', 'at', now(), 'trace', r.trace)))
  from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::bigint[],
              $10::boolean[], $11::text[], $12::text[]) as r (email_id, locator, message_key, workflow_id, received_at,
                                                              raw_sha256, raw_size, history, thread_id, trace)
on conflict do nothing
returning email_id, locator, workflow_id, received_at"""


async def list_emails(
    session: Session, tenant_id: UUID, mailbox_id: UUID, provider: Provider, sightings: Sequence[Sighting]
) -> list[ListedEmail]:
    """Inserts a row for every sighting that is not known yet and returns the new ones.

    To be called in the transaction that moves the cursor. Safe to repeat and to race: a locator gets one row.
    """
    by_locator = {s.locator: s for s in sightings}
    keys = {locator: identity.message_key(s.message_id, locator) for locator, s in by_locator.items()}
    spans = dict(zip(by_locator, tracing.begin_messages(len(by_locator)), strict=True))
    traces = {locator: tracing.traceparent(span) for locator, span in spans.items()}
    first = await _insert(session, tenant_id, mailbox_id, by_locator.values(), keys, traces, second=False)
    missing = by_locator.keys() - {row["locator"] for row in first}
    again = []
    if missing:
        rest = [by_locator[locator] for locator in sorted(missing)]
        again = await _insert(session, tenant_id, mailbox_id, rest, keys, traces, second=True)
    rows = {row["locator"]: row for row in (*first, *again)}
    metrics.LISTED.labels(provider).inc(len(rows))
    for locator, row in rows.items():
        tracing.listed(spans[locator], provider=provider, email_id=str(row["email_id"]), mailbox_id=str(mailbox_id))
    return [
        ListedEmail(
            email=InboundEmail(
                tenant_id=tenant_id,
                email_id=rows[locator]["email_id"],
                mailbox_id=mailbox_id,
                provider=provider,
                stored=s.raw_sha256 is not None,
                size=s.raw_size or 0,
                sha256=s.raw_sha256 or "",
                received_at=rows[locator]["received_at"],
            ),
            workflow_id=rows[locator]["workflow_id"],
            message_key=keys[locator],
            history=s.history,
            traceparent=traces[locator],
        )
        for locator, s in by_locator.items()
        if locator in rows
    ]


async def _insert(
    session: Session,
    tenant_id: UUID,
    mailbox_id: UUID,
    sightings: Any,
    keys: dict[str, str],
    traces: dict[str, str],
    *,
    second: bool,
) -> list[Any]:
    # In one order everywhere, so that two listings of the same messages cannot deadlock.
    batch = sorted(sightings, key=lambda s: (keys[s.locator], s.locator))
    return await session.fetch(
        _INSERT,
        tenant_id,
        mailbox_id,
        [new_id() for _ in batch],
        [s.locator for s in batch],
        [keys[s.locator] for s in batch],
        [
            identity.email_workflow_id(mailbox_id, keys[s.locator], identity.sighting(s.locator) if second else "")
            for s in batch
        ],
        [s.received_at for s in batch],
        [s.raw_sha256 for s in batch],
        [s.raw_size for s in batch],
        [s.history for s in batch],
        [s.thread_id for s in batch],
        [traces[s.locator] or None for s in batch],
    )


async def keys_at(session: Session, tenant_id: UUID, mailbox_id: UUID, locators: Sequence[str]) -> dict[str, str]:
    """The message keys of the known ones among these locators."""
    rows = await session.fetch(
        "select locator, message_key from emails where tenant_id = $1 and mailbox_id = $2 and locator = any($3)",
        tenant_id,
        mailbox_id,
        list(locators),
    )
    return {row["locator"]: row["message_key"] for row in rows}


async def known_keys(session: Session, tenant_id: UUID, mailbox_id: UUID, keys: Sequence[str]) -> set[str]:
    """Those of the message keys that the mailbox ever had."""
    rows = await session.fetch(
        "select distinct message_key from emails where tenant_id = $1 and message_key = any($3) and mailbox_id = $2",
        tenant_id,
        mailbox_id,
        list(keys),
    )
    return {row["message_key"] for row in rows}


async def history_open(session: Session, tenant_id: UUID, mailbox_id: UUID) -> int:
    """How many messages of a mailbox's history are on their way; those that wait for a person are not counted."""
    count: int = await session.fetchval(
        """select count(*) from emails
            where tenant_id = $1 and mailbox_id = $2 and history and state in ('listed', 'started')""",
        tenant_id,
        mailbox_id,
    )
    return count


async def unstarted(session: Session, tenant_id: UUID, mailbox_id: UUID, limit: int) -> list[ListedEmail]:
    """Rows that were listed but never started, oldest first."""
    rows = await session.fetch(
        """select e.*, m.provider from emails e join mailboxes m using (tenant_id, mailbox_id)
            where e.tenant_id = $1 and e.mailbox_id = $2 and e.state = 'listed' order by e.seq limit $3""",
        tenant_id,
        mailbox_id,
        limit,
    )
    return [_listed(row) for row in rows]


async def unstarted_of_removed(session: Session, tenant_id: UUID, limit: int) -> list[ListedEmail]:
    """What mailboxes still had to start when they were removed, oldest first."""
    rows = await session.fetch(
        """select e.*, m.provider from emails e join mailboxes m using (tenant_id, mailbox_id)
            where e.tenant_id = $1 and m.state = 'removed' and e.state = 'listed' order by e.seq limit $2""",
        tenant_id,
        limit,
    )
    return [_listed(row) for row in rows]


async def open_rows(session: Session, tenant_id: UUID, mailbox_id: UUID, after: int, limit: int) -> list[Any]:
    """`email_id`, `seq` and `workflow_id` of messages that are not done, ledger sequence above `after`, in order.

    Left out is what was listed within the last minutes: its run may be starting right now.
    """
    return await session.fetch(
        """select email_id, seq, workflow_id from emails
            where tenant_id = $1 and mailbox_id = $2 and seq > $3 and state <> 'done'
              and listed_at < now() - $5::interval order by seq limit $4""",
        tenant_id,
        mailbox_id,
        after,
        limit,
        SETTLING,
    )


async def open_email(session: Session, tenant_id: UUID, email_id: UUID) -> ListedEmail | None:
    """What starts this message's run; None once it is done."""
    row = await session.fetchrow(
        """select e.*, m.provider from emails e join mailboxes m using (tenant_id, mailbox_id)
            where e.tenant_id = $1 and e.email_id = $2 and e.state <> 'done'""",
        tenant_id,
        email_id,
    )
    return _listed(row) if row else None


async def mark_started(session: Session, tenant_id: UUID, email_ids: Sequence[UUID]) -> None:
    await session.execute(
        "update emails set state = 'started' where tenant_id = $1 and email_id = any($2) and state = 'listed'",
        tenant_id,
        list(email_ids),
    )


def _listed(row: Any) -> ListedEmail:
    return ListedEmail(
        email=InboundEmail(
            tenant_id=row["tenant_id"],
            email_id=row["email_id"],
            mailbox_id=row["mailbox_id"],
            provider=row["provider"],
            stored=row["raw_sha256"] is not None,
            size=row["raw_size"] or 0,
            sha256=row["raw_sha256"] or "",
            received_at=row["received_at"],
        ),
        workflow_id=row["workflow_id"],
        message_key=row["message_key"],
        history=row["history"],
        traceparent=row["timeline"][0].get("trace", ""),
    )


async def get(session: Session, tenant_id: UUID, email_id: UUID, *, lock: bool = False) -> Any:
    """The row. Raises LookupError: a workflow's email always has one."""
    query = "select * from emails where tenant_id = $1 and email_id = $2"
    row = await session.fetchrow(query + " for update" if lock else query, tenant_id, email_id)
    if row is None:
        raise LookupError(f"no email {email_id} in the ledger")
    return row


async def fetched(session: Session, tenant_id: UUID, email_id: UUID, sha256: str, size: int) -> None:
    """The raw message is in the object store; the run has begun."""
    await session.execute(
        """update emails set raw_sha256 = $3, raw_size = $4,
                  state = case state when 'listed' then 'started' else state end,
                  timeline = timeline || step('fetched', jsonb_build_object('size', $4::bigint))
            where tenant_id = $1 and email_id = $2 and state <> 'done' and raw_sha256 is distinct from $3""",
        tenant_id,
        email_id,
        sha256,
        size,
    )


async def parsed(
    session: Session, tenant_id: UUID, email_id: UUID, parsed: dict[str, Any], content_sha256: str
) -> None:
    """Stores what was read, once; a second attempt changes nothing."""
    await session.execute(
        """with content as (
             insert into email_contents (tenant_id, email_id, parsed, seq, subject, sender_name, sender_address)
             select $1, $2, $3, seq, $5, $6, $7 from emails where tenant_id = $1 and email_id = $2
             on conflict (tenant_id, email_id) do update set parsed = excluded.parsed)
           update emails set content_sha256 = $4, state = case state when 'listed' then 'started' else state end,
                  timeline = case when content_sha256 is null then timeline || step('parsed') else timeline end
            where tenant_id = $1 and email_id = $2""",
        tenant_id,
        email_id,
        parsed,
        content_sha256,
        str(parsed["subject"])[:MAX_SUBJECT],
        *_sender(parsed["from"]),
    )


def _sender(people: list[dict[str, str]]) -> tuple[str, str]:
    """(name, address) as lists show them; RFC 5321 §4.5.3.1 allows 320 octets of address."""
    return (people[0]["name"][:300], people[0]["address"][:320]) if people else ("", "")


async def done(session: Session, tenant_id: UUID, email_id: UUID) -> None:
    """The outcome stands and everything that belongs to it is stored."""
    await session.execute(
        """update emails set state = 'done', done_at = now(), timeline = timeline || step('done')
            where tenant_id = $1 and email_id = $2 and state <> 'done'""",
        tenant_id,
        email_id,
    )


async def balance(session: Session, tenant_id: UUID, mailbox_id: UUID) -> dict[str, int]:
    """How many messages of a mailbox were listed, are done, are open, and have each outcome: `listed = done + open`."""
    rows = await session.fetch(
        """select state, outcome, count(*) as n from emails
            where tenant_id = $1 and mailbox_id = $2 group by 1, 2""",
        tenant_id,
        mailbox_id,
    )
    total: dict[str, int] = {"listed": 0, "done": 0, "open": 0}
    for row in rows:
        total["listed"] += row["n"]
        total["done" if row["state"] == "done" else "open"] += row["n"]
        if row["outcome"] is not None:
            total[row["outcome"]] = total.get(row["outcome"], 0) + row["n"]
    return total
