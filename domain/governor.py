"""The loop governor: counts automated mail per ticket, pair of addresses, mailbox and tenant; too much opens a circuit.

The mail that opens it asks a person, once, and that task is the alert; those after it wait with it and follow the
answer: released, all of the next hour are processed; discarded, they are excluded until an hour has passed without any.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from domain import questions
from domain.decision import PERSON_PATIENCE, Answers, CircuitKey, Decision, Notes, who
from domain.facts import Facts

WINDOW = timedelta(hours=1)
# Counts are kept in buckets of this length.
BUCKET = timedelta(minutes=10)

_TOPIC = "loop"
_NAMES = {
    "ticket": "on one ticket",
    "ticket_total": "on one ticket",
    "pair": "from one sender to one mailbox",
    "mailbox": "in one mailbox",
    "tenant": "in all mailboxes",
}


def keys(sender: str, mailbox_id: UUID, tickets: Iterable[UUID]) -> list[CircuitKey]:
    """What a mail counts for."""
    return [
        *(CircuitKey(scope="ticket", key=str(ticket)) for ticket in tickets),
        CircuitKey(scope="pair", key=f"{sender} {mailbox_id}"),
        CircuitKey(scope="mailbox", key=str(mailbox_id)),
        CircuitKey(scope="tenant", key=""),
    ]


def count_name(key: CircuitKey) -> str:
    """The name of a count in `Facts.counts`."""
    return f"{key.scope}:{key.key}"


def govern(facts: Facts, decision: Decision, answers: Answers, notes: Notes) -> Decision:
    """The decision, unless the mail is part of a storm."""
    if decision.action not in ("create", "append") or facts.mailbox_id is None:
        return decision
    decision.counts_as_automated = facts.automated
    tickets = [decision.ticket_id] if decision.ticket_id else []
    mine = keys(facts.sender, facts.mailbox_id, tickets) if facts.automated else []
    mine += [CircuitKey(scope="ticket_total", key=str(ticket)) for ticket in tickets]
    released = answers.chose(f"release:{_TOPIC}")
    if released is not None:
        notes.add("Answer", f"{who(released)} let it through, which ends the storm for all that wait behind it")
        decision.releases_circuits = True
        return decision
    let_through = {f"{c.scope}:{c.key}" for c in facts.circuits if c.verdict == "released"}
    names = {name: key for key in mine if (name := count_name(key)) not in let_through}
    return _open_circuit(facts, names, notes) or _over_limit(facts, names, notes) or decision


def _open_circuit(facts: Facts, names: dict[str, CircuitKey], notes: Notes) -> Decision | None:
    for circuit in facts.circuits:
        name = f"{circuit.scope}:{circuit.key}"
        if name not in names:
            continue
        if circuit.email_id == facts.email_id:
            return _alert(names[name])
        if circuit.verdict == "undecided" and circuit.email_id not in facts.waited:
            notes.add("Loop governor", f"a storm {_NAMES[circuit.scope]} waits for a person's answer")
            return Decision(action="wait", wait_for=circuit.email_id, patience=PERSON_PATIENCE)
        notes.add("Loop governor", f"part of a storm {_NAMES[circuit.scope]} that was not let through")
        return Decision(action="exclude", reason="loop")
    return None


def _over_limit(facts: Facts, names: dict[str, CircuitKey], notes: Notes) -> Decision | None:
    for name, key in names.items():
        limit = getattr(facts.tenant.loops, key.scope)
        count = _count(facts, key, name)
        if count >= limit:
            notes.add("Loop governor", f"{count} mails {_NAMES[key.scope]} within an hour, {limit} are allowed")
            return _alert(key)
    return None


def _count(facts: Facts, key: CircuitKey, name: str) -> int:
    if key.scope != "ticket_total":
        return facts.counts.get(name, 0)
    ticket = facts.tickets.get(UUID(key.key))
    return ticket.comments if ticket else 0


def _alert(key: CircuitKey) -> Decision:
    text = (
        f"More automated mail {_NAMES[key.scope]} than is allowed: this looks like a loop. "
        "Release it and all that wait behind it, or discard them?"
    )
    return Decision(action="ask", question=questions.release(_TOPIC, text), opens_circuit=key)
