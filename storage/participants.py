"""Who takes part in a ticket because of which mails: what moves with mails that move to another ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import canonical
from domain.email import ParsedEmail

if TYPE_CHECKING:
    from storage.database import Session

Roles = dict[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail on a ticket, without its text; `others` wrote it, too, as its decision has it (a list's author, somebody
    whose mail one of our users forwards)."""

    email: ParsedEmail
    others: Sequence[str] = ()


async def letters(session: Session, tenant_id: UUID, ticket_id: UUID, *, but: UUID | None = None) -> list[Letter]:
    """The mails of a ticket's comments, but for that of one comment."""
    rows = await session.fetch(
        """select p.parsed - array['text', 'html', 'reply_text'] as parsed,
                  array_remove(array[d.record -> 'author' ->> 'address', d.record -> 'requester' ->> 'address'], null)
                    as others
             from comments c join email_contents p using (tenant_id, email_id)
             left join decisions d using (tenant_id, email_id)
            where c.tenant_id = $1 and c.ticket_id = $2 and c.comment_id is distinct from $3""",
        tenant_id,
        ticket_id,
        but,
    )
    return [Letter(ParsedEmail.model_validate(row["parsed"]), row["others"]) for row in rows]


def roles(mails: Iterable[Letter]) -> Roles:
    """Who takes part by these mails: author or recipient, by canonical address."""
    mails = list(mails)
    people = {canonical(a.address): "recipient" for mail in mails for a in (*mail.email.to, *mail.email.cc)}
    people |= {canonical(mail.email.from_[0].address): "author" for mail in mails if mail.email.from_}
    people |= {canonical(address): "author" for mail in mails for address in mail.others}
    people.pop("", None)
    return people


async def copy(session: Session, tenant_id: UUID, source: UUID, target: UUID) -> None:
    """Who takes part in one ticket, or watches it, does so in the other, too."""
    await session.execute(
        """with participants as (
             insert into ticket_participants as p (tenant_id, ticket_id, address, role)
             select tenant_id, $3, address, role from ticket_participants where tenant_id = $1 and ticket_id = $2
             on conflict (tenant_id, ticket_id, address) do update set role = 'author'
               where excluded.role = 'author' and p.role <> 'author')
           insert into ticket_watchers (tenant_id, ticket_id, address, name, state, seen_in, decided_by)
           select tenant_id, $3, address, name, state, seen_in, decided_by from ticket_watchers
            where tenant_id = $1 and ticket_id = $2
           on conflict do nothing""",
        tenant_id,
        source,
        target,
    )


async def take_back(
    session: Session, tenant_id: UUID, ticket_id: UUID, target: UUID, email_ids: Sequence[UUID]
) -> None:
    """Undoes `copy`, once the ticket's mails are back: who has no part in the target by another mail leaves it.

    What was decided meanwhile about a watcher that came with these mails is decided for the ticket.
    """
    staying = roles(await letters(session, tenant_id, target))
    await session.execute(
        """with decided as (
             update ticket_watchers o set state = i.state, decided_by = i.decided_by from ticket_watchers i
              where o.tenant_id = $1 and o.ticket_id = $2 and i.tenant_id = $1 and i.ticket_id = $3
                and i.address = o.address and i.seen_in = o.seen_in),
           watchers as (
             delete from ticket_watchers where tenant_id = $1 and ticket_id = $3 and seen_in = any($4)),
           gone as (
             delete from ticket_participants t using ticket_participants o
              where t.tenant_id = $1 and t.ticket_id = $3 and o.tenant_id = $1 and o.ticket_id = $2
                and t.address = o.address and t.address <> all($5))
           update ticket_participants set role = 'recipient'
            where tenant_id = $1 and ticket_id = $3 and address = any($6)""",
        tenant_id,
        ticket_id,
        target,
        list(email_ids),
        list(staying),
        [address for address, role in staying.items() if role == "recipient"],
    )


async def move(
    session: Session, tenant_id: UUID, moved: Any, mail: Letter, rest: Sequence[Letter], target: UUID
) -> None:
    """The people of one mail (`moved`: its `ticket_id` and `email_id`) go with it; who has another mail also stays."""
    theirs, staying = roles([mail]), roles(rest)
    await session.execute(
        """with gone as (
             delete from ticket_participants
              where tenant_id = $1 and ticket_id = $2 and address = any($4) and address <> all($5)),
           proposals as (
             delete from ticket_watchers
              where tenant_id = $1 and ticket_id = $2 and seen_in = $6 and state = 'proposed')
           update ticket_participants set role = 'recipient'
            where tenant_id = $1 and ticket_id = $2
              and address = any($4) and address = any($5) and address <> all($3)""",
        tenant_id,
        moved["ticket_id"],
        [address for address, role in staying.items() if role == "author"],
        list(theirs),
        list(staying),
        moved["email_id"],
    )
    await session.execute(
        """with people as (
             select r.address, r.role from unnest($3::text[], $4::text[]) as r (address, role)
              where not exists (select from mailboxes m where m.tenant_id = $1 and m.address = r.address)),
           participants as (
             insert into ticket_participants as p (tenant_id, ticket_id, address, role)
             select $1, $2, address, role from people
             on conflict (tenant_id, ticket_id, address) do update set role = 'author'
               where excluded.role = 'author' and p.role <> 'author')
           insert into ticket_watchers (tenant_id, ticket_id, address, seen_in)
           select $1, $2, address, $5 from people where role = 'recipient'
           on conflict do nothing""",
        tenant_id,
        target,
        list(theirs),
        list(theirs.values()),
        moved["email_id"],
    )
