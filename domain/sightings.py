"""The same message seen before: in this mailbox, and in the tenant's others as its policy has it."""

from __future__ import annotations

from uuid import UUID

from domain.decision import PARENT_PATIENCE, PERSON_PATIENCE, Decision, Notes
from domain.facts import Facts, Sighting


def same_message(facts: Facts, notes: Notes) -> Decision | None:
    """A duplicate, or a wait for the sighting that came first; None for a message to be decided by itself."""
    for sighting in facts.sightings:
        if sighting.outcome == "gone" or not _counts(facts, sighting):
            continue
        if sighting.outcome is not None and sighting.same_content:
            if not sighting.same_mailbox and facts.tenant.copies == "linked":
                continue  # `copied_ticket` links to it
            notes.add("Message-ID and content", "the same message was already processed")
            return Decision(action="duplicate", reason="same_message", ticket_id=sighting.ticket_id)
        if sighting.same_content is False:
            notes.add("Message-ID", "another message with different content has the same Message-ID")
            notes.flag("same_message_id")
        elif sighting.earlier and sighting.email_id not in facts.waited:
            notes.add("Message-ID", "an earlier sighting of it is being processed")
            # One that nobody was asked about may lie in a mailbox that is paused: it is the duplicate then.
            patience = PERSON_PATIENCE if sighting.waits_for_person else PARENT_PATIENCE
            return Decision(action="wait", wait_for=sighting.email_id, patience=patience)
    return None


def copied_ticket(facts: Facts) -> UUID | None:
    """The ticket that the same message made in another mailbox, under the policy `linked`."""
    if facts.tenant.copies != "linked":
        return None
    copies = (s for s in facts.sightings if not s.same_mailbox and s.same_content and s.ticket_id)
    return next((s.ticket_id for s in copies), None)


def _counts(facts: Facts, sighting: Sighting) -> bool:
    return sighting.same_mailbox or facts.tenant.copies != "separate"
