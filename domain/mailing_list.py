"""Who wrote a mail that a mailing list sends in its own name, for DMARC's sake ("Alice via Team")."""

from __future__ import annotations

from domain.address import canonical, domain_of
from domain.authentication import vouches_for
from domain.decision import Notes
from domain.facts import Facts


def original_author(facts: Facts, notes: Notes) -> str:
    """The address of the author behind the list, or empty. Reply-To is believed only where a trusted hop saw that
    very domain authenticate: anybody can write a Reply-To."""
    if not facts.list_mail or len(facts.reply_to) != 1:
        return ""
    address = canonical(facts.reply_to[0].address)
    if not address or domain_of(address) == domain_of(facts.sender):
        return ""
    proof = vouches_for(facts.authentication, address, facts.mailbox)
    if not proof:
        notes.add("Mailing list", "its Reply-To is not proven by a trusted hop, so the list stays the sender")
        return ""
    notes.add("Mailing list", f"the author behind the list is proven: {proof}")
    return address
