"""Mail that no person wrote acts by its kind; it opens tickets only where a mailbox wants it, and reopens none."""

from __future__ import annotations

from domain.address import canonical
from domain.decision import BouncedAddress, Decision, Notes
from domain.facts import Facts

# Machines answering machines: without a conversation to belong to they are recorded, not ticketed.
_EXCLUDED = frozenset({"auto_reply", "bounce", "report"})
# Full mailbox, message too big and policy refusals (RFC 3463) are about this mail, not about the address.
_SOFT_STATUS = ("4.", "5.2.2", "5.2.3", "5.3.4", "5.7.")


def came_back(facts: Facts, notes: Notes) -> Decision | None:
    """Our own mail, or a machine that writes as one of our own mailboxes: the beginning of a loop."""
    if facts.own_message:
        notes.add("Its own Message-ID", "is one that we issued: our own mail came back")
    elif facts.own_mailbox and facts.automated:
        notes.add("Sender", f"is one of our own mailboxes, and the mail is of the kind {facts.kind}")
    else:
        return None
    return Decision(action="exclude", reason="own_message")


def belongs_nowhere(facts: Facts, notes: Notes) -> Decision | None:
    """Automated mail without a ticket."""
    if facts.kind not in _EXCLUDED:
        return None
    if facts.kind in facts.mailbox.tickets_from:
        notes.add("Kind of mail", f"{facts.kind}, of which this mailbox makes tickets")
        return None
    notes.add("Kind of mail", f"{facts.kind}, and it belongs to no ticket")
    return Decision(action="exclude", reason=facts.kind)


def bounced_address(facts: Facts) -> BouncedAddress | None:
    """The address that a report about our own mail is about. Only one that the mail was sent to: anybody can write a
    report about anybody."""
    bounce = facts.bounce
    sent = next((t.sent_to for t in facts.threads if t.source == "bounce" and t.outbound), frozenset[str]())
    if bounce is None or not sent:
        return None
    address = canonical(bounce.recipient or "")
    if address not in sent:
        if len(sent) > 1:
            return None
        (address,) = sent  # it was forwarded to the address that the report names
    status = bounce.status or ""
    hard = bounce.action != "delayed" and not status.startswith(_SOFT_STATUS)
    return BouncedAddress(address=address, status=status, hard=hard)
