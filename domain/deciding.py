"""The policy: what becomes of one message, given what is known. Pure; `storage.evidence` gathers the facts.

The order of DESIGN §7: the same message seen before, then the conversation it belongs to and whether its sender may
write there, then a ticket of its own. Every step leaves a line in the decision record. In doubt it asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.address import organisation_domain
from domain.email import MailKind
from domain.inbound import InboundEmail, Outcome, ParentWait, Reference
from domain.task import Answered, Candidate, Option, Question, TaskResolution

# How long a reply waits for a parent that is being processed, and for one that waits for a person itself.
PARENT_PATIENCE = timedelta(minutes=10)
PERSON_PATIENCE = timedelta(days=14)

# Machines answering machines: without a conversation to belong to they are recorded, not ticketed.
_EXCLUDED_KINDS: frozenset[MailKind] = frozenset({"auto_reply", "bounce", "report"})

Action = Literal["create", "append", "ask", "wait", "exclude", "discard", "duplicate"]
Source = Literal["own_token", "in_reply_to", "references", "own_id"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ThreadEvidence(_Record):
    """One id (or token) of the mail and what the tenant knows of it; listed strongest first."""

    source: Source
    message_id: str
    ticket_id: UUID | None = None
    # 'referenced': only other replies to this id were seen, never the mail itself.
    kind: Literal["member", "referenced"] = "member"
    # The mail with this id, while it is not decided.
    in_flight: UUID | None = None
    waits_for_person: bool = False


class TicketFacts(_Record):
    ticket_id: UUID
    number: int
    subject: str
    closed: bool = False
    client_id: UUID | None = None
    authors: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()


class Sighting(_Record):
    """Another ledger row with the same message key. `same_content` is None until it was parsed."""

    email_id: UUID
    earlier: bool
    outcome: Outcome | None
    ticket_id: UUID | None = None
    same_content: bool | None = None


class SenderMatch(_Record):
    client_id: UUID | None
    client_name: str = ""
    contact_id: UUID | None = None
    how: Literal["contact", "association", "domain"]


class Facts(_Record):
    """All that is known when a message is decided. Addresses are in canonical spelling."""

    email_id: UUID
    message_key: str
    subject: str = ""
    kind: MailKind = "ordinary"
    sender: str = ""
    sender_name: str = ""
    recipients: frozenset[str] = frozenset()
    internal: bool = False
    unreadable: bool = False
    threads: list[ThreadEvidence] = Field(default_factory=list)
    tickets: dict[UUID, TicketFacts] = Field(default_factory=dict)
    sightings: list[Sighting] = Field(default_factory=list)
    matches: list[SenderMatch] = Field(default_factory=list)
    defaults_id: UUID | None = None
    # Mails that were waited for long enough.
    waited: frozenset[UUID] = frozenset()


class EvidenceLine(_Record):
    """One thing that was looked at, and what it said."""

    looked_at: str
    result: str


class Decision(_Record):
    """The decision record: readable by people, and all that the commit needs."""

    action: Action
    reason: str = ""
    ticket_id: UUID | None = None
    # Tickets that turn out to be the same conversation as `ticket_id`.
    merge: list[UUID] = Field(default_factory=list)
    client_id: UUID | None = None
    contact_id: UUID | None = None
    question: Question | None = None
    wait_for: UUID | None = None
    patience: timedelta = timedelta(0)
    flags: list[str] = Field(default_factory=list)
    evidence: list[EvidenceLine] = Field(default_factory=list)
    # What each id of the mail pointed to when this was decided: the commit checks that it still does.
    seen: dict[str, UUID] = Field(default_factory=dict)


class Decide(Reference):
    """The input of `find_thread`: the answers so far, and the mails that were waited for long enough."""

    email: InboundEmail
    answers: tuple[Answered, ...] = ()
    waited: tuple[UUID, ...] = ()


class Decided(Reference):
    """The decision as the workflow knows it; `wait` comes with the action of that name."""

    action: Action
    wait: ParentWait | None = None


def decide(facts: Facts, answers: Sequence[Answered]) -> Decision:
    """The one outcome of this message, or what has to happen before it can be known."""
    return _Deciding(facts, answers).decide()


class _Deciding:
    def __init__(self, facts: Facts, answers: Sequence[Answered]) -> None:
        self.facts = facts
        self.answers = {answer.kind: answer.resolution for answer in answers}
        self.lines: list[EvidenceLine] = []
        self.flags: list[str] = []

    def decide(self) -> Decision:
        decision = (
            self._discarded_by_person()
            or self._same_message()
            or self._unreadable()
            or self._conversation()
            or self._automated()
            or self._new_ticket()
        )
        decision.evidence = self.lines
        decision.flags = self.flags
        decision.seen = {t.message_id: t.ticket_id for t in self.facts.threads if t.ticket_id is not None}
        return decision

    # Steps: each returns a decision, or None to go on to the next -----------------------------------------

    def _discarded_by_person(self) -> Decision | None:
        for kind, resolution in self.answers.items():
            if resolution.choice == "discard":
                self._note("Answer", f"{_who(resolution)} discarded it")
                return Decision(action="discard", reason=kind)
        return None

    def _same_message(self) -> Decision | None:
        for sighting in self.facts.sightings:
            if sighting.outcome == "gone":
                continue
            if sighting.outcome is not None and sighting.same_content:
                self._note("Message-ID and content", "the same message was already processed")
                return Decision(action="duplicate", reason="same_message", ticket_id=sighting.ticket_id)
            if sighting.same_content is False:
                self._note("Message-ID", "another message with different content has the same Message-ID")
                if "same_message_id" not in self.flags:
                    self.flags.append("same_message_id")
            elif sighting.earlier and sighting.email_id not in self.facts.waited:
                self._note("Message-ID", "an earlier sighting of it is being processed")
                return Decision(action="wait", wait_for=sighting.email_id, patience=PERSON_PATIENCE)
        return None

    def _unreadable(self) -> Decision | None:
        if not self.facts.unreadable:
            return None
        answer = self.answers.get("repair_message")
        if answer is None:
            self._note("Message", "neither sender, subject nor text could be read")
            return self._ask(
                Question(
                    kind="repair_message",
                    text="This message could not be read. Make a ticket of what is there, or discard it?",
                    options=[Option(id="ticket", label="Make a ticket"), Option(id="discard", label="Discard")],
                    default="ticket",
                )
            )
        self._note("Answer", f"{_who(answer)} wants a ticket of what is there")
        return None

    def _conversation(self) -> Decision | None:
        """Walks the evidence from strongest to weakest until a ticket is found that this sender may write on."""
        target: TicketFacts | None = None
        for thread in self.facts.threads:
            ticket = self.facts.tickets.get(thread.ticket_id) if thread.ticket_id else None
            label = _LABELS[thread.source]
            if ticket is None:
                if thread.in_flight is not None and thread.in_flight not in self.facts.waited:
                    self._note(label, "names a mail that is not decided yet")
                    patience = PERSON_PATIENCE if thread.waits_for_person else PARENT_PATIENCE
                    return Decision(action="wait", wait_for=thread.in_flight, patience=patience)
                self._note(label, "names no mail that is known here")
                continue
            if thread.source == "own_id" and thread.kind == "member":
                continue  # another message under the same Message-ID: `_same_message` has flagged it
            if thread.kind == "referenced":
                self._note(label, f"names a mail that only replies on #{ticket.number} know")
                if target is None and self._may_write(ticket, late_parent=thread.source == "own_id"):
                    target = ticket
                continue
            self._note(label, f"names a mail on #{ticket.number}")
            if thread.source == "own_token":
                self._note("Reply token", f"was issued by us for #{ticket.number}, so its holder may write there")
            elif not self._may_write(ticket):
                stranger = self._stranger(ticket)
                if stranger is not None:
                    return stranger
                continue
            return self._append(ticket)
        return self._append(target) if target else None

    def _automated(self) -> Decision | None:
        if self.facts.kind not in _EXCLUDED_KINDS:
            return None
        self._note("Kind of mail", f"{self.facts.kind}, and it belongs to no ticket")
        return Decision(action="exclude", reason=self.facts.kind)

    def _new_ticket(self) -> Decision:
        clients = {match.client_id: match for match in self.facts.matches}
        match = next(iter(clients.values())) if len(clients) == 1 else None
        if len(clients) > 1:
            answer = self.answers.get("identify_client")
            if answer is None:
                self._note("Sender", f"matches {len(clients)} clients")
                return self._ask(_which_client(self.facts, list(clients.values())))
            match = next((m for m in clients.values() if answer.choice == f"client:{m.client_id}"), None)
            self._note("Answer", f"{_who(answer)} chose {match.client_name if match else 'no client'}")
        elif match is not None:
            self._note("Sender", f"matched by {match.how}: {match.client_name or 'a contact without a client'}")
        else:
            self._note("Sender", "matches no contact and no client")
        if self.facts.defaults_id is None:
            self._note("Mailbox defaults", "missing or inactive")
            return self._ask(
                Question(
                    kind="missing_defaults",
                    text="This mailbox has no valid inbound defaults, so no ticket can be made. "
                    "Set them on the mailbox, then retry.",
                    options=[Option(id="retry", label="Retry"), Option(id="discard", label="Discard the message")],
                    default="retry",
                )
            )
        return Decision(
            action="create",
            client_id=match.client_id if match else None,
            contact_id=match.contact_id if match else None,
        )

    # Helpers -----------------------------------------------------------------------------------------------

    def _may_write(self, ticket: TicketFacts, *, late_parent: bool = False) -> bool:
        sender = self.facts.sender
        if not sender:
            self._note("Sender", "none, so it may not write on a ticket")
            return False
        if self.facts.internal:
            reason = "is one of our own users"
        elif sender in ticket.authors or sender in ticket.recipients:
            reason = "takes part in the conversation"
        elif ticket.client_id is not None and ticket.client_id in {m.client_id for m in self.facts.matches}:
            reason = "belongs to the ticket's client"
        elif organisation_domain(sender) in {organisation_domain(a) for a in ticket.authors} - {None}:
            reason = "writes from the same organisation's domain"
        elif late_parent and ticket.authors & self.facts.recipients:
            reason = "wrote to the author of the reply that came first"
        else:
            self._note("Sender", f"is no part of #{ticket.number}")
            return False
        self._note("Sender", f"{reason}: may write on #{ticket.number}")
        return True

    def _stranger(self, ticket: TicketFacts) -> Decision | None:
        answer = self.answers.get("review_sender")
        if answer is None:
            return self._ask(_review_sender(self.facts, ticket))
        if answer.choice == f"ticket:{ticket.ticket_id}":
            self._note("Answer", f"{_who(answer)} lets the sender write on #{ticket.number}")
            return self._append(ticket)
        self._note("Answer", f"{_who(answer)} keeps it off #{ticket.number}")
        return None

    def _append(self, ticket: TicketFacts) -> Decision:
        merge = []
        for thread in self.facts.threads:
            other = self.facts.tickets.get(thread.ticket_id) if thread.ticket_id else None
            if thread.source != "own_id" or thread.kind != "referenced" or other in (None, ticket):
                continue
            # Replies to this very mail arrived before it did and became a ticket of their own.
            if self._may_write(other, late_parent=True):
                self._note("Replies to it", f"are on #{other.number}: the same conversation")
                merge.append(other.ticket_id)
        return Decision(action="append", ticket_id=ticket.ticket_id, merge=merge, client_id=ticket.client_id)

    def _ask(self, question: Question) -> Decision:
        return Decision(action="ask", question=question)

    def _note(self, looked_at: str, result: str) -> None:
        self.lines.append(EvidenceLine(looked_at=looked_at, result=result))


_LABELS: dict[Source, str] = {
    "own_token": "Reply token",
    "in_reply_to": "In-Reply-To",
    "references": "References",
    "own_id": "Its own Message-ID",
}


def _who(resolution: TaskResolution) -> str:
    return "the deadline" if resolution.by == "deadline" else resolution.by


def _which_client(facts: Facts, matches: list[SenderMatch]) -> Question:
    candidates = [
        Candidate(
            option=f"client:{match.client_id}",
            title=match.client_name or "No client",
            score=0.5,
            evidence=[f"{facts.sender} is a {match.how} of {match.client_name or 'nobody'}"],
        )
        for match in sorted(matches, key=lambda m: m.client_name)
    ]
    return Question(
        kind="identify_client",
        text=f"The sender matches {len(matches)} clients. For which one is this mail?",
        options=[
            *(Option(id=c.option, label=c.title) for c in candidates),
            Option(id="no_client", label="None of them"),
            Option(id="discard", label="Discard the message"),
        ],
        candidates=candidates,
        default="no_client",
    )


def _review_sender(facts: Facts, ticket: TicketFacts) -> Question:
    return Question(
        kind="review_sender",
        text=f"This mail answers #{ticket.number}, but its sender takes no part in it. May they write there?",
        options=[
            Option(id=f"ticket:{ticket.ticket_id}", label=f"Add to #{ticket.number}"),
            Option(id="new_ticket", label="Make it a new ticket"),
            Option(id="discard", label="Discard the message"),
        ],
        candidates=[
            Candidate(
                option=f"ticket:{ticket.ticket_id}",
                title=f"#{ticket.number} {ticket.subject}",
                score=0.5,
                evidence=[
                    "The mail's headers name a message of this ticket",
                    f"{facts.sender or 'The sender'} is neither a participant nor of the same client",
                ],
            )
        ],
        default="new_ticket",
    )
