"""Which ticket a mail belongs to: evidence from strongest to weakest, until there is one its sender may write on.

What the source itself groups into one conversation (Gmail, Microsoft 365) comes after every id that the mail names: it
is made of headers and subjects that anybody can write. So it counts for answers only, and only for who may write there.
"""

from __future__ import annotations

from uuid import UUID

from domain import questions
from domain.authorisation import Sender
from domain.decision import PARENT_PATIENCE, PERSON_PATIENCE, Answers, Decision, Notes, who
from domain.facts import Facts, Source, ThreadEvidence, TicketFacts
from domain.lifecycle import place_reply

_LABELS: dict[Source, str] = {
    "own_token": "Reply token",
    "bounce": "Bounced mail",
    "in_reply_to": "In-Reply-To",
    "references": "References",
    "provider_thread": "Conversation at the source",
    "own_id": "Its own Message-ID",
}
# Machines that nobody should be asked about: without a right to the ticket they are recorded, and that is all.
_UNASKED = frozenset({"auto_reply", "bounce", "report"})
_FAILED = "its address failed authentication, so somebody else may have sent it"
_UNPROVEN = "nothing proves that it is from this address, and this mailbox wants proof"
_STRANGER = "its sender takes no part in it"
_NAMED = "The mail names a message, a token or the number of this ticket"
_GROUPED = "The source shows it in one conversation with mails of this ticket"


class Conversation:
    """`find` gives the decision if the mail joins a ticket, a wait or a question; else `continues` is the closed ticket
    that its new ticket carries on, if any."""

    def __init__(self, facts: Facts, answers: Answers, sender: Sender, notes: Notes) -> None:
        self._facts = facts
        self._answers = answers
        self._sender = sender
        self._notes = notes
        self.continues: TicketFacts | None = None

    def find(self) -> Decision | None:
        return (
            self._chosen()
            or self._between_parents()
            or self._by_ids({"own_token", "bounce", "in_reply_to", "references"})
            or self._by_source()
            or self._by_ids({"own_id"})
            or self._by_subject()
        )

    def _chosen(self) -> Decision | None:
        answer = self._answers.to("choose_ticket")
        if answer is None:
            return None
        ticket = next((t for t in self._facts.tickets.values() if answer.choice == f"ticket:{t.ticket_id}"), None)
        self._notes.add("Answer", f"{who(answer)} chose {f'#{ticket.number}' if ticket else 'none of the tickets'}")
        return self._append(ticket) if ticket else None

    def _between_parents(self) -> Decision | None:
        """One mail that answers mails of several tickets: only a person knows which one is meant."""
        if self._answers.to("choose_ticket") is not None or self._facts.kind in _UNASKED or self._facts.token:
            return None
        parents = {
            t.ticket_id: self._facts.tickets[t.ticket_id]
            for t in self._facts.threads
            if t.source == "in_reply_to" and t.kind == "member" and t.ticket_id in self._facts.tickets
        }
        if len(parents) < 2 or self._sender.is_doubtful:
            return None
        writable = [ticket for ticket in parents.values() if self._sender.belongs_to(ticket)]
        if len(writable) < 2:
            return None
        self._notes.add("In-Reply-To", f"names mails of {len(writable)} tickets")
        line = "In-Reply-To names a mail of this ticket"
        return Decision(action="ask", question=questions.choose_ticket([(t, 0.5, line) for t in writable]))

    def _by_ids(self, sources: set[Source]) -> Decision | None:
        if self.continues:
            return None
        target: TicketFacts | None = None
        for thread in self._facts.threads:
            if thread.source not in sources:
                continue
            ticket = self._facts.tickets.get(thread.ticket_id) if thread.ticket_id else None
            label = _LABELS[thread.source]
            if ticket is None:
                if (wait := self._wait(thread, "names a mail that is not decided yet")) is not None:
                    return wait
                self._notes.add(label, "names no mail that is known here")
            elif thread.source == "own_id" and thread.kind == "member":
                continue  # another message under the same Message-ID: `same_message` has flagged it
            elif thread.kind == "referenced":
                self._notes.add(label, f"names a mail that only replies on #{ticket.number} know")
                if target is None and self._sender.belongs_to(ticket, late_parent=thread.source == "own_id"):
                    target = ticket
            else:
                decision = self._strong(thread, ticket, label)
                if decision is not None or self.continues:
                    return decision
        if target is not None:
            return self._append(target) if not self._sender.is_doubtful else self._review(target, self._doubt())
        return None

    def _wait(self, thread: ThreadEvidence, why: str) -> Decision | None:
        if thread.in_flight is None or thread.in_flight in self._facts.waited:
            return None
        self._notes.add(_LABELS[thread.source], why)
        patience = PERSON_PATIENCE if thread.waits_for_person else PARENT_PATIENCE
        return Decision(action="wait", wait_for=thread.in_flight, patience=patience)

    def _by_source(self) -> Decision | None:
        """The tickets whose mails the source groups with this one."""
        grouped = [t for t in self._facts.threads if t.source == "provider_thread"]
        if not grouped or self.continues or self._facts.kind in ("bounce", "report"):
            return None
        label = _LABELS["provider_thread"]
        if not self._facts.is_answer:
            # Gmail puts every mail of a robot with one subject into one conversation, too.
            self._notes.add(label, "has earlier mails, but this one answers none: it stands for itself")
            return None
        tickets = [self._facts.tickets[t.ticket_id] for t in grouped if t.ticket_id in self._facts.tickets]
        if not tickets:
            return self._wait(grouped[0], "has a mail that is not decided yet")
        self._notes.add(label, "has mails on " + ", ".join(f"#{ticket.number}" for ticket in tickets))
        writable = [ticket for ticket in tickets if self._sender.belongs_to(ticket)]
        if not writable:
            return self._review(tickets[0], _STRANGER, _GROUPED)
        if self._sender.is_doubtful:
            return self._review(writable[0], self._doubt(), _GROUPED)
        if len(writable) > 1 and self._facts.kind not in _UNASKED:
            if self._answers.to("choose_ticket") is not None:
                return None
            return Decision(action="ask", question=questions.choose_ticket([(t, 0.5, _GROUPED) for t in writable]))
        return self._append(writable[0])

    def _strong(self, thread: ThreadEvidence, ticket: TicketFacts, label: str) -> Decision | None:
        """Evidence that names this very ticket: append, or ask, or (the answer kept it off) None."""
        if thread.source == "bounce":
            return self._bounce(thread, ticket)
        if thread.source == "own_token":
            entitled = self._token(ticket)
            if entitled and not self._sender.is_forged:
                return self._append(ticket)
        else:
            mail = "a mail that we sent for" if thread.outbound else "a mail on"
            self._notes.add(label, f"names {mail} #{ticket.number}")
            entitled = False
        if entitled or self._sender.belongs_to(ticket):
            return self._append(ticket) if not self._sender.is_doubtful else self._review(ticket, self._doubt())
        return self._review(ticket, _STRANGER)

    def _token(self, ticket: TicketFacts) -> bool:
        token = self._facts.token
        if token is None or token.authorises:
            self._notes.add("Reply token", f"was issued by us for #{ticket.number}, so its holder may write there")
            return True
        fault = "has expired" if token.expired else "was issued to somebody else"
        self._notes.add("Reply token", f"is ours and names #{ticket.number}, but {fault}: it gives no right to write")
        return False

    def _bounce(self, thread: ThreadEvidence, ticket: TicketFacts) -> Decision | None:
        if not thread.outbound:
            self._notes.add("Bounced mail", "is none that we sent, so the report is believed by nobody")
            return None
        self._notes.add("Bounced mail", f"was sent by us for #{ticket.number}")
        return self._append(ticket)

    def _by_subject(self) -> Decision | None:
        """What is weaker than an id. A number counts for participants; a like subject only ever proposes."""
        if self.continues or self._facts.kind != "ordinary":
            return None
        proposed = []
        for proposal in self._facts.proposals:
            ticket = self._facts.tickets.get(proposal.ticket_id)
            if ticket is None:
                continue
            if proposal.why == "same_subject":
                proposed.append(ticket)
                continue
            self._notes.add("Subject", f"carries the number of #{ticket.number}")
            if not self._sender.belongs_to(ticket):
                return self._review(ticket, _STRANGER)
            return self._append(ticket) if not self._sender.is_doubtful else self._review(ticket, self._doubt())
        if not proposed or self._answers.to("choose_ticket") or self._answers.to("review_sender"):
            return None
        self._notes.add("Subject", f"is that of {len(proposed)} recent ticket(s) of this sender")
        scored = [
            (ticket, round(0.6 - 0.1 * place, 2), "Same sender and same subject, but no id of the conversation")
            for place, ticket in enumerate(sorted(proposed, key=lambda t: -t.number)[:5])
        ]
        return Decision(action="ask", question=questions.choose_ticket(scored))

    def _doubt(self) -> str:
        return _FAILED if self._sender.is_forged else _UNPROVEN

    def _review(self, ticket: TicketFacts, doubt: str, tie: str = _NAMED) -> Decision | None:
        if self._facts.kind in _UNASKED:
            self._notes.add("Kind of mail", f"{self._facts.kind}, and {doubt}: it changes nothing on #{ticket.number}")
            return None
        answer = self._answers.to("review_sender")
        if answer is None:
            question = questions.review_sender(self._facts, ticket, doubt=doubt, tie=tie)
            return Decision(action="ask", question=question)
        if answer.choice == f"ticket:{ticket.ticket_id}":
            self._notes.add("Answer", f"{who(answer)} lets the sender write on #{ticket.number}")
            return self._append(ticket)
        self._notes.add("Answer", f"{who(answer)} keeps it off #{ticket.number}")
        return None

    def _append(self, ticket: TicketFacts) -> Decision | None:
        """The comment on this ticket, or on the one that carries it on; None when a new ticket has to."""
        decision = place_reply(self._facts, ticket, self._notes)
        while decision is None:
            later = self._facts.tickets.get(ticket.continued_by) if ticket.continued_by else None
            if later is None:
                self.continues = ticket
                return None
            self._notes.add("Closed ticket", f"#{later.number} carries it on")
            ticket, decision = later, place_reply(self._facts, later, self._notes)
        decision.merge = self._same_conversation(ticket)
        return decision

    def _same_conversation(self, ticket: TicketFacts) -> list[UUID]:
        """Tickets made of replies to this very mail, which arrived before it did."""
        merge = []
        for thread in self._facts.threads:
            other = self._facts.tickets.get(thread.ticket_id) if thread.ticket_id else None
            if other is None or other is ticket or thread.source != "own_id" or thread.kind != "referenced":
                continue
            if self._sender.belongs_to(other, late_parent=True):
                self._notes.add("Replies to it", f"are on #{other.number}: the same conversation")
                merge.append(other.ticket_id)
        return merge
