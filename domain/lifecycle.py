"""A reply to a ticket that may be closed: comment, reopen, or a new ticket that carries the old one on."""

from __future__ import annotations

from domain.decision import Decision, Notes
from domain.facts import Facts, TicketFacts
from domain.thanks import only_thanks


def place_reply(facts: Facts, ticket: TicketFacts, notes: Notes) -> Decision | None:
    """The append to this ticket; None when it was closed so long ago that the mail is a new ticket."""
    append = Decision(action="append", ticket_id=ticket.ticket_id, client_id=ticket.client_id)
    if facts.kind != "ordinary":
        if facts.kind != "calendar":
            notes.add("Kind of mail", f"{facts.kind}: joins the ticket silently and reopens nothing")
        return append
    if not ticket.closed:
        append.reopen = True
        return append
    policy = facts.tenant.queue(ticket.queue)
    if not policy.reopen:
        notes.add("Closed ticket", f"queue {ticket.queue} does not reopen: comment only")
    elif only_thanks(facts.text) and not policy.thanks_reopen:
        notes.add("Closed ticket", "the reply only says thanks: comment only")
    elif facts.now and ticket.closed_at and facts.now - ticket.closed_at > policy.window:
        notes.add("Closed ticket", f"closed more than {policy.window_hours} hours ago: a new ticket carries it on")
        return None
    elif ticket.reopened >= policy.per_hour:
        notes.add("Closed ticket", f"was reopened {ticket.reopened} times within the hour: comment only")
        notes.flag("reopen_limit")
    else:
        notes.add("Closed ticket", "reopened by this reply")
        append.reopen = True
    return append
