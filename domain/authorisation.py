"""Whether the sender of a mail may write on a ticket: who they are to it, and whether they are who they say."""

from __future__ import annotations

from domain.address import organisation_domain
from domain.authentication import Verdict, verify
from domain.decision import Notes
from domain.facts import Facts, TicketFacts
from domain.mailing_list import original_author


class Sender:
    """The sender of one mail as far as authorisation goes. Authentication is looked up, and noted, once."""

    def __init__(self, facts: Facts, notes: Notes) -> None:
        self._facts = facts
        self._notes = notes
        self._verdict: Verdict | None = None
        self.address = original_author(facts, notes) or facts.sender

    @property
    def verdict(self) -> Verdict:
        if self._verdict is None:
            if self.address != self._facts.sender:
                self._verdict = Verdict("pass", "proven behind the mailing list")
            else:
                self._verdict = verify(self._facts.authentication, self.address, self._facts.mailbox)
            if self._verdict.result != "unknown" or self._facts.mailbox.trusted_authserv_ids:
                self._notes.add("Authentication", f"{self._verdict.result}: {self._verdict.why}")
        return self._verdict

    @property
    def is_forged(self) -> bool:
        return self.verdict.result == "fail"

    @property
    def is_doubtful(self) -> bool:
        """Forged, or unproven in a mailbox that wants proof."""
        unproven = self.verdict.result == "unknown" and self._facts.mailbox.unauthenticated == "review"
        return self.is_forged or unproven

    def belongs_to(self, ticket: TicketFacts, *, late_parent: bool = False) -> bool:
        """Whether this address takes part in the ticket, noted either way. `late_parent`: the mail that replies on the
        ticket answer, which came after them."""
        reason = self._tie(ticket, late_parent)
        if reason:
            self._notes.add("Sender", f"{reason}: may write on #{ticket.number}")
        elif self.address:
            self._notes.add("Sender", f"is no part of #{ticket.number}")
        else:
            self._notes.add("Sender", "none, so it may not write on a ticket")
        return bool(reason)

    def _tie(self, ticket: TicketFacts, late_parent: bool) -> str:
        facts, address = self._facts, self.address
        if not address:
            return ""
        if facts.internal:
            return "is one of our own users"
        if address in ticket.authors or address in ticket.recipients:
            return "takes part in the conversation"
        if ticket.client_id is not None and ticket.client_id in {m.client_id for m in facts.matches}:
            return "belongs to the ticket's client"
        if organisation_domain(address) in {organisation_domain(a) for a in ticket.authors} - {None}:
            return "writes from the same organisation's domain"
        if late_parent and ticket.authors & facts.recipients:
            return "wrote to the author of the reply that came first"
        return ""
