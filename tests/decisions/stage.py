"""Plays a scenario on the real house: a tenant of its own, mails through the ingress, answers through the workflow."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any
from uuid import UUID, uuid4

from domain import reply_token
from domain.identity import derived_id, header_message_id
from domain.policy import MailboxPolicy, TenantPolicy
from domain.rules import RuleSet
from domain.task import TaskResolution
from storage import clients, destinations, ledger, loops, merging, outbound, people, policies, rules, senders, unmerge
from storage.ledger import new_id
from storage.mailboxes import Located
from storage.objects import raw_key
from tests.decisions.scenario import Answer, Expect, Mail, Mailbox, Report, Scenario, State
from tests.house import House

ACTOR = "tester"
PATIENCE = 90
_PLACEHOLDER = re.compile(r"\{(id|number|token|sent|marker|destination|client|user) ([^{}]+)\}")


@dataclass
class Delivered:
    """A mail of the scenario once it is in the ledger."""

    mail: Mail
    message_id: str
    locator: str
    mailbox_id: UUID
    tasks_answered: int = 0
    sent_id: str = ""
    marker: str = ""


@dataclass
class Stage:
    house: House
    scenario: Scenario
    tenant_id: UUID = field(default_factory=uuid4)
    mailboxes: dict[str, UUID] = field(default_factory=dict)
    destinations: dict[str, UUID] = field(default_factory=dict)
    clients: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)
    delivered: dict[str, Delivered] = field(default_factory=dict)
    # One date for all, so that the same mail on two ways is the same mail.
    date: str = field(default_factory=formatdate)

    async def play(self) -> None:
        """Raises AssertionError at the first expectation that does not hold."""
        await self._furnish(self.scenario.state)
        waiting: list[Mail] = []
        for mail in self.scenario.mail:
            before = await self._snapshot(_untouched(mail))
            await self._deliver(mail)
            waiting.append(mail)
            if mail.with_next:
                continue
            for one in waiting:
                await self._settled(self.delivered[one.id], one.expect)
            for one in waiting:
                await self._check(one.id, one.expect, before if one is mail else None)
                if one.answer is not None:
                    await self._answer(self.delivered[one.id], one.answer, before)
                if one.outbound is not None:
                    await self._send(self.delivered[one.id])
                for action in one.then:
                    await self._then(self.delivered[one.id], action)
            waiting = []

    # Furnishing --------------------------------------------------------------------------------------------

    async def _furnish(self, state: State) -> None:
        async with self.house.db.tenant(self.tenant_id) as session:
            await people.ensure_tenant(session, self.tenant_id, "Scenario")
            for address in state.users:
                self.users[address] = await people.add_user(session, self.tenant_id, address, address, "agent")
            await self._add_destinations(session, state)
            await self._add_people(session, state)
            await self._add_mailboxes(session, state)
            policy = TenantPolicy.model_validate(state.policy)
            await policies.set_tenant(session, self.tenant_id, policy, actor=ACTOR)
            if state.rules:
                rule_set = RuleSet.model_validate(self._filled(state.rules))
                await rules.save(session, self.tenant_id, rule_set, based_on=0, actor=ACTOR)

    async def _add_destinations(self, session: Any, state: State) -> None:
        self.destinations["Support"] = await people.add_defaults(session, self.tenant_id, "Support", "Support")
        for name, d in state.destinations.items():
            self.destinations[name] = await people.add_defaults(session, self.tenant_id, name, d.queue, d.priority)
            if not d.active:
                await self._run(session, "update inbound_defaults set active = false", name, "name = $2")

    async def _add_people(self, session: Any, state: State) -> None:
        tenant_id = self.tenant_id
        for client in state.clients:
            client_id = await people.add_client(session, tenant_id, client.name, client.domains)
            self.clients[client.name] = client_id
            if client.aliases:
                await clients.set_aliases(session, tenant_id, client_id, client.aliases, actor=ACTOR)
            if client.destination:
                wanted = self.destinations[client.destination]
                await destinations.of_client(session, tenant_id, client_id, wanted, actor=ACTOR)
            if client.domain_destination:
                wanted = self.destinations[client.domain_destination]
                for domain in client.domains:
                    await destinations.of_domain(session, tenant_id, domain, wanted, actor=ACTOR)
        for contact in state.contacts:
            of_client = self.clients[contact.client] if contact.client else None
            name = contact.address.partition("@")[0]
            contact_id = await people.add_contact(session, tenant_id, contact.address, name, of_client)
            await senders.set_addresses(session, tenant_id, contact_id, contact.also)
            if contact.destination:
                wanted = self.destinations[contact.destination]
                await destinations.of_contact(session, tenant_id, contact_id, wanted, actor=ACTOR)
        for a in state.associations:
            sql = "insert into sender_associations values ($1, $2, $3, $4, 'somebody')"
            await session.execute(sql, tenant_id, a.kind, a.value, self.clients[a.client])

    async def _add_mailboxes(self, session: Any, state: State) -> None:
        for name, box in {"support": Mailbox(), **state.mailboxes}.items():
            added = await people.add_mailbox(session, self.tenant_id, f"{name}@postroom.test", "raw")
            self.mailboxes[name] = added.mailbox_id
            sql = "update mailboxes set defaults_id = $3 where tenant_id = $1 and mailbox_id = $2"
            await session.execute(sql, self.tenant_id, added.mailbox_id, self.destinations.get(box.destination))
            policy = MailboxPolicy.model_validate(box.policy)
            await policies.set_mailbox(session, self.tenant_id, added.mailbox_id, policy, actor=ACTOR)

    async def _run(self, session: Any, sql: str, value: Any, where: str) -> None:
        await session.execute(f"{sql} where tenant_id = $1 and {where}", self.tenant_id, value)

    def _filled(self, value: Any) -> Any:
        """Placeholders in every string of a structure; names of destinations, clients and users become their ids."""
        if isinstance(value, dict):
            return {key: self._filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        return _PLACEHOLDER.sub(self._placeholder_now, value) if isinstance(value, str) else value

    def _placeholder_now(self, match: re.Match[str]) -> str:
        what, name = match[1], match[2]
        return str({"destination": self.destinations, "client": self.clients, "user": self.users}[what][name])

    # Mail --------------------------------------------------------------------------------------------------

    async def _deliver(self, mail: Mail) -> None:
        message_id = await self._fill(mail.message_id) if mail.message_id else f"{mail.id}.{uuid4().hex}@example.com"
        raw = (await self._raw(mail, message_id)).encode()
        mailbox_id = self.mailboxes[mail.mailbox]
        if mail.thread is None:
            locator = await self.house.ingress.accept(Located(self.tenant_id, mailbox_id, "raw", "active"), raw)
        else:
            locator = await self._list(mailbox_id, raw, mail.thread)
        self.delivered[mail.id] = Delivered(mail, message_id, locator, mailbox_id)

    async def _list(self, mailbox_id: UUID, raw: bytes, thread_id: str) -> str:
        """As a source does that groups mails into conversations; returns the locator."""
        sha256 = hashlib.sha256(raw).hexdigest()
        await self.house.objects.put(raw_key(self.tenant_id, sha256), raw)
        sighting = ledger.Sighting(
            sha256, header_message_id(raw), raw_sha256=sha256, raw_size=len(raw), thread_id=thread_id
        )
        async with self.house.db.tenant(self.tenant_id) as session:
            (listed,) = await ledger.list_emails(session, self.tenant_id, mailbox_id, "raw", [sighting])
        await self.house.runs.start_email(listed.email, listed.workflow_id, listed.message_key, history=False)
        return sha256

    async def _raw(self, mail: Mail, message_id: str) -> str:
        lines = [await self._fill(line) for line in mail.headers]
        subject, to, cc = [await self._fill(text) for text in (mail.subject, mail.to, mail.cc or "")]
        own_id = "" if mail.message_id == "none" else f"<{message_id}>"
        fields = {"From": mail.sender, "To": to, "Cc": cc, "Subject": subject, "Message-ID": own_id}
        lines += [f"{name}: {value}" for name, value in fields.items() if value]
        lines.append(f"Date: {self.date}")
        for name, ids in (("In-Reply-To", mail.in_reply_to), ("References", mail.references)):
            if ids:
                lines.append(f"{name}: " + " ".join([f"<{await self._fill(i)}>" for i in ids]))
        lines.append("MIME-Version: 1.0")
        text = "Content-Type: text/plain; charset=utf-8\n\n" + await self._fill(mail.text)
        if mail.report is not None:
            return "\n".join(lines) + "\n" + await self._report(mail.report, text)
        if not mail.attachments:
            return "\n".join(lines) + "\n" + text + "\n"
        parts = [text] + [
            f'Content-Type: application/octet-stream\nContent-Disposition: attachment; filename="{name}"\n\n{content}'
            for name, content in mail.attachments.items()
        ]
        return _multipart("\n".join(lines), "mixed", parts)

    async def _report(self, report: Report, text: str) -> str:
        status = (
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
            f"Final-Recipient: rfc822; {report.recipient}\nAction: {report.action}\nStatus: {report.status}\n"
        )
        returned = f"Content-Type: text/rfc822-headers\n\nMessage-ID: <{await self._fill(report.original)}>\n"
        return _multipart("", "report; report-type=delivery-status", [text, status, returned]).lstrip("\n")

    async def _fill(self, text: str) -> str:
        for match in list(_PLACEHOLDER.finditer(text)):
            text = text.replace(match[0], await self._meant(match[1], match[2].split()))
        return text

    async def _meant(self, what: str, words: list[str]) -> str:
        one = self.delivered[words[0]]
        if what in ("id", "sent", "marker"):
            return {"id": one.message_id, "sent": one.sent_id, "marker": one.marker}[what]
        ticket = await self._ticket_of(words[0])
        if what == "number":
            return str(ticket["number"])
        keys = self.house.keyring.derive("reply-token")
        recipient = words[2] if "for" in words else None
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        expires = yesterday if "expired" in words else None
        return reply_token.mint(keys, self.tenant_id, ticket["number"], recipient=recipient, expires=expires)

    async def _send(self, one: Delivered) -> None:
        assert one.mail.outbound is not None
        ticket = await self._ticket_of(one.mail.id)
        keys = self.house.keyring.derive("reply-token")
        async with self.house.db.tenant(self.tenant_id) as session:
            headers = await outbound.prepare(
                session, keys, self.tenant_id, ticket["ticket_id"], one.mail.outbound.to, actor=ACTOR
            )
        one.sent_id, one.marker = headers.message_id, headers.marker

    async def _settled(self, one: Delivered, expect: Expect) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            email = await self._email(one)
            if email["state"] == "done" or (expect.waits_for and email["waits_for"]):
                return
            tasks = await self._rows(
                "select state from tasks where tenant_id = $1 and email_id = $2", email["email_id"]
            )
            if len(tasks) > one.tasks_answered and any(task["state"] == "open" for task in tasks):
                return
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{one.mail.id} is {email['state']}, waits for {email['waits_for']}")
            await asyncio.sleep(0.1)

    # People ------------------------------------------------------------------------------------------------

    async def _answer(self, one: Delivered, answer: Answer, before: Any) -> None:
        email = await self._email(one)
        what, _, named = answer.choice.partition(" ")
        choice = answer.choice
        if what == "ticket" and named:
            choice = f"ticket:{(await self._ticket_of(named))['ticket_id']}"
        elif what == "client":
            choice = f"client:{self.clients[named]}"
        resolution = TaskResolution(choice=choice, by=ACTOR, remember=answer.remember)
        await self.house.runs.resolve_task(email["workflow_id"], resolution)
        one.tasks_answered += 1
        await self._settled(one, answer.expect)
        await self._check(one.mail.id, answer.expect, before)

    async def _then(self, one: Delivered, action: str) -> None:
        ticket = await self._ticket_of(one.mail.id)
        ticket_id = ticket["ticket_id"] if ticket else None
        words = action.split()
        async with self.house.db.tenant(self.tenant_id) as session:
            match words:
                case ["close"]:
                    await self._run(session, "update tickets set status = 'closed'", ticket_id, "ticket_id = $2")
                case ["closed", days, "days", "ago"]:
                    await self._run(session, "update tickets set status = 'closed'", ticket_id, "ticket_id = $2")
                    sql = f"update tickets set closed_at = now() - interval '{int(days)} days'"
                    await self._run(session, sql, ticket_id, "ticket_id = $2")
                case ["merge", "into", other]:
                    target = (await self._ticket_of(other))["ticket_id"]
                    await merging.merge(session, self.tenant_id, ticket_id, target, actor=ACTOR)
                case ["undo", "merge", "of", other]:
                    made = derived_id((await self._email(self.delivered[other]))["email_id"], "ticket")
                    await merging.undo(session, self.tenant_id, made, actor=ACTOR)
                case ["move", "to", other]:
                    target = await self._ticket_of(other)
                    email = await self._email(one)
                    await unmerge.move(session, self.tenant_id, email["comment_id"], target["number"], actor=ACTOR)
                case ["assign", client]:
                    sql = f"update tickets set client_id = '{self.clients[client]}'"
                    await self._run(session, sql, ticket_id, "ticket_id = $2")
                case ["split"]:
                    email = await self._email(one)
                    await unmerge.split(session, self.tenant_id, email["comment_id"], actor=ACTOR)
                case ["activate", name]:
                    await self._run(session, "update inbound_defaults set active = true", name, "name = $2")
                case ["copies", copies]:
                    policy = TenantPolicy.model_validate({"copies": copies})
                    await policies.set_tenant(session, self.tenant_id, policy, actor=ACTOR)
                case ["reset", "circuits"]:
                    for circuit in await loops.circuits(session, self.tenant_id):
                        await loops.reset(session, self.tenant_id, circuit["circuit_id"], actor=ACTOR)
                case _:
                    raise ValueError(f"unknown action {action!r}")

    # What came of it ---------------------------------------------------------------------------------------

    async def _check(self, name: str, expect: Expect, before: Any) -> None:
        email = await self._email(self.delivered[name])
        sql = "select record from decisions where tenant_id = $1 and email_id = $2"
        records = [row["record"] for row in await self._rows(sql, email["email_id"])]
        lines = [f"{line['looked_at']}: {line['result']}" for record in records for line in record["evidence"]]
        stands = f"{name} is {email['state']}/{email['outcome']}/{email['reason']}"
        seen = f"{stands}; its record says:\n  " + "\n  ".join(lines)
        for attribute in ("outcome", "reason"):
            wanted = getattr(expect, attribute)
            if wanted is not None:
                assert (email[attribute] or "") == wanted, seen
        if expect.flags is not None:
            assert sorted(email["flags"]) == sorted(expect.flags), seen
        for part in [await self._fill(part) for part in expect.evidence]:
            assert any(part in line for line in lines), f"no line says {part!r}: {seen}"
        for part in expect.not_evidence:
            assert not any(part in line for line in lines), f"a line says {part!r}: {seen}"
        await self._check_task(email, expect, seen)
        if expect.ticket is not None:
            assert email["ticket_id"] == (await self._ticket_of(expect.ticket))["ticket_id"], seen
        if expect.waits_for is not None:
            assert email["waits_for"] == (await self._email(self.delivered[expect.waits_for]))["email_id"], seen
        if expect.untouched is not None:
            assert await self._snapshot(expect.untouched) == before, f"the ticket has changed: {seen}"
        if email["ticket_id"] is not None:
            await self._check_ticket(email["ticket_id"], expect, seen)
        if expect.bounced is not None:
            rows = await self._rows("select address, hard from bounced_addresses where tenant_id = $1")
            assert {r["address"]: "hard" if r["hard"] else "soft" for r in rows} == expect.bounced, seen

    async def _check_task(self, email: Any, expect: Expect, seen: str) -> None:
        if expect.task is None:
            return
        tasks = await self._rows(
            "select * from tasks where tenant_id = $1 and email_id = $2 and state = 'open'", email["email_id"]
        )
        kinds = [task["kind"] for task in tasks]
        assert kinds == ([expect.task] if expect.task != "none" else []), f"open tasks: {kinds}; {seen}"
        if expect.options is not None:
            labels = [option["label"] for option in tasks[0]["options"]]
            assert labels == [await self._fill(option) for option in expect.options], seen

    async def _check_ticket(self, ticket_id: UUID, expect: Expect, seen: str) -> None:
        (ticket,) = await self._rows(
            """select t.*, c.name as client, p.address as contact, u.email as assignee from tickets t
                 left join clients c using (tenant_id, client_id)
                 left join contacts p on p.tenant_id = t.tenant_id and p.contact_id = t.contact_id
                 left join users u on u.tenant_id = t.tenant_id and u.user_id = t.assignee_id
                where t.tenant_id = $1 and t.ticket_id = $2""",
            ticket_id,
        )
        for attribute in ("status", "queue", "priority", "tags", "client", "contact", "assignee", "link"):
            wanted = getattr(expect, attribute)
            if wanted is not None:
                found = "" if ticket[attribute] is None else ticket[attribute]
                assert found == wanted, f"{attribute} is {found!r}; {seen}"
        if expect.linked_to is not None:
            assert ticket["linked_to"] == (await self._ticket_of(expect.linked_to))["ticket_id"], seen
        state = await self._state(ticket_id)
        if expect.comments is not None:
            assert state["comments"] == expect.comments, f"{state}; {seen}"
        if expect.author is not None:
            assert state["authors"][-1] == expect.author, f"{state}; {seen}"
        if expect.proposed_watchers is not None:
            assert state["watchers"] == [(a, "proposed") for a in sorted(expect.proposed_watchers)], f"{state}; {seen}"
        if expect.participants is not None:
            assert state["participants"] == sorted(expect.participants), f"{state}; {seen}"

    async def _snapshot(self, name: str | None) -> Any:
        return await self._state((await self._ticket_of(name))["ticket_id"]) if name else None

    async def _state(self, ticket_id: UUID) -> dict[str, Any]:
        comments = await self._rows(
            "select author_address from comments where tenant_id = $1 and ticket_id = $2 order by seq", ticket_id
        )
        (ticket,) = await self._rows("select * from tickets where tenant_id = $1 and ticket_id = $2", ticket_id)
        watchers = await self._rows(
            "select address, state from ticket_watchers where tenant_id = $1 and ticket_id = $2 order by 1", ticket_id
        )
        participants = await self._rows(
            "select address from ticket_participants where tenant_id = $1 and ticket_id = $2 order by 1", ticket_id
        )
        return {
            "row": dict(ticket),
            "comments": len(comments),
            "authors": [c["author_address"] for c in comments],
            "watchers": [(w["address"], w["state"]) for w in watchers],
            "participants": [p["address"] for p in participants],
        }

    async def _ticket_of(self, name: str) -> Any:
        email = await self._email(self.delivered[name])
        rows = await self._rows("select * from tickets where tenant_id = $1 and ticket_id = $2", email["ticket_id"])
        return rows[0] if rows else None

    async def _email(self, one: Delivered) -> Any:
        (row,) = await self._rows(
            "select * from emails where tenant_id = $1 and mailbox_id = $2 and locator = $3",
            one.mailbox_id,
            one.locator,
        )
        return row

    async def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        async with self.house.db.tenant(self.tenant_id) as session:
            return await session.fetch(sql, self.tenant_id, *arguments)


def _untouched(mail: Mail) -> str | None:
    return mail.expect.untouched or (mail.answer.expect.untouched if mail.answer else None)


def _multipart(head: str, kind: str, parts: list[str]) -> str:
    boundary = new_id().hex
    subtype, _, parameters = kind.partition(";")
    declared = f'Content-Type: multipart/{subtype}; boundary="{boundary}"' + (f";{parameters}" if parameters else "")
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"{head}\n{declared}\n\n{body}--{boundary}--\n"
