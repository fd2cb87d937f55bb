"""A tenant with a long history, written straight into the tables: for plans, and for benchmarks of a million mails."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from domain.email import ParsedEmail
from storage.ledger import new_id

PER_TICKET = 10


@dataclass(frozen=True, slots=True)
class History:
    """`messages` mails m0…, ten of them on each ticket t0…; ticket n is of person n (`p<n>@c<n % clients>.example`)."""

    tenant_id: UUID
    mailbox_id: UUID
    messages: int
    clients: int

    @property
    def tickets(self) -> int:
        return self.messages // PER_TICKET

    def message_id(self, number: int) -> str:
        return f"m{number}@example.com"

    def thread(self, ticket: int) -> str:
        """What the mailbox's source calls the conversation of a ticket."""
        return f"t{ticket}"

    def person(self, ticket: int) -> str:
        return f"p{ticket}@c{ticket % self.clients}.example"


async def fill(url: str, messages: int) -> History:
    """`url` logs in as the superuser. Foreign keys are not checked row by row: what is written here holds."""
    history = History(uuid4(), new_id(), messages, clients=max(1, messages // 1000))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica; set synchronous_commit = off")
        await connection.execute("insert into tenants (tenant_id, name) values ($1, 'Long')", history.tenant_id)
        await connection.execute(
            """insert into inbound_defaults (tenant_id, defaults_id, name, queue, priority)
               values ($1, $2, 'Support', 'Support', 'normal')""",
            history.tenant_id,
            history.mailbox_id,
        )
        await connection.execute(
            """insert into mailboxes (tenant_id, mailbox_id, address, provider, defaults_id)
               values ($1, $2, 'support@long.test', 'smtp', $2)""",
            history.tenant_id,
            history.mailbox_id,
        )
        for statement in _STATEMENTS:
            sql = statement.format(
                tenant=history.tenant_id,
                mailbox=history.mailbox_id,
                mails=messages,
                clients=history.clients,
                each=PER_TICKET,
            )
            await connection.execute(sql, timeout=1800)
        await connection.execute("set session_replication_role = origin")
        await connection.execute("vacuum analyze", timeout=1800)
    finally:
        await connection.close()
    return history


async def arrive(session: asyncpg.Connection[asyncpg.Record], history: History, email: ParsedEmail) -> UUID:
    """One more mail, parsed and ready to be decided; its source puts it into the conversation of some ticket."""
    email_id = new_id()
    await session.execute(
        """with email as (
             insert into emails (tenant_id, email_id, mailbox_id, locator, message_key, workflow_id, content_sha256,
                                 provider_thread_id)
             values ($1, $2, $3, $6, $4, $6, $6, $7))
           insert into email_contents (tenant_id, email_id, parsed) values ($1, $2, $5)""",
        history.tenant_id,
        email_id,
        history.mailbox_id,
        email.message_id,
        email.model_dump(mode="json"),
        str(email_id),
        history.thread(email_id.int % history.tickets),
    )
    return email_id


_STATEMENTS = (
    """insert into clients (tenant_id, client_id, name)
       select uuid '{tenant}', md5('c' || g)::uuid, 'Client ' || g from generate_series(0, {clients} - 1) g""",
    """insert into client_domains (tenant_id, domain, client_id)
       select uuid '{tenant}', 'c' || g || '.example', md5('c' || g)::uuid from generate_series(0, {clients} - 1) g""",
    """insert into contacts (tenant_id, contact_id, client_id, name, address)
       select uuid '{tenant}', md5('p' || g)::uuid, md5('c' || g % {clients})::uuid, 'P' || g,
              'p' || g || '@c' || g % {clients} || '.example'
         from generate_series(0, {mails} / {each} - 1) g""",
    """insert into tickets (tenant_id, ticket_id, number, subject, subject_key, queue, priority, client_id, mailbox_id,
                            words)
       select uuid '{tenant}', md5('t' || g)::uuid, g + 1, 'Subject ' || g, 'subject ' || g, 'Support', 'normal',
              md5('c' || g % {clients})::uuid, uuid '{mailbox}',
              ' subject ' || g || ' ' || left(md5(g::text), 8) || ' client ' || g % {clients}
         from generate_series(0, {mails} / {each} - 1) g""",
    """insert into ticket_numbers (tenant_id, last)
       select uuid '{tenant}', {mails} / {each}""",
    """insert into ticket_participants (tenant_id, ticket_id, address, role)
       select uuid '{tenant}', md5('t' || g)::uuid, 'p' || g || '@c' || g % {clients} || '.example', 'author'
         from generate_series(0, {mails} / {each} - 1) g""",
    """insert into emails (tenant_id, email_id, mailbox_id, locator, message_key, workflow_id, state, outcome,
                           ticket_id, comment_id, content_sha256, provider_thread_id, received_at, listed_at, done_at)
       select uuid '{tenant}', md5('e' || g)::uuid, uuid '{mailbox}', g, 'm' || g || '@example.com', 'w' || g, 'done',
              case when g % {each} = 0 then 'ticket' else 'comment' end,
              md5('t' || g / {each})::uuid, md5('k' || g)::uuid, g, 't' || g / {each},
              done - interval '300 ms', done - interval '200 ms', done
         from generate_series(0, {mails} - 1) g,
              lateral (select now() - ({mails} - g) * (interval '90 days' / {mails}) as done) at""",
    """insert into mailbox_tallies (tenant_id, mailbox_id, shard, listed, last_at)
       select uuid '{tenant}', uuid '{mailbox}', 0, {mails}, now()""",
    """insert into email_contents (tenant_id, email_id, parsed, seq, subject, sender_name, sender_address)
       select e.tenant_id, e.email_id, '{{}}', e.seq, 'Subject ' || g / {each} || ' ' || left(md5(g::text), 8), 'P',
              'p' || g / {each} || '@c' || (g / {each}) % {clients} || '.example'
         from generate_series(0, {mails} - 1) g join emails e
           on e.tenant_id = uuid '{tenant}' and e.email_id = md5('e' || g)::uuid""",
    """insert into comments (tenant_id, comment_id, ticket_id, email_id, author_name, author_address, text, created_at)
       select uuid '{tenant}', md5('k' || g)::uuid, md5('t' || g / {each})::uuid, md5('e' || g)::uuid, 'P',
              'p' || g / {each} || '@c' || (g / {each}) % {clients} || '.example', 'text',
              now() - interval '1 day'
         from generate_series(0, {mails} - 1) g""",
    """insert into ticket_message_ids (tenant_id, message_id, ticket_id, kind, email_id)
       select uuid '{tenant}', 'm' || g || '@example.com', md5('t' || g / {each})::uuid, 'member',
              md5('e' || g)::uuid
         from generate_series(0, {mails} - 1) g""",
    """insert into outbound_messages (tenant_id, message_id, ticket_id, recipients, created_by)
       select uuid '{tenant}', 'o' || g || '@long.test', md5('t' || g)::uuid, array['p' || g || '@c.example'], 'bulk'
         from generate_series(0, {mails} / {each} - 1) g""",
)
